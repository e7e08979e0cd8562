//! Whose sign-in was refused lately: kept in memory until it is written, so that nobody learns from the time of an answer
//! whose address is known; and once a minute for each account, not at every try.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use licentia_types::time::{Seconds, Timestamp};
use serde_json::json;

use crate::actors::{Caller, Person};
use crate::audit;
use crate::context::Context;
use crate::database::Lane;
use crate::failure::Failure;

const TELLING: Seconds = Seconds::constant(60);

/// What this instance refused. Only people who exist are in it, so that nobody fills it with guesses.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// When the log was told last, or is to be told.
    told: HashMap<Person, Timestamp>,
    /// What is to be told.
    waiting: Vec<Refusal>,
}

#[derive(Clone, Debug)]
struct Refusal {
    caller: Caller,
    person: Person,
    reason: &'static str,
}

impl Refusals {
    /// Somebody did not get in as this person.
    pub(crate) fn tell(&self, caller: &Caller, person: Person, reason: &'static str, now: Timestamp) {
        let mut seen = self.lock();
        if seen.told.get(&person).is_some_and(|at| *at <= now && now < *at + TELLING) {
            return;
        }
        seen.told.insert(person, now);
        seen.waiting.push(Refusal { caller: caller.clone(), person, reason });
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes down whose sign-in was refused.
///
/// # Errors
/// When the database fails; it is tried again with the next call.
pub async fn write_refusals(ctx: &Context) -> Result<(), Failure> {
    let waiting = std::mem::take(&mut ctx.login_refusals.lock().waiting);
    if waiting.is_empty() {
        return Ok(());
    }
    let written = write(ctx, &waiting).await;
    if written.is_err() {
        ctx.login_refusals.lock().waiting.extend(waiting);
    }
    written
}

async fn write(ctx: &Context, waiting: &[Refusal]) -> Result<(), Failure> {
    let moment = ctx.moment();
    let event = |refusal: &Refusal| {
        let action = match refusal.person {
            Person::Admin(_) => "admin.login_refused",
            Person::Customer(_) => "customer.login_refused",
        };
        audit::Event::new(action, &refusal.person, json!({"reason": refusal.reason}))
    };
    let tx = ctx.db.write(Lane::Ordinary).await?;
    audit::record_each(&tx, &moment, waiting.iter().map(|one| (&one.caller, event(one))).collect()).await?;
    Ok(tx.commit().await?)
}
