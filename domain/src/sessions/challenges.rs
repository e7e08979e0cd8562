//! What a password is answered with where a second step is to follow: `admin ‖ credentials version ‖ end ‖ step ‖ HMAC`.
//! Nothing of it is stored. It is over after minutes, and as soon as password or second factor change.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use licentia_entity::admin;
use licentia_types::ids::AdminId;
use licentia_types::sessions::ChallengeResponse;
use licentia_types::time::{Seconds, Timestamp};
use uuid::Uuid;

use super::SessionError;
use crate::context::Context;

const LIFE: Seconds = Seconds::constant(300);
const ID: usize = 16;
const NUMBER: usize = 8;
const MAC: usize = 32;
/// Of a text that is looked at at all.
const LONGEST: usize = 128;

/// What is to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A code is shown.
    Code,
    /// An app is told its seed.
    Enrollment,
}

impl Step {
    const fn number(self) -> u8 {
        match self {
            Self::Code => 1,
            Self::Enrollment => 2,
        }
    }
}

/// Whose password was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// Who.
    pub(crate) admin: AdminId,
    credentials_version: i64,
}

impl Challenge {
    /// The challenge for an admin whose password was right.
    pub(super) fn for_admin(
        ctx: &Context,
        admin: &admin::Model,
        step: Step,
        now: Timestamp,
    ) -> ChallengeResponse {
        let expires_at = now + LIFE;
        let named = [
            admin.id.uuid().as_bytes().as_slice(),
            &admin.credentials_version.to_be_bytes(),
            &expires_at.micros().to_be_bytes(),
            &[step.number()],
        ]
        .concat();
        let challenge = URL_SAFE_NO_PAD.encode([named.as_slice(), &mac(ctx, &named)].concat());
        ChallengeResponse { challenge, expires_at }
    }

    /// Reads a challenge for this step that is good at `now`.
    pub(crate) fn read(ctx: &Context, text: &str, step: Step, now: Timestamp) -> Result<Self, SessionError> {
        let (challenge, for_step, expires_at) = open(ctx, text).ok_or(SessionError::Challenge)?;
        let good = for_step == step.number() && now < expires_at;
        if good { Ok(challenge) } else { Err(SessionError::Challenge) }
    }

    /// Whether nothing changed since the password was looked at.
    pub(crate) fn still_holds(&self, admin: &admin::Model) -> bool {
        admin.id == self.admin
            && admin.disabled_at.is_none()
            && admin.credentials_version == self.credentials_version
    }
}

/// Whose challenge it is, if it is one of ours and good: by this his tries are counted.
#[must_use]
pub fn account(ctx: &Context, text: &str) -> Option<AdminId> {
    let (challenge, _, expires_at) = open(ctx, text)?;
    (ctx.moment().now < expires_at).then_some(challenge.admin)
}

fn open(ctx: &Context, text: &str) -> Option<(Challenge, u8, Timestamp)> {
    if text.len() > LONGEST {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (named, given) = bytes.split_at_checked(ID + NUMBER + NUMBER + 1)?;
    aws_lc_rs::constant_time::verify_slices_are_equal(&mac(ctx, named), given).ok()?;
    let (id, rest) = named.split_at_checked(ID)?;
    let (version, rest) = rest.split_at_checked(NUMBER)?;
    let (expires_at, step) = rest.split_at_checked(NUMBER)?;
    let challenge = Challenge {
        admin: AdminId::new(Uuid::from_slice(id).ok()?),
        credentials_version: i64::from_be_bytes(version.try_into().ok()?),
    };
    let expires_at = Timestamp::from_micros(i64::from_be_bytes(expires_at.try_into().ok()?));
    Some((challenge, *step.first()?, expires_at))
}

fn mac(ctx: &Context, named: &[u8]) -> [u8; MAC] {
    ctx.secrets.digests.digest("login_challenge", named)
}
