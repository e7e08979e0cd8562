//! What happens to keys by itself: they rotate, they retire, and one always waits.

use licentia_entity::signing_key::{Model, Purpose};
use licentia_types::time::{Seconds, Timestamp};
use serde_json::json;

use super::creation::{Fresh, PURPOSES};
use super::{purpose_word, retire, rotate, rules, store};
use crate::actors::Caller;
use crate::audit;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;

/// Does what is due. Looks without a lock first: most of the time there is nothing to do. Of several
/// instances at it at once each change is made by one. What fails for one purpose keeps no other
/// from its own.
///
/// # Errors
/// When the database fails, or a key cannot be made: the first such failure.
pub async fn keep_up(ctx: &Context) -> Result<(), Failure> {
    let rows = store::all(&ctx.db).await?;
    let mut changed = false;
    let mut outcome = Ok(());
    for purpose in PURPOSES {
        let of_purpose: Vec<Model> = rows.iter().filter(|row| row.purpose == purpose).cloned().collect();
        let due = Due::of(ctx, &of_purpose, purpose, ctx.moment().now);
        if due.anything() {
            let acted = act(ctx, purpose, due).await;
            changed |= acted.is_ok();
            outcome = outcome.and(acted);
        }
    }
    if changed {
        ctx.keys.refresh(ctx, ctx.moment().now).await;
    }
    outcome
}

/// What is due for one purpose.
struct Due {
    /// The key that signs is to be taken over from.
    rotation: bool,
    /// No key waits.
    nothing_waits: bool,
    /// Keys that nobody needs any more.
    retirable: Vec<Model>,
}

impl Due {
    fn of(ctx: &Context, rows: &[Model], purpose: Purpose, now: Timestamp) -> Self {
        let retirable = rows.iter().filter(|row| rules::retirable_from(row).is_some_and(|at| at <= now));
        Self {
            rotation: rules::is_due(rows, now, every(ctx, purpose)),
            nothing_waits: rules::waiting(rows).is_none(),
            retirable: retirable.cloned().collect(),
        }
    }

    fn anything(&self) -> bool {
        self.rotation || self.nothing_waits || !self.retirable.is_empty()
    }
}

fn every(ctx: &Context, purpose: Purpose) -> Option<Seconds> {
    match purpose {
        Purpose::Token | Purpose::Session => ctx.settings.keys.rotation,
        Purpose::Document => ctx.settings.keys.document_rotation,
    }
}

/// Acts on what is still due once the keys are held: another instance may have been faster.
async fn act(ctx: &Context, purpose: Purpose, seen: Due) -> Result<(), Failure> {
    let fresh = if seen.rotation || seen.nothing_waits { Some(Fresh::generate(ctx).await?) } else { None };
    let caller = Caller::system();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let rows = store::hold(&tx, purpose).await?;
    let moment = ctx.moment();
    let due = Due::of(ctx, &rows, purpose, moment.now);
    for row in &due.retirable {
        retire::finish(&tx, &moment, &caller, row).await?;
    }
    if let Some(fresh) = fresh {
        if due.nothing_waits {
            publish(&tx, &moment, &caller, purpose, fresh).await?;
        } else if due.rotation
            && let Ok(takeover) = rules::takeover(&rows, moment.now, ctx.settings.keys.jwks_max_age)
        {
            rotate::write(&tx, &moment, &caller, purpose, &takeover, fresh).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// A key that waits, where none did.
async fn publish(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    purpose: Purpose,
    fresh: Fresh,
) -> Result<(), Failure> {
    let event =
        audit::Event::new("signing_key.published", &fresh.kid, json!({"purpose": purpose_word(purpose)}));
    fresh.publish(tx, purpose, moment.now).await?;
    audit::record(tx, moment, caller, event).await
}
