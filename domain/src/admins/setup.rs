//! The first admin of all. Whoever sees what the start prints makes him, once; no default account ever exists.

use licentia_entity::server_setting;
use licentia_types::admins::{
    AdminOrigin, AdminResponse, CreateAdminRequest, InvitedAdminResponse, SetupRequest,
};
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::roles::Role;
use licentia_types::text::{RoleName, TextInvalid};
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use sea_orm::sea_query::OnConflict;
use secrecy::SecretString;

use super::{AdminError, NewAdmin, boundaries, expect_given, insert, invite, render, rules, store};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::failure::{Failure, failed_from};
use crate::mail::Template;
use crate::one_time_tokens as tokens;
use crate::passwords::{PasswordError, hash_new};
use crate::refusal::Refusal;

/// Stands in the settings once there was an admin: of two that are made at once one is the first.
const SET_UP: &str = "set_up";

/// Why the first admin was not made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There was one before.
    #[error("this server is set up: its admins make other admins")]
    SetUp,
    /// The token, or the password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The account.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(SetupError);

impl Refusal for SetupError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::SetUp => ProblemCode::StateConflict,
            Self::Password(error) => error.code(),
            Self::Admin(error) => error.code(),
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::Password(error) => error.fields(),
            Self::Admin(error) => error.fields(),
            Self::SetUp | Self::Failed(_) => Vec::new(),
        }
    }
}

/// A token for the first admin, while there was none; to be shown to whoever runs the server, and to nobody else. Each
/// start makes one, and each is good for a day.
///
/// # Errors
/// When the database fails.
pub async fn offer(ctx: &Context) -> Result<Option<SecretString>, Failure> {
    if is_set_up(ctx).await? {
        return Ok(None);
    }
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let token = tokens::for_setup(ctx, &tx, &moment).await?;
    tx.commit().await?;
    Ok(Some(token))
}

/// Makes the first admin, who may do everything.
///
/// # Errors
/// When there was one before, the token is none, or the password can be guessed.
pub async fn set_up(
    ctx: &Context,
    caller: &Caller,
    request: SetupRequest,
) -> Result<AdminResponse, SetupError> {
    if is_set_up(ctx).await? {
        return Err(SetupError::SetUp);
    }
    let SetupRequest { token, email, name, password } = request;
    let token = tokens::setup_digest(ctx, token.expose());
    let known = tokens::find(&ctx.db, &token, ctx.moment().now).await?;
    known.filter(|token| tokens::owner(token).is_none()).ok_or(PasswordError::Token)?;
    let hash = hash_new(ctx, password.expose(), &[email.as_str(), name.as_str()]).await?;
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    if !is_first(&tx, &moment).await? {
        return Err(SetupError::SetUp);
    }
    if !tokens::take(&tx, &token, None, moment.now).await? {
        return Err(PasswordError::Token.into());
    }
    tokens::delete_for_setup(&tx).await?;
    let role = everything().map_err(|_| Failure::Corrupt("role"))?;
    let new =
        NewAdmin { email, name, role, groups: None, password_hash: Some(hash), origin: AdminOrigin::Local };
    let admin = insert(&tx, &moment, caller, new).await?;
    tx.commit().await?;
    Ok(rules::render(admin, None))
}

/// Makes an admin for whoever runs the server, with a password, or with a token by which one is set. If he is the first
/// one, the tokens that the start printed are worth nothing any more.
///
/// # Errors
/// When there is no such role, the address is taken, or the password can be guessed.
pub async fn install(
    ctx: &Context,
    caller: &Caller,
    request: CreateAdminRequest,
    password: Option<&SecretString>,
) -> Result<Installed, SetupError> {
    use secrecy::ExposeSecret;
    let CreateAdminRequest { email, name, role, groups } = request;
    boundaries::expect_fitting(&role, groups.as_ref())?;
    let password_hash = match password {
        Some(password) => {
            Some(hash_new(ctx, password.expose_secret(), &[email.as_str(), name.as_str()]).await?)
        }
        None => None,
    };
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    expect_given(&tx, caller, &role).await?;
    is_first(&tx, &moment).await?;
    tokens::delete_for_setup(&tx).await?;
    let has_password = password_hash.is_some();
    let new = NewAdmin { email, name, role, groups, password_hash, origin: AdminOrigin::Local };
    let admin = insert(&tx, &moment, caller, new).await?;
    let installed = if has_password {
        Installed::Ready(render(&tx, admin).await?)
    } else {
        Installed::Invited(invite(ctx, &tx, &moment, caller, admin, Template::AdminInvited).await?)
    };
    tx.commit().await?;
    Ok(installed)
}

/// An admin whom the operator made.
#[derive(Debug)]
pub enum Installed {
    /// He can sign in.
    Ready(AdminResponse),
    /// He has to set his password first.
    Invited(InvitedAdminResponse),
}

async fn is_set_up(ctx: &Context) -> Result<bool, Failure> {
    Ok(store::has_any_local(&ctx.db).await?)
}

/// Whether nobody was first before; from now on somebody was.
async fn is_first(tx: &WriteTx, moment: &Moment<'_>) -> Result<bool, Failure> {
    let mark = server_setting::ActiveModel {
        name: Set(SET_UP.to_owned()),
        value: Set(String::new()),
        created_at: Set(moment.now),
    };
    let marked = server_setting::Entity::insert(mark)
        .on_conflict(OnConflict::column(server_setting::Column::Name).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(marked == 1)
}

fn everything() -> Result<RoleName, TextInvalid> {
    Role::SuperAdmin.as_str().parse()
}
