//! A session begins, and what its owner is given then and at every renewal.

use licentia_entity::session;
use licentia_types::ids::{AdminId, SessionId};
use licentia_types::sessions::SignedInResponse;
use licentia_types::time::Seconds;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use secrecy::SecretString;
use serde_json::json;

use super::{access_tokens, refresh, rules};
use crate::actors::{Caller, Person};
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::{accounts, admins, audit, directory};

/// Somebody is in: what he is told, and what his browser keeps.
#[derive(Debug)]
pub struct Opened {
    /// For the body.
    pub response: SignedInResponse,
    /// For the cookie by which the session is renewed.
    pub cookie: SecretString,
    /// How long the browser is to keep it.
    pub cookie_life: Seconds,
}

/// Writes the session of somebody who is held, and whose credentials were found good.
pub(crate) async fn begin(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    person: Person,
    user_agent: Option<&str>,
) -> Result<session::Model, Failure> {
    let (admin_id, customer_id) = match person {
        Person::Admin(id) => (Some(id), None),
        Person::Customer(id) => (None, Some(id)),
    };
    let ends_at = moment.now + lifetime(ctx, tx, admin_id).await?;
    let session = session::Model {
        id: SessionId::new(moment.new_uuid()?),
        admin_id,
        customer_id,
        generation: 1,
        created_at: moment.now,
        refreshed_at: moment.now,
        ends_at,
        ip: caller.ip.map(|ip| ip.to_string()),
        user_agent: user_agent.map(str::to_owned),
    };
    let row = session.clone().into_active_model().reset_all();
    session::Entity::insert(row).exec_without_returning(tx).await?;
    match person {
        Person::Admin(id) => admins::store::mark_login(tx, id, moment.now).await?,
        Person::Customer(id) => accounts::store::mark_login(tx, id, moment.now).await?,
    }
    let event = audit::Event::new("session.begun", &session.id, json!({}));
    let who = person.in_session(session.id, session.created_at);
    audit::record(tx, moment, &caller.acting_as(who), event).await?;
    Ok(session)
}

/// How long a session goes on at most: of somebody whom the directory knows for less, as it is asked at a sign-in only.
async fn lifetime(ctx: &Context, tx: &WriteTx, admin: Option<AdminId>) -> Result<Seconds, Failure> {
    let lifetime = ctx.settings.sessions.lifetime;
    let (Some(directory), Some(id)) = (&ctx.directory, admin) else { return Ok(lifetime) };
    let is_its = admins::store::find(tx, id).await?.is_some_and(|admin| directory::knows(&admin));
    Ok(if is_its { lifetime.min(directory.session_lifetime) } else { lifetime })
}

impl Opened {
    /// Signs what the owner of a session is given. Never inside a transaction.
    pub(crate) async fn of(
        ctx: &Context,
        moment: &Moment<'_>,
        session: &session::Model,
    ) -> Result<Self, Failure> {
        let (access_token, expires_at) = access_tokens::mint(ctx, moment, session).await?;
        let response = SignedInResponse {
            access_token,
            token_type: "Bearer",
            expires_at,
            session_id: session.id,
            session_expires_at: session.ends_at,
        };
        let until = rules::ends(session, &ctx.settings.sessions);
        let seconds = until.seconds().saturating_sub(moment.now.seconds()).max(0);
        let cookie_life = Seconds::try_from(seconds).map_err(|_| Failure::Corrupt("session"))?;
        Ok(Self { response, cookie: refresh::token(ctx, session.id, session.generation), cookie_life })
    }
}
