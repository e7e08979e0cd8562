//! Signing in with a password that a directory knows. Whoever is not known here may be known there; and whoever is, and
//! showed a wrong password, is answered as if he were not: the directory is asked whether it answers, without his password.

use std::time::Duration;

use licentia_types::secret::SecretText;
use licentia_types::text::Email;
use tokio::time::{Instant, sleep_until};

use super::login::{Account, Entry, refused, second_step};
use super::{Opened, SessionError, begin};
use crate::actors::{Caller, Person};
use crate::admins::AdminError;
use crate::context::Context;
use crate::database::Lane;
use crate::directory::{self, Admission, Directory, DirectoryPassword};

/// When a refusal is answered at the earliest. How many steps a directory takes, and how long it hashes, follows from whom
/// it knows; below this it does not show.
const REFUSAL: Duration = Duration::from_secs(1);

/// What was shown, and what we know of it.
pub(super) struct Shown {
    pub(super) email: Email,
    pub(super) password: SecretText,
    /// Who has this address here.
    pub(super) account: Option<Account>,
    /// Whether it is the password that we know.
    pub(super) is_right: bool,
}

impl Shown {
    /// What may be shown to the directory: a password that is nobody's here, and not empty.
    fn for_directory(&self) -> Option<DirectoryPassword> {
        let is_ours = match &self.account {
            None => false,
            Some(Account::Admin(admin)) => !directory::knows(admin),
            Some(Account::Customer(_)) => true,
        };
        if is_ours { None } else { DirectoryPassword::of(self.password.expose()) }
    }
}

/// Asks the directory about somebody who is not let in by what we know.
pub(super) async fn sign_in(
    ctx: &Context,
    directory: &Directory,
    who: (&Caller, Option<&str>),
    shown: Shown,
    since: Instant,
) -> Result<Entry, SessionError> {
    let entered = ask(ctx, directory, who, shown).await;
    if matches!(entered, Err(SessionError::Credentials)) {
        sleep_until(since + REFUSAL).await;
    }
    entered
}

async fn ask(
    ctx: &Context,
    directory: &Directory,
    (caller, user_agent): (&Caller, Option<&str>),
    shown: Shown,
) -> Result<Entry, SessionError> {
    let Some(password) = shown.for_directory() else {
        directory.server.answers(&shown.email).await.map_err(SessionError::Directory)?;
        return Err(refused(ctx, caller, &shown));
    };
    let found = directory.server.sign_in(&shown.email, &password).await.map_err(SessionError::Directory)?;
    let Some(entry) = found else {
        return Err(refused(ctx, caller, &shown));
    };
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let admission = directory::admit(&tx, &moment, caller, directory, (shown.email, entry)).await;
    let admin = match admission {
        Ok(Admission::Admitted(admin)) => admin,
        Ok(Admission::Refused(known, reason)) => {
            if let Some(id) = known {
                ctx.login_refusals.tell(caller, Person::Admin(id), reason, moment.now);
            }
            return Err(SessionError::Credentials);
        }
        // Somebody was made an admin with this address just now.
        Err(AdminError::EmailTaken) => return Err(crate::failure::Failure::Contended.into()),
        Err(error) => return Err(error.into()),
    };
    if let Some(step) = second_step(ctx, &admin, moment.now) {
        tx.commit().await?;
        return Ok(step);
    }
    let session = begin(ctx, &tx, &moment, caller, Person::Admin(admin.id), user_agent).await?;
    tx.commit().await?;
    Ok(Entry::SignedIn(Box::new(Opened::of(ctx, &moment, &session).await?)))
}
