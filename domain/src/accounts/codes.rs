//! Six digits that are sent to an address, to sign in with: good once, for minutes, for a few tries.
//!
//! There is a row for whatever address one was asked for, whether or not anybody has it, so that a wrong code is counted
//! alike and in the same time. Wrong codes count over all letters, and a right one takes none of them back: whoever guesses
//! while the owner signs in every day gets no more tries by it. All of them together have a chance of one in fifty thousand;
//! they are forgotten when a password is set by a letter, or a month after the last code was sent.

use licentia_entity::{customer_account, sign_in_code};
use licentia_types::secret::TotpCode;
use licentia_types::text::Email;
use serde_json::json;

use super::registration::address_digest;
use super::rules::{CODE_LIFE, MOST_FAILURES, MOST_FAILURES_IN_ROW, is_fresh};
use super::store;
use crate::actors::{Caller, Person};
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;
use crate::mail::{self, Letter, Template};
use crate::sessions::{self, Opened, SessionError};

const CODES: u64 = 1_000_000;

/// Makes the code of an address, and sends it to whoever has it.
pub(super) async fn send(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    email: &Email,
) -> Result<(), Failure> {
    let address_digest = address_digest(ctx, email);
    let before = store::find_code_locked(tx, &address_digest).await?;
    if before.as_ref().is_some_and(|before| is_fresh(before.made_at, moment.now)) {
        return Ok(());
    }
    let failures_in_row = before.map_or(0, |before| before.failures_in_row);
    // Nothing is written: it is from the last code on that it is forgotten.
    if failures_in_row >= MOST_FAILURES_IN_ROW {
        return Ok(());
    }
    let account = store::find_by_email(tx, email).await?.filter(|account| account.disabled_at.is_none());
    let code = format!("{:06}", u64::from_be_bytes(moment.random()?) % CODES);
    let row = sign_in_code::Model {
        code_digest: match account {
            Some(_) => code_digest(ctx, &address_digest, &code),
            // Nothing that anybody could show.
            None => moment.random::<32>()?.to_vec(),
        },
        address_digest,
        made_at: moment.now,
        expires_at: moment.now + CODE_LIFE,
        failures: 0,
        failures_in_row,
    };
    store::put_code(tx, row).await?;
    let Some(account) = account else { return Ok(()) };
    let letter = Letter {
        to: account.email,
        template: Template::SignInCode,
        values: json!({"code": code, "minutes": CODE_LIFE.get() / 60}),
        customer: Some(account.customer_id),
    };
    mail::post(ctx, tx, moment, letter).await
}

/// Lets a customer in who shows the code that was sent to him.
///
/// # Errors
/// When it is not right, was used before or is over, there is nobody such, or he is disabled: always the same.
pub async fn sign_in_by_code(
    ctx: &Context,
    caller: &Caller,
    email: &Email,
    code: &TotpCode,
    user_agent: Option<&str>,
) -> Result<Opened, SessionError> {
    let moment = ctx.moment();
    let address_digest = address_digest(ctx, email);
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let row = store::find_code_locked(&tx, &address_digest).await?;
    let row = row.filter(|row| is_worth_a_look(row, &moment)).ok_or(SessionError::Credentials)?;
    // Held, so that whoever disables him meanwhile ends this session too.
    let account = store::find_by_email_locked(&tx, email).await?;
    let digest = code_digest(ctx, &address_digest, code.expose());
    let is_right = aws_lc_rs::constant_time::verify_slices_are_equal(&digest, &row.code_digest).is_ok();
    let may_come_in = |account: &&customer_account::Model| is_right && account.disabled_at.is_none();
    let Some(account) = account.as_ref().filter(may_come_in) else {
        let (failures, failures_in_row) = (row.failures + 1, row.failures_in_row + 1);
        store::put_code(&tx, sign_in_code::Model { failures, failures_in_row, ..row }).await?;
        tx.commit().await?;
        if let Some(account) = account {
            let person = Person::Customer(account.customer_id);
            let reason = if is_right { "disabled" } else { "code" };
            ctx.login_refusals.tell(caller, person, reason, moment.now);
        }
        return Err(SessionError::Credentials);
    };
    // It is spent. What was guessed before stays counted.
    store::put_code(&tx, sign_in_code::Model { failures: MOST_FAILURES, ..row }).await?;
    let person = Person::Customer(account.customer_id);
    let session = sessions::begin(ctx, &tx, &moment, caller, person, user_agent).await?;
    tx.commit().await?;
    Ok(Opened::of(ctx, &moment, &session).await?)
}

fn is_worth_a_look(row: &sign_in_code::Model, moment: &Moment<'_>) -> bool {
    moment.now < row.expires_at && row.failures < MOST_FAILURES && row.failures_in_row < MOST_FAILURES_IN_ROW
}

fn code_digest(ctx: &Context, address_digest: &[u8], code: &str) -> Vec<u8> {
    let named = [address_digest, code.as_bytes()].concat();
    ctx.secrets.digests.digest("sign_in_code", &named).to_vec()
}
