//! Signing in: the password, and where an admin or the configuration wants it, a code; for admins and customers alike.
//! Whether an address is known shows neither in the answer nor in its time. Whom we do not know the directory may know
//! ([`super::by_directory`]).

use licentia_entity::{admin, customer_account};
use licentia_types::secret::SecretText;
use licentia_types::sessions::{ChallengeResponse, LoginRequest, SecondFactorRequest, SignInAs};
use licentia_types::text::Email;
use licentia_types::time::Timestamp;
use tokio::time::Instant;

use super::by_directory::{self, Shown};
use super::challenges::{Challenge, Step};
use super::{Door, Opened, SessionError, begin};
use crate::accounts;
use crate::actors::{Caller, Person};
use crate::admins::{self, rules::folded};
use crate::context::Context;
use crate::database::{Lane, WriteTx};
use crate::passwords;
use crate::totp::{self, Proof};

/// What a password was good for.
#[derive(Debug)]
pub enum Entry {
    /// He is in.
    SignedIn(Box<Opened>),
    /// A code is to follow.
    TotpRequired(ChallengeResponse),
    /// An app is to be enrolled first.
    TotpEnrollmentRequired(ChallengeResponse),
}

/// Looks at a password, or at a code that was sent.
///
/// # Errors
/// When it is not his, there is nobody such, or he is disabled: always the same.
pub async fn login(
    ctx: &Context,
    caller: &Caller,
    request: LoginRequest,
    door: Door,
    user_agent: Option<&str>,
) -> Result<Entry, SessionError> {
    let LoginRequest { email, password, code, who } = request;
    match (password, code) {
        (Some(password), None) => {
            let who = Knock { email, who, door };
            with_password(ctx, caller, who, password, user_agent).await
        }
        (None, Some(code)) if who != Some(SignInAs::Admin) => {
            let opened = accounts::sign_in_by_code(ctx, caller, &email, &code, user_agent).await?;
            Ok(Entry::SignedIn(Box::new(opened)))
        }
        (None, Some(_)) => Err(SessionError::CodeOfAdmin),
        _ => Err(SessionError::OneSecret),
    }
}

/// Who says he is whom, and where.
struct Knock {
    email: Email,
    who: Option<SignInAs>,
    door: Door,
}

impl Knock {
    /// Whether a directory of admins could know him.
    fn may_be_admin(&self) -> bool {
        self.door == Door::Everybody && self.who != Some(SignInAs::Customer)
    }
}

/// Whose the password would have to be.
pub(super) enum Account {
    Admin(admin::Model),
    Customer(customer_account::Model),
}

impl Account {
    /// Both are looked up, whoever is meant.
    async fn find(ctx: &Context, Knock { email, who, door }: &Knock) -> Result<Option<Self>, SessionError> {
        let admin = admins::store::find_by_email(&ctx.db, &folded(email)).await?;
        let customer = accounts::store::find_by_email(&ctx.db, email).await?;
        let admin = admin.filter(|_| *door == Door::Everybody).map(Self::Admin);
        let customer = customer.map(Self::Customer);
        Ok(match who {
            None => admin.or(customer),
            Some(SignInAs::Admin) => admin,
            Some(SignInAs::Customer) => customer,
        })
    }

    fn hash(&self) -> Option<String> {
        match self {
            Self::Admin(admin) => admin.password_hash.clone(),
            Self::Customer(account) => account.password_hash.clone(),
        }
    }

    pub(super) const fn person(&self) -> Person {
        match self {
            Self::Admin(admin) => Person::Admin(admin.id),
            Self::Customer(account) => Person::Customer(account.customer_id),
        }
    }

    const fn is_disabled(&self) -> bool {
        match self {
            Self::Admin(admin) => admin.disabled_at.is_some(),
            Self::Customer(account) => account.disabled_at.is_some(),
        }
    }
}

async fn with_password(
    ctx: &Context,
    caller: &Caller,
    knock: Knock,
    password: SecretText,
    user_agent: Option<&str>,
) -> Result<Entry, SessionError> {
    let since = Instant::now();
    let directory = ctx.directory.as_ref().filter(|_| knock.may_be_admin());
    let account = Account::find(ctx, &knock).await?;
    let hash = account.as_ref().and_then(Account::hash);
    let is_right = passwords::verify(ctx, password.expose(), hash).await?;
    let account = match account {
        Some(account) if is_right && !account.is_disabled() => account,
        account => {
            let shown = Shown { email: knock.email, password, account, is_right };
            return match directory {
                Some(directory) => {
                    let who = (caller, user_agent);
                    by_directory::sign_in(ctx, directory, who, shown, since).await
                }
                None => Err(refused(ctx, caller, &shown)),
            };
        }
    };
    // After the hash, which takes its time.
    let moment = ctx.moment();
    if let Account::Admin(admin) = &account
        && let Some(step) = second_step(ctx, admin, moment.now)
    {
        return Ok(step);
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    hold_unchanged(&tx, &account).await?;
    let session = begin(ctx, &tx, &moment, caller, account.person(), user_agent).await?;
    tx.commit().await?;
    Ok(Entry::SignedIn(Box::new(Opened::of(ctx, &moment, &session).await?)))
}

/// What follows the password of an admin, before he is in.
pub(super) fn second_step(ctx: &Context, admin: &admin::Model, now: Timestamp) -> Option<Entry> {
    if admin.totp_confirmed_at.is_some() {
        return Some(Entry::TotpRequired(Challenge::for_admin(ctx, admin, Step::Code, now)));
    }
    let enrollment = || Challenge::for_admin(ctx, admin, Step::Enrollment, now);
    ctx.settings.require_totp.then(|| Entry::TotpEnrollmentRequired(enrollment()))
}

/// Writes down who did not get in, if he is somebody.
pub(super) fn refused(ctx: &Context, caller: &Caller, shown: &Shown) -> SessionError {
    if let Some(account) = &shown.account {
        let reason = if shown.is_right { "disabled" } else { "password" };
        ctx.login_refusals.tell(caller, account.person(), reason, ctx.moment().now);
    }
    SessionError::Credentials
}

/// Looks at the code, or the recovery code, that follows a password.
///
/// # Errors
/// When it is not right or was used before, or what came before does not count any more.
pub async fn second_factor(
    ctx: &Context,
    caller: &Caller,
    request: SecondFactorRequest,
    user_agent: Option<&str>,
) -> Result<Opened, SessionError> {
    let moment = ctx.moment();
    let challenge = Challenge::read(ctx, request.challenge.expose(), Step::Code, moment.now)?;
    let proof = Proof::of(request.code, request.recovery_code).ok_or(SessionError::OneProof)?;
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let admin = admins::store::find_locked(&tx, challenge.admin).await?;
    let admin = admin.filter(|admin| challenge.still_holds(admin)).ok_or(SessionError::Challenge)?;
    if !totp::take(ctx, &tx, &moment, &admin, &proof).await? {
        tx.commit().await?;
        ctx.login_refusals.tell(caller, Person::Admin(admin.id), proof.word(), moment.now);
        return Err(SessionError::Credentials);
    }
    let session = begin(ctx, &tx, &moment, caller, Person::Admin(admin.id), user_agent).await?;
    tx.commit().await?;
    Ok(Opened::of(ctx, &moment, &session).await?)
}

/// Holds whose password was looked at, if it still is his.
async fn hold_unchanged(tx: &WriteTx, seen: &Account) -> Result<(), SessionError> {
    let is_same = match seen {
        Account::Admin(seen) => {
            let held = admins::store::find_locked(tx, seen.id).await?;
            held.is_some_and(|held| {
                held.disabled_at.is_none() && held.credentials_version == seen.credentials_version
            })
        }
        Account::Customer(seen) => {
            let held = accounts::store::find_locked(tx, seen.customer_id).await?;
            held.is_some_and(|held| {
                held.disabled_at.is_none() && held.credentials_version == seen.credentials_version
            })
        }
    };
    if is_same { Ok(()) } else { Err(SessionError::Credentials) }
}
