//! Licence keys that are asked for at the same time: one statement looks them all up.

use std::sync::Arc;
use std::time::Duration;

use licentia_entity::activation;
use licentia_types::text::Fingerprint;
use sea_orm::{DbBackend, DbErr, Value};

use super::subject::{About, Subject};
use crate::activations::machine_row;
use crate::context::Context;
use crate::database::hot::{Hot, Row};
use crate::database::values::{filled_up, with_rows};
use crate::failure::Failure;
use crate::licenses::grants::{self, GRANT_NAME, GrantName};
use crate::queue;

/// Most keys that are looked up together.
const MOST_AT_ONCE: usize = 64;

/// A key, and the machine where one is asked for.
#[derive(Debug)]
struct Asked {
    key_digest: Vec<u8>,
    fingerprint: Option<Fingerprint>,
}

/// None where no licence has this key now.
type Found = Result<Option<Subject>, Arc<Failure>>;

type Waiting = queue::Waiting<Asked, Found>;

/// Keys that wait to be looked up.
#[derive(Debug, Default)]
pub(crate) struct Keys(queue::Queue<Asked, Found>);

/// Waits until a key is looked up together with others. None where it is to be looked up alone: it may be
/// a former one, or nobody serves the queue.
pub(super) async fn join(
    ctx: &Context,
    key_digest: &[u8],
    fingerprint: Option<&Fingerprint>,
) -> Result<Option<Subject>, Failure> {
    if !ctx.asked_keys.0.is_served() {
        return Ok(None);
    }
    let asked = Asked { key_digest: key_digest.to_vec(), fingerprint: fingerprint.cloned() };
    ctx.asked_keys.0.join(asked).await?.map_err(Failure::Together)
}

/// Looks keys up for as long as it is awaited. A second one waits until the first is gone.
///
/// # Errors
/// When the database cannot be opened once more.
pub async fn serve(ctx: &Context) -> Result<(), Failure> {
    let hot = ctx.db.hot().await?;
    ctx.asked_keys
        .0
        .serve(hot.at_once(MOST_AT_ONCE), Duration::ZERO, async |waiting| settle(ctx, &hot, waiting).await)
        .await;
    Ok(())
}

async fn settle(ctx: &Context, hot: &Hot, mut waiting: Vec<Waiting>) -> Vec<Waiting> {
    let next = waiting.split_off(waiting.len().min(hot.at_once(MOST_AT_ONCE)));
    let found: Vec<Found> = match look_up(ctx, hot, &waiting).await {
        Ok(found) => found.into_iter().map(Ok).collect(),
        // A row of one of them may be at fault: alone, each finds out.
        Err(failure) if !failure.is_passing() => waiting.iter().map(|_| Ok(None)).collect(),
        Err(failure) => {
            let failure = Arc::new(failure);
            waiting.iter().map(|_| Err(Arc::clone(&failure))).collect()
        }
    };
    for (waiting, found) in waiting.into_iter().zip(found) {
        waiting.end(found);
    }
    next
}

async fn look_up(ctx: &Context, hot: &Hot, asked: &[Waiting]) -> Result<Vec<Option<Subject>>, Failure> {
    let row = |(place, Waiting { call, .. }): (i64, &Waiting)| -> [Value; COLUMNS.len()] {
        [place.into(), call.key_digest.clone().into(), call.fingerprint.clone().into()]
    };
    let rows = filled_up((0..).zip(asked).map(row).collect(), |row| row.each_ref().map(Value::as_null));
    let sql = looking_up(hot.backend(), rows.len());
    let rows = hot.read(sql, rows.into_iter().flatten().collect()).await?;
    let known = rows.iter().map(Known::of).collect::<Result<Vec<_>, DbErr>>()?;
    let granted = grants::of_names(ctx, hot, known.iter().map(|known| known.grant)).await?;
    let mut found: Vec<Option<Subject>> = asked.iter().map(|_| None).collect();
    for Known { place, grant, seats_used, machine } in known {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let (Some(asked), Some(found)) = (asked.get(place), found.get_mut(place)) else { continue };
        // A licence that was deleted in between took its key with it.
        let Some(granted) = granted.get(&grant.license).map(Arc::clone) else { continue };
        let about = match asked.call.fingerprint {
            None => About::License,
            Some(_) => About::asked(machine),
        };
        *found = Some(Subject { granted, seats_used, about });
    }
    Ok(found)
}

/// A key that a licence has.
struct Known {
    /// Among those that were asked for.
    place: i64,
    grant: GrantName,
    seats_used: i32,
    machine: Option<activation::Model>,
}

impl Known {
    fn of(row: &Row) -> Result<Self, DbErr> {
        let mut cells = row.cells();
        let grant = GrantName::next(&mut cells)?;
        let (place, seats_used) = (cells.next()?, cells.next()?);
        let has_machine: bool = cells.next()?;
        let machine = if has_machine { Some(machine_row::next(&mut cells)?) } else { None };
        Ok(Self { place, grant, seats_used, machine })
    }
}

const COLUMNS: [&str; 3] = ["place", "key_digest", "fingerprint"];

/// Whose instance is not told is the machine without one; where there is none, an active one of those that
/// share the fingerprint, last seen first.
fn looking_up(backend: DbBackend, keys: usize) -> String {
    with_rows(backend, "asked", &COLUMNS, keys)
        + &format!(
            " SELECT {GRANT_NAME}, asked.place, l.seats_used, a.id IS NOT NULL, {}
             FROM asked
             JOIN license l ON l.key_digest = asked.key_digest
             JOIN product p ON p.id = l.product_id
             LEFT JOIN activation a ON a.id = (
               SELECT m.id FROM activation m
               WHERE m.license_id = l.id AND m.fingerprint = asked.fingerprint
               ORDER BY m.instance IS NULL DESC, m.status = 'active' DESC, m.last_contact_at DESC
               LIMIT 1)",
            machine_row::columns()
        )
}
