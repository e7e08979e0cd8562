//! The second factor: codes of an authenticator app, and recovery codes for the day when the app is lost. Each code is
//! good once, whoever shows it first.

use licentia_crypto::recovery_codes;
use licentia_crypto::sealing::Place;
use licentia_crypto::totp::TotpSeed;
use licentia_entity::admin;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::secret::{SecretText, TotpCode};

use crate::admins::AdminError;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;
use crate::sessions::SessionError;

pub use enrollment::{Confirmed, confirm, enroll};
pub use removal::{disable, remove, renew_recovery_codes};

mod enrollment;
mod removal;
mod store;

/// Wrong codes in a row after which no code is looked at (RFC 4226 §7.3): a recovery code is shown, or the second factor
/// taken away by somebody else. Of a million codes three are good at a time.
const MOST_FAILURES: i32 = 20;
/// How many recovery codes an admin has at first.
const RECOVERY_CODES: usize = 10;

/// Why the second factor stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum TotpError {
    /// Password, code or challenge are not right.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// It takes an admin who is signed in, or a challenge.
    #[error("sign in first, or send the challenge that the password was answered with")]
    NotSignedIn,
    /// One app is enough: the former one is taken away first.
    #[error("there is a second factor already: take it away first")]
    Enrolled,
    /// There is none.
    #[error("there is no second factor; begin with POST /auth/totp/enroll")]
    NotEnrolled,
    /// The configuration demands it.
    #[error("admin.require_totp is set: nobody goes without a second factor here")]
    Required,
    /// The account.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(TotpError);

impl Refusal for TotpError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Session(error) => error.code(),
            Self::NotSignedIn => ProblemCode::Unauthenticated,
            Self::Enrolled | Self::NotEnrolled | Self::Required => ProblemCode::StateConflict,
            Self::Admin(error) => error.code(),
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::Session(error) => error.fields(),
            Self::Admin(error) => error.fields(),
            Self::NotSignedIn | Self::Enrolled | Self::NotEnrolled | Self::Required | Self::Failed(_) => {
                Vec::new()
            }
        }
    }
}

/// What somebody shows beside his password.
pub(crate) enum Proof {
    Code(TotpCode),
    RecoveryCode(SecretText),
}

impl Proof {
    /// One of the two, not both and not none.
    pub(crate) fn of(code: Option<TotpCode>, recovery_code: Option<SecretText>) -> Option<Self> {
        match (code, recovery_code) {
            (Some(code), None) => Some(Self::Code(code)),
            (None, Some(code)) => Some(Self::RecoveryCode(code)),
            _ => None,
        }
    }

    /// What it is called in the audit log.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Code(_) => "code",
            Self::RecoveryCode(_) => "recovery_code",
        }
    }
}

/// Uses up what an admin shows, who is held and has a second factor; false when it is not right, or was used before. That
/// is counted: the transaction is to be committed all the same.
pub(crate) async fn take(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    admin: &admin::Model,
    proof: &Proof,
) -> Result<bool, Failure> {
    if admin.totp_confirmed_at.is_none() {
        return Ok(false);
    }
    let taken = match proof {
        Proof::Code(_) if admin.totp_failures >= MOST_FAILURES => false,
        Proof::Code(code) => take_code(ctx, tx, moment, admin, code).await?,
        Proof::RecoveryCode(code) => match recovery_codes::folded(code.expose()) {
            Some(symbols) => store::take_recovery_code(tx, admin.id, &digest(ctx, &symbols)).await?,
            None => false,
        },
    };
    let failures = if taken { 0 } else { admin.totp_failures.saturating_add(1).min(MOST_FAILURES) };
    if failures != admin.totp_failures {
        store::count_failures(tx, admin.id, failures).await?;
    }
    Ok(taken)
}

/// Uses a code up: its step counts, and no step before it.
async fn take_code(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    admin: &admin::Model,
    code: &TotpCode,
) -> Result<bool, Failure> {
    let seed = seed(ctx, admin)?.ok_or(Failure::Corrupt("second factor"))?;
    let Some(step) = step(&seed, moment, code) else {
        return Ok(false);
    };
    Ok(store::take_step(tx, admin.id, step).await?)
}

/// The step whose code it is at this moment.
fn step(seed: &TotpSeed, moment: &Moment<'_>, code: &TotpCode) -> Option<i64> {
    let seconds = u64::try_from(moment.now.seconds()).ok()?;
    seed.step(code.expose(), seconds).and_then(|step| i64::try_from(step).ok())
}

/// The seed of an admin who has, or begins to have, a second factor.
fn seed(ctx: &Context, admin: &admin::Model) -> Result<Option<TotpSeed>, Failure> {
    let Some(sealed) = &admin.totp_sealed else {
        return Ok(None);
    };
    let opened = ctx.kek.open(place(&admin.id.to_string()), sealed)?;
    TotpSeed::parse(&opened).map(Some).map_err(|_| Failure::Corrupt("second factor"))
}

const fn place(admin: &str) -> Place<'_> {
    Place { table: "admin", column: "totp_sealed", row: admin }
}

/// Gives an admin new recovery codes; the former ones are worth nothing any more.
async fn make_recovery_codes(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    admin: &admin::Model,
) -> Result<Vec<String>, Failure> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    let mut digests = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let code = recovery_codes::code(moment.random()?);
        let symbols = recovery_codes::folded(&code).ok_or(Failure::Corrupt("recovery code"))?;
        digests.push(digest(ctx, &symbols));
        codes.push(code);
    }
    store::replace_recovery_codes(tx, admin.id, digests).await?;
    Ok(codes)
}

fn digest(ctx: &Context, symbols: &[u8]) -> Vec<u8> {
    ctx.secrets.digests.digest("recovery_code", symbols).to_vec()
}
