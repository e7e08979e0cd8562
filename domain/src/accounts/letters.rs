//! The letters that answer what was asked about an address. To one that nobody has there is none.

use licentia_crypto::digests::bearer_secret;
use licentia_entity::{customer_account, registration};
use licentia_types::text::Email;
use secrecy::ExposeSecret;
use serde_json::json;

use super::registration::{address_digest, place, token_digest};
use super::requests::{Asked, Registering, seal};
use super::rules::{BETWEEN_LETTERS, REGISTRATION_LIFE, Registration, is_fresh};
use super::{codes, store};
use crate::actors::Person;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::mail::{self, Letter, Template};
use crate::one_time_tokens::{self, MAILED, MOST_MAILED};

/// What stands before the token of a registration.
const TOKEN: &str = "lrt_";
/// So many registrations of an address wait at once for whoever has it: within an hour, nobody fills his box.
const MOST_REGISTRATIONS: usize = 3;

/// Answers what was asked.
pub(super) async fn answer(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    asked: Asked,
) -> Result<(), Failure> {
    match asked {
        Asked::Registration(registering) => registers(ctx, tx, moment, registering).await,
        Asked::Code(email) => codes::send(ctx, tx, moment, &email).await,
    }
}

/// Whoever has an account is sent what he needs when he forgot that he has one.
async fn registers(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    registering: Registering,
) -> Result<(), Failure> {
    if let Some(account) = store::find_by_email(tx, &registering.email).await? {
        return send_reset(ctx, tx, moment, account).await;
    }
    match ctx.settings.registration {
        Registration::Open => {}
        Registration::Invited if store::is_known(tx, &registering.email).await? => {}
        Registration::Invited | Registration::Off => return Ok(()),
    }
    let address_digest = address_digest(ctx, &registering.email);
    let waiting = store::registrations(tx, &address_digest, moment.now).await?;
    if waiting.len() >= MOST_REGISTRATIONS || waiting.iter().any(|at| is_fresh(*at, moment.now)) {
        return Ok(());
    }
    let token = bearer_secret(TOKEN, moment.random()?);
    let token_digest = token_digest(ctx, token.expose_secret());
    let row = registration::Model {
        asked: seal(ctx, place(&hex::encode(&token_digest)), &registering)?,
        token_digest,
        address_digest,
        made_at: moment.now,
        expires_at: moment.now + REGISTRATION_LIFE,
    };
    store::insert_registration(tx, row).await?;
    let values = json!({"token": token.expose_secret(), "minutes": REGISTRATION_LIFE.get() / 60});
    let letter =
        Letter { to: registering.email, template: Template::MailConfirmation, values, customer: None };
    mail::post(ctx, tx, moment, letter).await
}

/// Sends whoever has this address as a customer a token by which he sets another password.
pub(crate) async fn send_reset_to(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    email: &Email,
) -> Result<(), Failure> {
    match store::find_by_email(tx, email).await? {
        Some(account) => send_reset(ctx, tx, moment, account).await,
        None => Ok(()),
    }
}

async fn send_reset(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    account: customer_account::Model,
) -> Result<(), Failure> {
    if account.disabled_at.is_some() {
        return Ok(());
    }
    let owner = Person::Customer(account.customer_id);
    let last = one_time_tokens::youngest(tx, owner).await?;
    if last.is_some_and(|ends| is_fresh(ends - MAILED, moment.now)) {
        return Ok(());
    }
    if one_time_tokens::count_of(tx, owner, moment.now).await? >= MOST_MAILED {
        return Ok(());
    }
    let (token, _) = one_time_tokens::for_password(ctx, tx, moment, owner, MAILED).await?;
    let letter = Letter {
        to: account.email,
        template: Template::PasswordReset,
        values: json!({"token": token.expose_secret(), "minutes": MAILED.get() / 60}),
        customer: Some(account.customer_id),
    };
    mail::post(ctx, tx, moment, letter).await
}

const _: () = assert!(BETWEEN_LETTERS.get() < MAILED.get());
