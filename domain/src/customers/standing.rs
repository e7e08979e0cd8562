//! Whether a customer may sign in. Whoever looks after customers ends his sessions at once, and lets him begin none.

use licentia_entity::{customer, customer_account};
use licentia_types::customers::CustomerResponse;
use licentia_types::ids::CustomerId;
use licentia_types::time::Timestamp;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::{CustomerError, render, store};
use crate::actors::{Caller, Person};
use crate::context::Context;
use crate::{accounts, audit, once, one_time_tokens, sessions};

/// Ends all sessions of a customer, at once, and lets him begin none: by a password, a code or a letter. Licences and
/// machines go on. Doing it again changes nothing.
///
/// # Errors
/// When there is none whom the caller may know of, or he has no account.
pub async fn disable_account(
    ctx: &Context,
    caller: &Caller,
    id: CustomerId,
) -> Result<CustomerResponse, CustomerError> {
    stand(ctx, caller, id, Standing::Disabled).await
}

/// Lets a customer sign in again, with what he signed in with before. Doing it again changes nothing.
///
/// # Errors
/// When there is none whom the caller may know of, or he has no account.
pub async fn enable_account(
    ctx: &Context,
    caller: &Caller,
    id: CustomerId,
) -> Result<CustomerResponse, CustomerError> {
    stand(ctx, caller, id, Standing::Enabled).await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Disabled,
    Enabled,
}

impl Standing {
    const fn of(account: &customer_account::Model) -> Self {
        if account.disabled_at.is_some() { Self::Disabled } else { Self::Enabled }
    }

    const fn action(self) -> &'static str {
        match self {
            Self::Disabled => "customer.account_disabled",
            Self::Enabled => "customer.account_enabled",
        }
    }

    fn since(self, now: Timestamp) -> Option<Timestamp> {
        (self == Self::Disabled).then_some(now)
    }
}

async fn stand(
    ctx: &Context,
    caller: &Caller,
    id: CustomerId,
    wanted: Standing,
) -> Result<CustomerResponse, CustomerError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let customer: customer::Model =
        store::find_locked(&tx, caller.actor.scope(), id).await?.ok_or(CustomerError::NotFound)?;
    let account = accounts::store::find_locked(&tx, id).await?.ok_or(CustomerError::NoAccount)?;
    if Standing::of(&account) == wanted {
        return Ok(render(customer, Some(account)));
    }
    if wanted == Standing::Disabled {
        let person = Person::Customer(id);
        one_time_tokens::delete_of(&tx, person).await?;
        sessions::store::delete_of(&tx, person, None).await?;
    }
    let account = customer_account::Model {
        disabled_at: wanted.since(moment.now),
        updated_at: moment.now,
        version: account.version + 1,
        ..account
    };
    let account = account.into_active_model().reset_all().update(&tx).await?;
    let event = audit::Event::new(wanted.action(), &id, json!({})).in_group(customer.group_id);
    audit::record(&tx, &moment, caller, event).await?;
    let shown = render(customer, Some(account));
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(shown)
}
