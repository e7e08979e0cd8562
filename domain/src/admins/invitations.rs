//! The token by which an admin sets his password, on its way to him.

use licentia_entity::admin;
use licentia_types::admins::InvitedAdminResponse;
use secrecy::ExposeSecret;
use serde_json::json;

use super::render;
use crate::actors::{Actor, Caller, Person};
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::mail::{self, Letter, Template};
use crate::one_time_tokens as tokens;

/// The admin with a new token for his password. Where there is mail it reaches him and nobody else; whoever runs the
/// server is shown it all the same, and hands it over himself: it may be the mail that does not work.
pub(super) async fn invite(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    admin: admin::Model,
    template: Template,
) -> Result<InvitedAdminResponse, Failure> {
    let (token, expires_at) = {
        let (owner, life) = (Person::Admin(admin.id), tokens::HANDED_OVER);
        tokens::for_password(ctx, tx, moment, owner, life).await?
    };
    let is_written = mail::is_on(ctx) && !matches!(caller.actor, Actor::Operator);
    if is_written {
        let hours = tokens::HANDED_OVER.get() / 3_600;
        let values = json!({"name": admin.name, "token": token.expose_secret(), "hours": hours});
        let letter = Letter { to: admin.email.clone(), template, values, customer: None };
        mail::post(ctx, tx, moment, letter).await?;
    }
    Ok(InvitedAdminResponse {
        admin: render(tx, admin).await?,
        password_token: (!is_written).then(|| token.expose_secret().to_owned()),
        password_token_expires_at: expires_at,
    })
}
