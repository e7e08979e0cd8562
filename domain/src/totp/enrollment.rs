//! An app is told a seed, and shows that it knows it.

use licentia_crypto::totp::TotpSeed;
use licentia_entity::admin;
use licentia_types::ids::{AdminId, SessionId};
use licentia_types::secret::SecretText;
use licentia_types::sessions::{ConfirmTotpRequest, EnrollTotpRequest, TotpEnrollmentResponse};
use serde_json::json;

use super::{TotpError, make_recovery_codes, place, seed, step};
use crate::actors::{Actor, Caller, Person};
use crate::admins;
use crate::audit;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::directory;
use crate::failure::Failure;
use crate::passwords;
use crate::sessions::{self, Challenge, Opened, SessionError, Step};

/// Makes a seed for an app. Nothing is demanded before a code of it was shown; until then it can be asked for again, and
/// is another one each time.
///
/// # Errors
/// When nobody is signed in and there is no challenge, the password is not right, or there is a second factor already.
pub async fn enroll(
    ctx: &Context,
    caller: &Caller,
    request: EnrollTotpRequest,
) -> Result<TotpEnrollmentResponse, TotpError> {
    let moment = ctx.moment();
    let who = Who::of(ctx, &moment, caller, request.challenge.as_ref())?;
    if let Who::SignedIn(id, _) = who {
        // Whether the password is right shows to nobody who could not enrol anyway.
        let admin = admins::store::find(&ctx.db, id).await?;
        if admin.is_some_and(|admin| admin.totp_confirmed_at.is_some()) {
            return Err(TotpError::Enrolled);
        }
        expect_password(ctx, caller, id, request.password.unwrap_or_default()).await?;
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let admin = who.hold(&tx).await?;
    if admin.totp_confirmed_at.is_some() {
        return Err(TotpError::Enrolled);
    }
    let seed = TotpSeed::from_bytes(moment.random()?);
    let unusable = |_| Failure::Corrupt("second factor");
    let secret = seed.base32().map_err(unusable)?;
    let uri = seed.uri(admin.email.as_str()).map_err(unusable)?;
    let sealed = ctx.kek.seal(place(&admin.id.to_string()), seed.as_bytes())?.into_bytes();
    admins::write(&tx, &moment, admin::Model { totp_sealed: Some(sealed), ..admin }).await?;
    tx.commit().await?;
    Ok(TotpEnrollmentResponse { secret, uri })
}

/// A second factor counts from now on.
#[derive(Debug)]
pub struct Confirmed {
    /// To be shown this once.
    pub recovery_codes: Vec<String>,
    /// Where a challenge was sent.
    pub signed_in: Option<Opened>,
}

/// Looks at the first code of an app; from then on a code is demanded. Whoever sent a challenge is in.
///
/// # Errors
/// When the code is not right, or no seed was asked for.
pub async fn confirm(
    ctx: &Context,
    caller: &Caller,
    request: ConfirmTotpRequest,
    user_agent: Option<&str>,
) -> Result<Confirmed, TotpError> {
    let moment = ctx.moment();
    let who = Who::of(ctx, &moment, caller, request.challenge.as_ref())?;
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let admin = who.hold(&tx).await?;
    if admin.totp_confirmed_at.is_some() {
        return Err(TotpError::Enrolled);
    }
    let seed = seed(ctx, &admin)?.ok_or(TotpError::NotEnrolled)?;
    let step = step(&seed, &moment, &request.code).ok_or(SessionError::Credentials)?;
    let admin = admin::Model {
        totp_confirmed_at: Some(moment.now),
        totp_last_step: Some(step),
        credentials_version: admin.credentials_version + 1,
        ..admin
    };
    let admin = admins::write(&tx, &moment, admin).await?;
    let recovery_codes = make_recovery_codes(ctx, &tx, &moment, &admin).await?;
    // They began without a code.
    sessions::store::delete_of(&tx, Person::Admin(admin.id), who.session()).await?;
    let event = audit::Event::new("admin.totp_enabled", &admin.id, json!({}));
    audit::record(&tx, &moment, caller, event).await?;
    let session = match who {
        Who::SignedIn(..) => None,
        Who::Challenged(_) => {
            Some(sessions::begin(ctx, &tx, &moment, caller, Person::Admin(admin.id), user_agent).await?)
        }
    };
    tx.commit().await?;
    let signed_in = match session {
        Some(session) => Some(Opened::of(ctx, &moment, &session).await?),
        None => None,
    };
    Ok(Confirmed { recovery_codes, signed_in })
}

/// For whom an app is enrolled.
#[derive(Clone, Copy)]
enum Who {
    SignedIn(AdminId, SessionId),
    Challenged(Challenge),
}

impl Who {
    fn of(
        ctx: &Context,
        moment: &Moment<'_>,
        caller: &Caller,
        challenge: Option<&SecretText>,
    ) -> Result<Self, TotpError> {
        match (challenge, &caller.actor) {
            (Some(text), _) => {
                Ok(Self::Challenged(Challenge::read(ctx, text.expose(), Step::Enrollment, moment.now)?))
            }
            (None, Actor::Admin { id, session, .. }) => Ok(Self::SignedIn(*id, *session)),
            (None, _) => Err(TotpError::NotSignedIn),
        }
    }

    /// In which session he asks.
    const fn session(&self) -> Option<SessionId> {
        match self {
            Self::SignedIn(_, session) => Some(*session),
            Self::Challenged(_) => None,
        }
    }

    /// Holds the admin until the transaction ends.
    async fn hold(&self, tx: &WriteTx) -> Result<admin::Model, TotpError> {
        let held = match self {
            Self::SignedIn(id, _) => {
                admins::store::find_locked(tx, *id).await?.filter(|admin| admin.disabled_at.is_none())
            }
            Self::Challenged(challenge) => admins::store::find_locked(tx, challenge.admin)
                .await?
                .filter(|admin| challenge.still_holds(admin)),
        };
        Ok(held.ok_or(SessionError::Challenge)?)
    }
}

/// Whoever found a browser open does not know the password.
pub(super) async fn expect_password(
    ctx: &Context,
    caller: &Caller,
    id: AdminId,
    password: SecretText,
) -> Result<(), TotpError> {
    let admin = admins::store::find(&ctx.db, id).await?;
    let is_right = match &admin {
        Some(admin) if directory::knows(admin) => {
            directory::confirms(ctx, admin, password.expose()).await.map_err(SessionError::Directory)?
        }
        _ => {
            let hash = admin.and_then(|admin| admin.password_hash);
            passwords::verify(ctx, password.expose(), hash).await?
        }
    };
    if is_right {
        return Ok(());
    }
    ctx.login_refusals.tell(caller, Person::Admin(id), "password", ctx.moment().now);
    Err(SessionError::Credentials.into())
}
