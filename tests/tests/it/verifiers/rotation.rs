//! Keys rotate while programs verify that keep the key set for as long as their libraries do. The
//! programs run for the whole test, and their clock is the server's.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use licentia_tests::{Backend, on_both};
use serde::Deserialize;

use super::libraries::{node, python_script, without_proxy};
use super::*;

on_both![python_and_node_verify_through_fifty_rotations];

const ROTATIONS: i64 = 50;
/// Every so many rotations one comes by itself, after its thirty days.
const BY_ITSELF: i64 = 5;
const DAY: i64 = 86_400;
/// What the server allows caches by default, in seconds.
const MAX_AGE: i64 = 300;

/// A program that verifies.
struct Follower {
    name: String,
    /// For how long its library keeps the key set, in seconds.
    lifespan: i64,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    verified: usize,
    fetches: Vec<i64>,
}

#[derive(Deserialize)]
struct Answer {
    errors: Vec<Option<String>>,
    fetches: Vec<i64>,
}

impl Follower {
    /// Four of each library: as it comes, and with other caches.
    fn all(server: &TestServer, shop: &Shop) -> Vec<Self> {
        let python = [
            (300, json!({})),
            (300, json!({})),
            (300, json!({"cache_keys": true, "cooldown_duration": 60})),
            (200, json!({"lifespan": 200})),
        ];
        let node = [
            (600, json!({})),
            (600, json!({"cooldownDuration": 120_000})),
            (300, json!({"cacheMaxAge": 300_000})),
            (300, json!({"cacheMaxAge": 300_000})),
        ];
        let start = |library: &'static str, options: [(i64, Value); 4]| {
            options.into_iter().map(move |(lifespan, options)| {
                Self::start(
                    library,
                    lifespan,
                    &json!({"issuer": server.issuer, "audience": shop.slug, "options": options}),
                )
            })
        };
        start("PyJWT", python).chain(start("jose", node)).collect()
    }

    fn start(library: &str, lifespan: i64, given: &Value) -> Self {
        let mut command = if library == "jose" { node("follow.mjs") } else { python_script("follow.py") };
        let mut child = without_proxy(&mut command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{given}").unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let name = format!("{library} with {}", given["options"]);
        Self { name, lifespan, child, input, output, verified: 0, fetches: Vec::new() }
    }

    fn ask(&mut self, now: i64, tokens: &[&str]) {
        writeln!(self.input, "{}", json!({"now": now, "tokens": tokens})).unwrap();
    }

    fn answer(&mut self) -> Vec<Option<String>> {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let answer: Answer =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}: {line:?}", self.name));
        self.verified += answer.errors.len();
        self.fetches = answer.fetches;
        answer.errors
    }

    /// It kept the key set for as long as it may, and was never sent to look for an unknown key.
    fn expect_cached(&self) {
        assert!(self.fetches.len() > 20, "{}: {:?}", self.name, self.fetches);
        assert!(
            self.verified > 3 * self.fetches.len(),
            "{}: {} of {}",
            self.name,
            self.fetches.len(),
            self.verified
        );
        if self.lifespan <= MAX_AGE {
            for two in self.fetches.windows(2) {
                assert!(two[1] - two[0] >= self.lifespan, "{}: fetched at {two:?}", self.name);
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A machine that calls, and everybody who verifies its tokens.
struct World {
    server: TestServer,
    machine: Machine,
    followers: Vec<Follower>,
    /// Every token that is still good, the newest last.
    tokens: Vec<String>,
    moments: usize,
    signed_by: Vec<String>,
}

impl World {
    async fn open(backend: Backend) -> Self {
        let settings = [
            ("TOKENS__TOKEN_TTL", "7200"),
            ("TOKENS__HEARTBEAT_INTERVAL", "3600"),
            ("TOKENS__OFFLINE_GRACE", "7200"),
        ];
        let mut server = TestServer::start_reachable_with(backend, &settings).await;
        server.make_admin().await;
        let shop = Shop::open(&server).await;
        let issued = shop.issue(&server, json!({})).await;
        let machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
        let followers = Follower::all(&server, &shop);
        Self { server, machine, followers, tokens: Vec::new(), moments: 0, signed_by: Vec::new() }
    }

    fn now(&self) -> i64 {
        self.server.context.moment().now.seconds()
    }

    /// Half of the verifiers, the other half each time, look at the newest token and at an old one;
    /// when something just changed, all of them.
    async fn moment(&mut self, all: bool) {
        if all {
            self.server.run_jobs().await;
        }
        self.machine.beat(&self.server).await;
        let now = self.now();
        self.tokens.push(self.machine.token.clone());
        self.tokens.retain(|token| claims(token)["exp"].as_i64().unwrap() > now);
        let kid = header(&self.machine.token)["kid"].as_str().unwrap().to_owned();
        if self.signed_by.last() != Some(&kid) {
            self.signed_by.push(kid);
        }
        self.moments += 1;
        let moments = self.moments;
        let old = &self.tokens[moments * 7 % self.tokens.len()];
        let asked = [self.machine.token.as_str(), self.tokens[0].as_str(), old.as_str()];
        let whom = |index: usize| all || (index + moments).is_multiple_of(2);
        for (_, follower) in self.followers.iter_mut().enumerate().filter(|(index, _)| whom(*index)) {
            follower.ask(now, &asked);
        }
        for (_, follower) in self.followers.iter_mut().enumerate().filter(|(index, _)| whom(*index)) {
            let errors = follower.answer();
            assert!(errors.iter().all(Option::is_none), "{} at moment {moments}: {errors:?}", follower.name);
        }
    }

    /// What every verifier says of one token.
    fn verdicts(&mut self, token: &str) -> Vec<Option<String>> {
        let now = self.now();
        self.followers.iter_mut().for_each(|follower| follower.ask(now, &[token]));
        self.followers.iter_mut().flat_map(Follower::answer).collect()
    }

    /// Somebody rotates as soon as it is possible: the new key waits for caches, no second longer.
    async fn rotate(&mut self) {
        let next = self.server.admin_post("/signing-keys/rotate", json!({})).await.expect(200);
        let from = next["activeFrom"].as_str().unwrap().parse::<licentia_types::time::Timestamp>().unwrap();
        while self.now() < from.seconds() {
            self.moment(false).await;
            let left = from.seconds() - self.now();
            // The last moment before the switch, and the switch itself, are met exactly.
            self.server.clock.advance(if left > 1 { (left - 1).min(71) } else { 1 });
        }
        self.moment(true).await;
        assert_eq!(header(&self.machine.token)["kid"], next["kid"]);
        self.server.clock.advance(1);
    }

    /// The month is over.
    async fn rotate_by_itself(&mut self) {
        let before = self.signed_by.len();
        self.server.clock.advance(30 * DAY - MAX_AGE);
        self.moment(true).await;
        self.server.clock.advance(MAX_AGE);
        self.moment(true).await;
        self.server.clock.advance(1);
        self.moment(false).await;
        assert!(self.signed_by.len() > before);
    }
}

async fn python_and_node_verify_through_fifty_rotations(backend: Backend) {
    let mut world = World::open(backend).await;
    world.moment(true).await;
    for rotation in 1..=ROTATIONS {
        if rotation % BY_ITSELF == 0 { world.rotate_by_itself().await } else { world.rotate().await }
    }
    // Each key signed in its turn, and those that nobody needs are gone.
    assert!(world.signed_by.len() > usize::try_from(ROTATIONS).unwrap(), "{}", world.signed_by.len());
    let jwks = world.server.get("/.well-known/jwks.json").await.expect(200);
    assert!(jwks["keys"].as_array().unwrap().len() < 12);
    world.followers.iter().for_each(Follower::expect_cached);

    // The verifiers do verify: a stranger's key, known to nobody, is refused by all.
    let stranger = KeyPair::generate(licentia_crypto::rsa_keys::RsaKeyBits::Rsa2048).unwrap();
    let kid = stranger.public().thumbprint();
    let signer = licentia_crypto::jws::Signer::new(stranger, kid);
    let forged = signer.sign(&signer.prepare("JWT"), &world.machine.claims()).unwrap();
    assert!(world.verdicts(&forged).iter().all(Option::is_some));

    // A revoked key is gone as soon as caches end, and the one that signs instead was known before.
    let leaked = world.machine.token.clone();
    let kid = header(&leaked)["kid"].as_str().unwrap().to_owned();
    world.server.clock.advance(2 * MAX_AGE);
    world.moment(true).await;
    world.server.admin_post(&format!("/signing-keys/{kid}/revoke"), json!({})).await.expect(200);
    world.machine.beat(&world.server).await;
    let fresh = world.machine.token.clone();
    assert!(world.verdicts(&fresh).iter().all(Option::is_none));
    world.server.clock.advance(2 * MAX_AGE + 1);
    assert!(world.verdicts(&leaked).iter().enumerate().all(|(index, error)| error.is_some() || index == 2));
    assert!(world.verdicts(&fresh).iter().all(Option::is_none));
}
