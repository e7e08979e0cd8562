//! An address is shown to be somebody's own: he has an account from then on, and is the customer who is known by it.

use licentia_crypto::sealing::Place;
use licentia_entity::{customer, customer_account, registration};
use licentia_types::accounts::ConfirmRegistrationRequest;
use licentia_types::customers::CreateCustomerRequest;
use licentia_types::text::Email;
use sea_orm::DbErr;
use serde_json::json;

use super::requests::{Registering, open};
use super::rules::folded;
use super::{AccountError, store};
use crate::actors::{Caller, Person};
use crate::audit;
use crate::context::{Context, Moment};
use crate::customers::{self, CustomerError};
use crate::database::{Constraint, Lane, WriteTx, violates};
use crate::failure::Failure;
use crate::passwords::hash_new;
use crate::sessions::{self, Opened};

const EMAIL_TAKEN: Constraint =
    Constraint { name: "customer_account_email_folded", columns: "customer_account.email_folded" };

/// Makes the account of whoever shows the token that was sent to him, and lets him in.
///
/// # Errors
/// When the token is none, there is such an account meanwhile, or the password can be guessed.
pub async fn confirm(
    ctx: &Context,
    caller: &Caller,
    request: ConfirmRegistrationRequest,
    user_agent: Option<&str>,
) -> Result<Opened, AccountError> {
    let token_digest = token_digest(ctx, request.token.expose());
    let known = store::find_registration(&ctx.db, &token_digest, ctx.moment().now).await?;
    let known = known.ok_or(AccountError::Token)?;
    let registering: Registering = open(ctx, place(&hex::encode(&token_digest)), &known.asked)?;
    let password_hash = match &request.password {
        Some(password) => Some(hash_new(ctx, password.expose(), &words(&registering)).await?),
        None => None,
    };
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let held = store::hold_registrations(&tx, &known.address_digest).await?;
    let is_good = |row: &registration::Model| row.token_digest == token_digest && moment.now < row.expires_at;
    if !held.iter().any(is_good) {
        return Err(AccountError::Token);
    }
    store::forget_registrations(&tx, &known.address_digest).await?;
    let account = write(&tx, &moment, caller, registering, password_hash).await?;
    let person = Person::Customer(account.customer_id);
    let session = sessions::begin(ctx, &tx, &moment, caller, person, user_agent).await?;
    tx.commit().await?;
    Ok(Opened::of(ctx, &moment, &session).await?)
}

fn words(registering: &Registering) -> Vec<&str> {
    let names = [registering.name.as_ref(), registering.organization.as_ref()];
    let names = names.into_iter().flatten().map(licentia_types::text::Name::as_str);
    std::iter::once(registering.email.as_str()).chain(names).collect()
}

/// The account, of the customer who is known by its address or of a new one.
async fn write(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    registering: Registering,
    password_hash: Option<String>,
) -> Result<customer_account::Model, AccountError> {
    let email = registering.email.clone();
    let known = store::hold_known(tx, &email).await?;
    let is_known = known.is_some();
    let customer = match known {
        Some(customer) => customer,
        None => make(tx, moment, caller, registering).await?,
    };
    let account = customer_account::Model {
        customer_id: customer.id,
        email_folded: folded(&email),
        email,
        password_hash,
        credentials_version: 1,
        confirmed_at: moment.now,
        last_login_at: None,
        disabled_at: None,
        exported_at: None,
        created_at: moment.now,
        updated_at: moment.now,
        version: 1,
    };
    store::insert(tx, account.clone()).await.map_err(taken)?;
    let event = audit::Event::new("customer.registered", &customer.id, json!({"known": is_known}));
    audit::record(tx, moment, caller, event.in_group(customer.group_id)).await?;
    Ok(account)
}

async fn make(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    registering: Registering,
) -> Result<customer::Model, AccountError> {
    let Registering { email, name, organization } = registering;
    let new = CreateCustomerRequest { name, organization, email: Some(email), ..Default::default() };
    customers::insert(tx, moment, caller, new).await.map_err(|error| match error {
        CustomerError::Failed(failure) => failure.into(),
        _ => Failure::Corrupt("registration").into(),
    })
}

/// Somebody registered twice, and showed both tokens.
fn taken(error: DbErr) -> AccountError {
    if violates(&error, EMAIL_TAKEN) { AccountError::Token } else { error.into() }
}

pub(super) fn token_digest(ctx: &Context, token: &str) -> Vec<u8> {
    ctx.secrets.digests.digest("registration_token", token.as_bytes()).to_vec()
}

/// Stands for an address, where it is to be found by it and not to be read.
pub(super) fn address_digest(ctx: &Context, email: &Email) -> Vec<u8> {
    ctx.secrets.digests.digest("account_address", folded(email).as_bytes()).to_vec()
}

pub(super) fn place(row: &str) -> Place<'_> {
    Place { table: "registration", column: "asked", row }
}
