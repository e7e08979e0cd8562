//! The chain against models of clients: honest ones that lose answers, and clones.

use super::*;
use proptest::prelude::*;

const PERIOD: i64 = 86_400;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_900_000_000 + seconds)
}

fn fresh() -> Chain {
    Chain {
        epoch: 1_900_000_000,
        generation: 1,
        request_digest: None,
        rotated_at: at(0),
        late_generation: 0,
        late_retries: 0,
    }
}

/// The server's side: keeps the chain, answers with the next nonce.
struct Server {
    chain: Chain,
    suspected: bool,
}

impl Server {
    fn beat(&mut self, nonce: Nonce, id: Option<u128>, now: i64) -> Option<Nonce> {
        match self.chain.judge(nonce, id.map(u128::to_be_bytes), at(now)) {
            Verdict::Rotated { chain, .. } => self.chain = chain,
            Verdict::Repeated { chain, suspicious } => {
                self.chain = chain;
                self.suspected |= suspicious;
            }
            Verdict::Reused => {
                self.suspected = true;
                return None;
            }
        }
        Some(self.chain.nonce())
    }
}

/// A client that stores its request id before it sends, as the SDK does.
#[derive(Clone)]
struct Client {
    nonce: Nonce,
    pending: Option<u128>,
    sent: u128,
    with_ids: bool,
}

impl Client {
    fn new(nonce: Nonce, seed: u128, with_ids: bool) -> Self {
        Self { nonce, pending: None, sent: seed, with_ids }
    }

    /// One attempt; the answer is lost when `lost`. False when the server called it a copy.
    fn attempt(&mut self, server: &mut Server, now: i64, lost: bool) -> bool {
        if self.pending.is_none() {
            self.sent += 1;
            self.pending = Some(self.sent);
        }
        let id = if self.with_ids { self.pending } else { None };
        let Some(next) = server.beat(self.nonce, id, now) else {
            return false;
        };
        if !lost {
            self.nonce = next;
            self.pending = None;
        }
        true
    }
}

#[test]
fn a_lost_answer_is_given_again_to_the_same_request_only() {
    let mut server = Server { chain: fresh(), suspected: false };
    let first = server.chain.nonce();
    let second = server.beat(first, Some(7), 10).unwrap();
    assert_eq!(server.beat(first, Some(7), 20), Some(second));
    assert_eq!(server.beat(first, Some(8), 20), None);
    assert_eq!(server.beat(first, None, 20), None);
    assert!(server.beat(second, Some(9), 30).is_some());
    assert_eq!(server.beat(first, Some(7), 40), None);
}

#[test]
fn an_older_epoch_is_a_copy_and_a_newer_one_a_restored_backup() {
    let chain = fresh();
    let again = chain.next_epoch(None, at(5));
    assert!(again.epoch > chain.epoch);
    assert_eq!(again.judge(chain.nonce(), Some([1; 16]), at(6)), Verdict::Reused);
    let ahead = chain.judge(again.nonce(), Some([1; 16]), at(6));
    assert!(matches!(ahead, Verdict::Rotated { restored: true, .. }));
}

proptest! {
    /// Whatever answers are lost, and however often and late the client repeats.
    #[test]
    fn an_honest_client_is_never_locked_out(
        attempts in prop::collection::vec((any::<bool>(), 1_i64..3 * PERIOD), 1..200),
        with_ids in any::<bool>(),
    ) {
        let mut server = Server { chain: fresh(), suspected: false };
        let mut client = Client::new(server.chain.nonce(), 0, with_ids);
        let mut now = 0;
        for (lost, pause) in attempts {
            now += pause;
            prop_assert!(client.attempt(&mut server, now, lost));
        }
        if with_ids {
            prop_assert!(!server.suspected);
        }
    }

    /// Two copies of one installation that call with equal intervals, each repeating until it is
    /// answered: the second one is found within three periods, with request ids and without.
    #[test]
    fn the_second_clone_is_found_within_three_periods(
        offset in 61_i64..PERIOD - 61,
        lost in prop::collection::vec(any::<bool>(), 0..6),
        with_ids in any::<bool>(),
        honest_before in 0_usize..5,
    ) {
        let mut server = Server { chain: fresh(), suspected: false };
        let mut original = Client::new(server.chain.nonce(), 0, with_ids);
        for period in 0..honest_before {
            let now = i64::try_from(period).unwrap() * PERIOD;
            prop_assert!(original.attempt(&mut server, now, false));
        }
        prop_assert!(!server.suspected);
        let mut copy = original.clone();
        copy.sent += 1 << 64;
        let start = i64::try_from(honest_before).unwrap() * PERIOD;
        let mut lost = lost.into_iter();
        for period in 0..3 {
            let now = start + period * PERIOD;
            for (client, now) in [(&mut original, now), (&mut copy, now + offset)] {
                // A lost answer is asked for again within seconds.
                let mut again = 0;
                while lost.next().unwrap_or(false) {
                    client.attempt(&mut server, now + again, true);
                    again += 5;
                }
                client.attempt(&mut server, now + again, false);
            }
        }
        prop_assert!(server.suspected);
    }

    /// The row goes back by any number of rotations and epochs; every client still gets in, and
    /// goes on as if nothing had happened.
    #[test]
    fn a_restored_backup_locks_nobody_out(
        before in 0_usize..20,
        after in 0_usize..20,
        activated_again in any::<bool>(),
        last_answer_lost in any::<bool>(),
    ) {
        let mut server = Server { chain: fresh(), suspected: false };
        let mut client = Client::new(server.chain.nonce(), 0, true);
        let mut now = 0;
        for _ in 0..before {
            now += 60;
            client.attempt(&mut server, now, false);
        }
        let backup = server.chain.clone();
        if activated_again {
            server.chain = server.chain.next_epoch(Some(client.nonce), at(now));
            client = Client::new(server.chain.nonce(), 1 << 64, true);
        }
        for _ in 0..after {
            now += 60;
            client.attempt(&mut server, now, false);
        }
        if last_answer_lost {
            client.attempt(&mut server, now + 1, true);
        }
        server.chain = backup;
        for _ in 0..3 {
            now += 3_600;
            prop_assert!(client.attempt(&mut server, now, false));
        }
        prop_assert!(!server.suspected);
    }
}
