//! Somebody says that he forgot his password. What he asks is written down, whoever he is, and looked at later: neither
//! the answer nor its time tells whether the address is known. An admin, or a customer with an account, gets a letter with
//! a token; what he had is good until he uses it.

use licentia_crypto::sealing::Place;
use licentia_entity::password_request as request;
use licentia_types::admins::ForgottenPasswordRequest;
use licentia_types::ids::{AdminId, PasswordRequestId};
use licentia_types::sessions::SignInAs;
use licentia_types::text::Email;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use secrecy::ExposeSecret;
use serde_json::json;

use super::PasswordError;
use crate::accounts;
use crate::actors::{Actor, Caller, Person};
use crate::admins::{self, rules::folded};
use crate::audit;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::directory;
use crate::failure::Failure;
use crate::mail::{self, Letter, Template};
use crate::one_time_tokens::{self as tokens, MAILED as LIFE};
use crate::sessions::Door;

/// Notes that somebody forgot his password.
///
/// # Errors
/// When this server writes no letters.
pub async fn forgot(
    ctx: &Context,
    caller: &Caller,
    asked: ForgottenPasswordRequest,
    door: Door,
) -> Result<(), PasswordError> {
    if !mail::is_on(ctx) {
        return Err(PasswordError::NoMail);
    }
    let moment = ctx.moment();
    let id = PasswordRequestId::new(moment.new_uuid().map_err(Failure::from)?);
    let sealed = ctx.kek.seal(place(&id.to_string()), asked.email.as_str().as_bytes());
    let row = request::Model {
        id,
        email: sealed.map_err(Failure::from)?.into_bytes(),
        ip: caller.ip.map(|ip| ip.to_string()),
        request_id: caller.request_id.clone(),
        requested_at: moment.now,
        // Whoever knocks where customers come in is meant as one.
        asked_as: if door == Door::Customers { Some(SignInAs::Customer) } else { asked.who },
    };
    let tx = ctx.db.write(Lane::Ordinary).await?;
    request::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether anybody waits.
pub(crate) async fn any(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(request::Entity::find().limit(1).count(db).await? > 0)
}

/// Writes to those who are admins; gives how many asked.
pub(crate) async fn answer(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    most: u64,
) -> Result<u64, Failure> {
    let asked = request::Entity::find().order_by_asc(request::Column::Id).limit(most).all(tx).await?;
    for one in &asked {
        // What lies here too long is no letter that anybody waits for.
        if one.requested_at + LIFE > moment.now {
            write_to(ctx, tx, moment, one).await?;
        }
    }
    let ids: Vec<PasswordRequestId> = asked.iter().map(|one| one.id).collect();
    if !ids.is_empty() {
        request::Entity::delete_many().filter(request::Column::Id.is_in(ids)).exec(tx).await?;
    }
    Ok(u64::try_from(asked.len()).unwrap_or(u64::MAX))
}

async fn write_to(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    asked: &request::Model,
) -> Result<(), Failure> {
    let email = match email(ctx, asked) {
        Ok(email) => email,
        // It is forgotten with the others: one row that nobody can read keeps nobody else waiting.
        Err(failure) if failure.is_unreadable() => return Ok(()),
        Err(failure) => return Err(failure),
    };
    let admin = match asked.asked_as {
        Some(SignInAs::Customer) => None,
        None | Some(SignInAs::Admin) => admins::store::find_by_email(tx, &folded(&email)).await?,
    };
    match admin {
        Some(admin) => write_to_admin(ctx, tx, moment, (asked, &email), admin.id).await,
        None if asked.asked_as == Some(SignInAs::Admin) => Ok(()),
        None => accounts::send_reset_to(ctx, tx, moment, &email).await,
    }
}

async fn write_to_admin(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    (asked, email): (&request::Model, &Email),
    admin: AdminId,
) -> Result<(), Failure> {
    // Held before his tokens are: as everybody does who gives or ends one.
    let held = admins::store::find_locked(tx, admin).await?;
    // What the directory knows is of no use to be sent.
    let held = held.filter(|admin| !directory::knows(admin));
    let held = held.filter(|admin| admin.disabled_at.is_none() && folded(&admin.email) == folded(email));
    let Some(admin) = held else { return Ok(()) };
    let owner = Person::Admin(admin.id);
    if tokens::count_of(tx, owner, moment.now).await? >= tokens::MOST_MAILED {
        return Ok(());
    }
    let (token, _) = tokens::for_password(ctx, tx, moment, owner, LIFE).await?;
    let values = json!({"name": admin.name, "token": token.expose_secret(), "minutes": LIFE.get() / 60});
    let (to, template) = (admin.email, Template::AdminPasswordForgotten);
    mail::post(ctx, tx, moment, Letter { to, template, values, customer: None }).await?;
    let ip = asked.ip.as_ref().and_then(|ip| ip.parse().ok());
    let caller = Caller { actor: Actor::Anonymous, ip, request_id: asked.request_id.clone(), once: None };
    let event = audit::Event::new("admin.password_forgotten", &admin.id, json!({}));
    audit::record(tx, moment, &caller, event).await
}

/// Whose password is said to be forgotten.
fn email(ctx: &Context, asked: &request::Model) -> Result<Email, Failure> {
    let opened = ctx.kek.open(place(&asked.id.to_string()), &asked.email)?;
    let email = std::str::from_utf8(&opened).ok().and_then(|text| text.parse().ok());
    email.ok_or(Failure::Corrupt("address"))
}

fn place(row: &str) -> Place<'_> {
    Place { table: "password_request", column: "email", row }
}
