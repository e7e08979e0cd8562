//! What is asked for about an address is written down, whoever has it or nobody, and answered by a letter a moment later:
//! neither the answer nor its time tells whether the address is known.

use licentia_crypto::sealing::Place;
use licentia_entity::account_request;
use licentia_types::accounts::RegisterRequest;
use licentia_types::ids::AccountRequestId;
use licentia_types::text::{Email, Name};
use licentia_types::time::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::rules::Registration;
use super::{AccountError, letters, store};
use crate::actors::Caller;
use crate::context::Context;
use crate::database::Lane;
use crate::failure::Failure;
use crate::jobs::Left;
use crate::mail;

/// Requests of one turn: however many there are, the other jobs get theirs.
const OF_A_TURN: u64 = 50;
/// What lies here longer is no letter that anybody waits for.
const WAITED_FOR: Seconds = Seconds::constant(3_600);

/// What was asked.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Asked {
    /// To become a customer with an account.
    Registration(Registering),
    /// For a code to sign in with.
    Code(Email),
}

/// Who registers.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Registering {
    pub(super) email: Email,
    pub(super) name: Option<Name>,
    pub(super) organization: Option<Name>,
}

/// Asks for a letter by which somebody shows that an address is his.
///
/// # Errors
/// When nobody registers here.
pub async fn register(ctx: &Context, caller: &Caller, request: RegisterRequest) -> Result<(), AccountError> {
    if ctx.settings.registration == Registration::Off {
        return Err(AccountError::NoRegistration);
    }
    let RegisterRequest { email, name, organization } = request;
    write(ctx, caller, &Asked::Registration(Registering { email, name, organization })).await
}

/// Asks for a letter with a code to sign in with.
///
/// # Errors
/// When there are no letters.
pub async fn ask_for_code(ctx: &Context, caller: &Caller, email: Email) -> Result<(), AccountError> {
    write(ctx, caller, &Asked::Code(email)).await
}

async fn write(ctx: &Context, caller: &Caller, asked: &Asked) -> Result<(), AccountError> {
    if !mail::is_on(ctx) {
        return Err(AccountError::NoMail);
    }
    let moment = ctx.moment();
    let id = AccountRequestId::new(moment.new_uuid()?);
    let request = account_request::Model {
        id,
        asked: seal(ctx, place(&id.to_string()), asked)?,
        ip: caller.ip.map(|ip| ip.to_string()),
        request_id: caller.request_id.clone(),
        requested_at: moment.now,
    };
    let tx = ctx.db.write(Lane::Ordinary).await?;
    store::insert_request(&tx, request).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether anything was asked.
pub(crate) async fn has_work(ctx: &Context) -> Result<bool, Failure> {
    Ok(store::any_request(&ctx.db).await?)
}

/// Answers what was asked, the oldest first, each by itself.
pub(crate) async fn work(ctx: &Context) -> Result<Left, Failure> {
    let requests = store::requests(&ctx.db, OF_A_TURN).await?;
    let left = if requests.len() < usize::try_from(OF_A_TURN).unwrap_or(usize::MAX) {
        Left::Nothing
    } else {
        Left::More
    };
    for request in requests {
        let moment = ctx.moment();
        let asked = asked(ctx, &request, moment.now)?;
        let tx = ctx.db.write(Lane::Ordinary).await?;
        if store::take_request(&tx, request.id).await? {
            if let Some(asked) = asked {
                letters::answer(ctx, &tx, &moment, asked).await?;
            }
            tx.commit().await?;
        }
    }
    Ok(left)
}

/// What is still to be answered: neither what is too old, nor what cannot be read, which would keep all behind it waiting.
fn asked(ctx: &Context, request: &account_request::Model, now: Timestamp) -> Result<Option<Asked>, Failure> {
    if request.requested_at + WAITED_FOR <= now {
        return Ok(None);
    }
    match open(ctx, place(&request.id.to_string()), &request.asked) {
        Ok(asked) => Ok(Some(asked)),
        Err(failure) if failure.is_unreadable() => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn place(row: &str) -> Place<'_> {
    Place { table: "account_request", column: "asked", row }
}

/// As it waits.
pub(super) fn seal<T: Serialize>(ctx: &Context, place: Place<'_>, asked: &T) -> Result<Vec<u8>, Failure> {
    let text = Zeroizing::new(serde_json::to_vec(asked).map_err(|_| Failure::Corrupt("request"))?);
    Ok(ctx.kek.seal(place, &text)?.into_bytes())
}

/// As it was asked.
pub(super) fn open<T: for<'de> Deserialize<'de>>(
    ctx: &Context,
    place: Place<'_>,
    sealed: &[u8],
) -> Result<T, Failure> {
    let text = ctx.kek.open(place, sealed)?;
    serde_json::from_slice(&text).map_err(|_| Failure::Corrupt("request"))
}
