//! The token of a session (RFC 9068): signed by the session key, which is published nowhere, for this server alone.

use licentia_entity::session;
use licentia_types::ids::SessionId;
use licentia_types::sessions::{CUSTOMER_SESSION_AUDIENCE, SESSION_AUDIENCE, SESSION_TYP};
use licentia_types::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::actors::Person;
use crate::context::{Context, Moment};
use crate::failure::Failure;
use crate::signing_keys::Purpose;
use crate::tokens::verification::{Parsed, parse};

/// Who uses the token (RFC 9068 §2.2): there is one client.
const CLIENT: &str = "licentia";

/// What the token says (RFC 9068 §2.2).
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    iss: String,
    /// The admin or the customer; the audience tells which.
    sub: String,
    aud: String,
    client_id: String,
    iat: i64,
    exp: i64,
    jti: String,
    /// The session.
    pub(super) sid: SessionId,
}

impl Claims {
    /// Whose the token is; none: nobody's.
    pub(super) fn person(&self) -> Option<Person> {
        match self.aud.as_str() {
            SESSION_AUDIENCE => self.sub.parse().ok().map(Person::Admin),
            CUSTOMER_SESSION_AUDIENCE => self.sub.parse().ok().map(Person::Customer),
            _ => None,
        }
    }
}

/// Signs the token of a session, and tells its end. Never inside a transaction.
pub(super) async fn mint(
    ctx: &Context,
    moment: &Moment<'_>,
    session: &session::Model,
) -> Result<(String, Timestamp), Failure> {
    let now = moment.now;
    let end = (now + ctx.settings.sessions.access_ttl).min(rules::ends(session, &ctx.settings.sessions));
    let key = ctx.session_key(now).await?;
    key.reserve(&ctx.db, end).await?;
    let person = rules::person(session).ok_or(Failure::Corrupt("session"))?;
    let audience = match person {
        Person::Admin(_) => SESSION_AUDIENCE,
        Person::Customer(_) => CUSTOMER_SESSION_AUDIENCE,
    };
    let claims = Claims {
        iss: ctx.settings.issuer.clone(),
        sub: person.to_string(),
        aud: audience.to_owned(),
        client_id: CLIENT.to_owned(),
        iat: now.seconds(),
        exp: end.seconds(),
        jti: hex::encode(moment.random::<16>()?),
        sid: session.id,
    };
    Ok((key.sign_document(SESSION_TYP, &claims)?, Timestamp::from_seconds(end.seconds())))
}

/// What a token says that this server signed and that is good at `now`. Costs no statement.
pub(super) async fn read(ctx: &Context, token: &str, now: Timestamp) -> Option<Claims> {
    let Ok(Parsed::Signed(signed)) = parse(token) else {
        return None;
    };
    if signed.header.typ != SESSION_TYP {
        return None;
    }
    let key = ctx.verifying_key(Purpose::Session, &signed.header.kid, now).await?;
    let claims: Claims = signed.claims(key.decoding()).ok()?;
    let ours = claims.iss == ctx.settings.issuer && claims.person().is_some() && !key.is_retired();
    (ours && now.seconds() < claims.exp).then_some(claims)
}
