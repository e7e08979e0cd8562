//! Whose sign-in was refused lately, so that the audit log is told once a minute, not at every try.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use licentia_types::ids::AdminId;
use licentia_types::time::{Seconds, Timestamp};
use serde_json::json;

use crate::actors::Caller;
use crate::audit;
use crate::context::Context;
use crate::database::Lane;
use crate::failure::Failure;

const TELLING: Seconds = Seconds::constant(60);

/// When the log was told last. Only admins who exist are in it, so that nobody fills it with guesses.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<AdminId, Timestamp>>);

impl Refusals {
    /// Whether it is time to tell; remembers that it was told.
    fn is_news(&self, admin: AdminId, now: Timestamp) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = told.get(&admin).is_some_and(|at| *at <= now && now < *at + TELLING);
        if !lately {
            told.insert(admin, now);
        }
        !lately
    }
}

/// Tells the audit log that somebody did not get in as this admin.
pub(super) async fn tell(
    ctx: &Context,
    caller: &Caller,
    admin: AdminId,
    reason: &'static str,
) -> Result<(), Failure> {
    let moment = ctx.moment();
    if !ctx.login_refusals.is_news(admin, moment.now) {
        return Ok(());
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let event = audit::Event::new("admin.login_refused", &admin, json!({"reason": reason}));
    audit::record(&tx, &moment, caller, event).await?;
    Ok(tx.commit().await?)
}
