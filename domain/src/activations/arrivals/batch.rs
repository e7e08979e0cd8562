//! A batch of arrivals: read together, judged one by one, written together.

use std::collections::HashMap;
use std::sync::Arc;

use licentia_crypto::jws::Unsigned;
use licentia_entity::activation;
use licentia_types::text::ProductVersion;

use super::seating::{Seated, Seating};
use super::store::{self, Held};
use super::{Arrival, Outcome, Waiting};
use crate::activations::activate::{noted, told};
use crate::activations::bound::Bound;
use crate::activations::identify::Coming;
use crate::activations::seats::full;
use crate::context::{Context, Moment};
use crate::database::hot::Hot;
use crate::database::{Lane, WriteTx};
use crate::events;
use crate::failure::Failure;
use crate::lanes::{SignedToken, ToSign};
use crate::licenses::grants;
use crate::signing_keys::SigningKey;
use crate::{audit, releases, status_lists, tokens};

/// Ends what can be ended. Batches are of few sizes, or of each size a statement would be prepared: what
/// is beyond a power of two waits for the next one.
pub(super) async fn settle(ctx: &Context, hot: &Hot, mut waiting: Vec<Waiting>) -> Vec<Waiting> {
    let next = waiting.split_off(power_of_two_within(waiting.len()));
    let arrivals: Vec<&Arrival> = waiting.iter().map(|waiting| &waiting.call).collect();
    let outcomes = match Box::pin(together(ctx, hot, &arrivals)).await {
        Ok(outcomes) => outcomes,
        // A row of one of them may be at fault: alone, each finds out.
        Err(failure) if failure.is_rolled_back() || !failure.is_passing() => {
            arrivals.iter().map(|_| Outcome::Alone).collect()
        }
        Err(failure) => {
            let failure = Arc::new(failure);
            arrivals.iter().map(|_| Outcome::Failed(Arc::clone(&failure))).collect()
        }
    };
    let mut seated: Vec<Box<dyn ToSign>> = Vec::new();
    for (waiting, outcome) in waiting.into_iter().zip(outcomes) {
        match outcome {
            Outcome::Bound(bound) if bound.signing_key.is_reserved(bound.grant.window.stale_until) => {
                seated.push(Box::new(ToAnswer { waiting, bound }));
            }
            outcome => waiting.end(outcome),
        }
    }
    ctx.lanes.take(seated);
    next
}

/// A machine that has its seat, on its way to be signed with others.
struct ToAnswer {
    waiting: Waiting,
    bound: Box<Bound>,
}

impl ToSign for ToAnswer {
    fn key(&self) -> &Arc<SigningKey> {
        &self.bound.signing_key
    }

    fn unsigned(&self, ctx: &Context) -> Option<Unsigned> {
        self.bound.unsigned(ctx).ok()
    }

    fn is_awaited(&self) -> bool {
        self.waiting.is_awaited()
    }

    fn end(self: Box<Self>, token: Option<SignedToken>) {
        let Self { waiting, mut bound } = *self;
        bound.token = token;
        waiting.end(Outcome::Bound(bound));
    }
}

/// The largest power of two that is not more.
const fn power_of_two_within(number: usize) -> usize {
    match number.checked_ilog2() {
        Some(log) => 1 << log,
        None => 0,
    }
}

async fn together(ctx: &Context, hot: &Hot, arrivals: &[&Arrival]) -> Result<Vec<Outcome>, Failure> {
    let moment = ctx.moment();
    let signing_key = ctx.token_key(moment.now).await?;
    let tx = hot.db().write(Lane::Ordinary).await?;
    let keys = arrivals.iter().map(|arrival| arrival.key_digest.clone()).collect();
    let held = store::hold(&tx, keys).await?;
    let granted = grants::of_names(ctx, hot, held.iter().map(|held| held.grant)).await?;
    let by_key: HashMap<_, _> = held.iter().map(|held| (&held.key_digest, held.grant.license)).collect();
    let came = arrivals
        .iter()
        .filter_map(|arrival| Some((*by_key.get(&arrival.key_digest)?, arrival.request.fingerprint.clone())));
    let busy = store::busy(&tx, came, moment.now).await?;
    let mut seating = Seating::of(ctx, &moment, &signing_key, (held, granted), busy);
    let seats = arrivals.iter().map(|arrival| seating.seat(arrival));
    let mut seated = seats.collect::<Result<Vec<_>, Failure>>()?;
    if seated.iter().all(Option::is_none) {
        return Ok(seated.iter().map(|_| Outcome::Alone).collect());
    }
    write(ctx, &tx, &moment, seating.into_held(), arrivals, &mut seated).await?;
    tx.commit().await?;
    let outcome = |seated: Option<Seated>| match seated {
        None => Outcome::Alone,
        Some(Seated { machine, grant, seats, .. }) => Outcome::Bound(Box::new(Bound {
            now: moment.now,
            machine,
            grant,
            seats,
            signing_key: Arc::clone(&signing_key),
            recipient: None,
            proof: None,
            created: true,
            token: None,
        })),
    };
    Ok(seated.into_iter().map(outcome).collect())
}

/// In the order in which everybody takes rows: claim sets, machines, what is told of them, their
/// licences.
async fn write(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    held: Vec<Held>,
    arrivals: &[&Arrival],
    seated: &mut [Option<Seated>],
) -> Result<(), Failure> {
    keep_claim_sets(ctx, tx, moment, seated).await?;
    let mut machines: Vec<&mut activation::Model> =
        seated.iter_mut().flatten().map(|seated| &mut seated.machine).collect();
    status_lists::take_first_places(tx, &mut machines).await?;
    store::insert(tx, machines.iter().map(|machine| (**machine).clone())).await?;
    let present =
        || arrivals.iter().zip(&*seated).filter_map(|(arrival, seated)| Some((*arrival, seated.as_ref()?)));
    let noted = present().map(|(_, seated)| (&seated.caller, noted(&seated.machine, Coming::First)));
    audit::record_each(tx, moment, noted.collect()).await?;
    let told = present().flat_map(|(_, seated)| {
        let license = &seated.grant.granted.license;
        let full = seated.fills.then(|| full(license, seated.seats));
        full.into_iter().chain([told(&seated.machine, license, Coming::First)])
    });
    events::record_all(tx, moment, told.collect()).await?;
    let versions = present().filter_map(|(arrival, seated)| {
        let version: &ProductVersion = arrival.request.product_version.as_ref()?;
        Some((seated.grant.granted.product.id, version))
    });
    releases::see(tx, versions, moment.now).await?;
    store::count(tx, held.into_iter().filter(Held::is_changed).collect(), moment.now).await
}

/// Finds, or keeps, what the tokens of these machines will claim.
async fn keep_claim_sets(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    seated: &mut [Option<Seated>],
) -> Result<(), Failure> {
    let mut lacking: Vec<&mut Seated> =
        seated.iter_mut().flatten().filter(|seated| seated.claim_set.is_none()).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let granted: Vec<_> = lacking.iter().map(|seated| &*seated.grant.granted).collect();
    let kept = tokens::keep_claim_sets(tx, ctx, moment, &granted).await?;
    for seated in &mut lacking {
        let id = kept.get(&seated.machine.license_id).ok_or(Failure::Corrupt("claim set"))?;
        seated.machine.claim_set_id = *id;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::power_of_two_within;

    #[test]
    fn batches_are_of_few_sizes() {
        let sizes = [0, 1, 2, 3, 4, 31, 32, 33].map(power_of_two_within);
        assert_eq!(sizes, [0, 1, 2, 2, 4, 16, 32, 32]);
    }
}
