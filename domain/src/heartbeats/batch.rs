//! A batch of heartbeats: read together, judged one by one, written together.
//!
//! Everybody gets an outcome of his own. A machine that is in the batch already waits for the next
//! one, so that the second of two calls is judged by what the first left behind. What changed under
//! our hands is judged again, in the next batch too.

use std::collections::{HashMap, HashSet};
use std::slice;
use std::sync::Arc;

use licentia_crypto::digests::request_id_digest;
use licentia_types::ids::ActivationId;
use licentia_types::text::RequestId;
use licentia_types::usage::Day;

use super::chain::{Chain, Verdict};
use super::committed;
use super::contact::Contact;
use super::draft::{self, Draft};
use super::error::HeartbeatError;
use super::outcome::Outcome;
use super::queue::{Beat, MOST_AT_ONCE, Waiting};
use super::standing::Standing;
use super::store;
use super::worth::Worth;
use crate::context::{Context, Moment};
use crate::database::Lane;
use crate::database::hot::Hot;
use crate::failure::Failure;
use crate::signing_keys::SigningKey;
use crate::usage;

/// Most calls of one machine that wait for each other.
const MOST_OF_ONE: usize = 32;

/// A heartbeat that was judged.
enum Judged {
    Ended(Outcome),
    Drafted(Box<Draft>),
}

/// Ends what can be ended, and gives back what is to be judged in the next batch.
pub(super) async fn settle(ctx: &Context, hot: &Hot, waiting: Vec<Waiting>) -> Vec<Waiting> {
    let (batch, mut next) = one_of_each(waiting, hot.at_once(MOST_AT_ONCE));
    let beats: Vec<Arc<Beat>> = batch.iter().map(|waiting| Arc::clone(&waiting.call)).collect();
    let outcomes = Box::pin(outcomes(ctx, hot, &beats)).await;
    let mut ended = Vec::with_capacity(batch.len());
    for (waiting, outcome) in batch.into_iter().zip(outcomes) {
        match outcome {
            Some(outcome) => ended.push((waiting, outcome)),
            None => next.push(waiting),
        }
    }
    committed::end(ctx, ended.into_iter());
    next
}

/// The first call of each machine, and those that wait for the next batch. A machine that calls more
/// often than any client does is told so: nobody else is to wait for it.
fn one_of_each(waiting: Vec<Waiting>, most: usize) -> (Vec<Waiting>, Vec<Waiting>) {
    let mut calls: HashMap<ActivationId, usize> = HashMap::new();
    let (mut batch, mut next) = (Vec::new(), Vec::new());
    for waiting in waiting {
        let calls = calls.entry(waiting.call.request.activation_id).or_default();
        *calls += 1;
        match *calls {
            1 if batch.len() < most => batch.push(waiting),
            2.. if *calls > MOST_OF_ONE => {
                waiting.end(Outcome::Refused(HeartbeatError::Contended, None));
            }
            _ => next.push(waiting),
        }
    }
    (batch, next)
}

/// One for each; none where it is to be judged again, as after a deadlock. A database that is gone fails
/// everybody. Anything else may be the fault of one machine's row, and is to be nobody else's.
async fn outcomes(ctx: &Context, hot: &Hot, beats: &[Arc<Beat>]) -> Vec<Option<Outcome>> {
    match together(ctx, hot, beats).await {
        Ok(outcomes) => outcomes,
        Err(failure) if failure.is_rolled_back() => beats.iter().map(|_| None).collect(),
        Err(failure) if beats.len() == 1 || failure.is_passing() => {
            let failure = Arc::new(failure);
            let failed = || HeartbeatError::Failed(Failure::Together(Arc::clone(&failure)));
            beats.iter().map(|_| Some(Outcome::Refused(failed(), None))).collect()
        }
        Err(_) => {
            let mut outcomes = Vec::with_capacity(beats.len());
            for beat in beats {
                match together(ctx, hot, slice::from_ref(beat)).await {
                    Ok(outcome) => outcomes.extend(outcome),
                    Err(failure) => outcomes.push(Some(Outcome::Refused(failure.into(), None))),
                }
            }
            outcomes
        }
    }
}

async fn together(ctx: &Context, hot: &Hot, beats: &[Arc<Beat>]) -> Result<Vec<Option<Outcome>>, Failure> {
    let moment = ctx.moment();
    let signing_key = ctx.token_key(moment.now).await?;
    let ids: Vec<ActivationId> = beats.iter().map(|beat| beat.request.activation_id).collect();
    let mut standings = Standing::load(ctx, hot, &ids).await?;
    let judged = beats.iter().map(|beat| {
        // A row that cannot be read is its own machine's trouble.
        let judged = judge(ctx, &moment, beat, &mut standings, &signing_key);
        judged.unwrap_or_else(|failure| Judged::Ended(Outcome::Refused(failure.into(), None)))
    });
    let mut judged: Vec<Judged> = judged.collect();
    draft::keep_claim_sets(ctx, hot.db(), &moment, drafts(&mut judged)).await?;
    let rotated = write(hot, &moment, drafts(&mut judged).collect()).await?;
    let end = |judged| match judged {
        Judged::Ended(outcome) => Some(outcome),
        Judged::Drafted(draft) if rotated.contains(&draft.machine.id) => {
            Some(Outcome::Rotated(Box::new(draft.into_rotated(moment.now))))
        }
        Judged::Drafted(_) => None,
    };
    Ok(judged.into_iter().map(end).collect())
}

fn drafts(judged: &mut [Judged]) -> impl Iterator<Item = &mut Draft> {
    judged.iter_mut().filter_map(|judged| match judged {
        Judged::Drafted(draft) => Some(&mut **draft),
        Judged::Ended(_) => None,
    })
}

fn judge(
    ctx: &Context,
    moment: &Moment<'_>,
    beat: &Arc<Beat>,
    standings: &mut HashMap<ActivationId, Standing>,
    signing_key: &Arc<SigningKey>,
) -> Result<Judged, Failure> {
    let Some(standing) = standings.remove(&beat.request.activation_id) else {
        return Ok(Judged::Ended(Outcome::Refused(HeartbeatError::NotFound, None)));
    };
    if let Err(refusal) = standing.admit(beat) {
        return Ok(Judged::Ended(Outcome::Refused(refusal, Some(Box::new(standing.machine)))));
    }
    let machine = &standing.machine;
    let times = standing.granted.entitlements.times;
    let digest = beat.request.request_id.as_ref().map(RequestId::as_str).map(request_id_digest);
    let contact = match Chain::of(machine)?.judge(beat.presented, digest, moment.now) {
        Verdict::Reused => return Ok(Judged::Ended(Outcome::Reused(Box::new(standing)))),
        Verdict::Rotated { chain, restored } => Contact::rotated(machine, times, chain, restored),
        Verdict::Repeated { chain, suspicious } => Contact::repeated(machine, times, chain, suspicious),
    };
    match standing.worth(ctx, moment.now) {
        Worth::Revival { .. } => Ok(Judged::Ended(Outcome::Lapsed(Box::new((standing, contact))))),
        worth => {
            let draft = Draft::of(Arc::clone(beat), standing, (worth, contact), signing_key, moment.now)?;
            Ok(Judged::Drafted(Box::new(draft)))
        }
    }
}

/// Writes the drafts that are still as they were judged, and tells which: all with one statement,
/// which is a transaction of its own where there is nothing else to be written.
async fn write(
    hot: &Hot,
    moment: &Moment<'_>,
    mut drafts: Vec<&mut Draft>,
) -> Result<HashSet<ActivationId>, Failure> {
    if drafts.is_empty() {
        return Ok(HashSet::new());
    }
    let rotations: Vec<_> = drafts.iter().map(|draft| draft.rotation()).collect();
    if !drafts.iter().any(|draft| draft.leaves_notes() || draft.reports_usage()) {
        return store::rotate_at_once(hot, rotations).await;
    }
    let tx = hot.db().write(Lane::Heartbeat).await?;
    let rotated = store::rotate(&tx, rotations).await?;
    drafts.retain(|draft| rotated.contains(&draft.machine.id));
    let day = Day::of(moment.now);
    let counts = usage::merged(drafts.iter().flat_map(|draft| draft.usage(day)).collect());
    drafts.retain(|draft| draft.leaves_notes());
    draft::note(&tx, moment, &mut drafts).await?;
    usage::add(&tx, &counts).await?;
    tx.commit().await?;
    Ok(rotated)
}
