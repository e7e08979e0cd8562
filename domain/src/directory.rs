//! Admins whom a directory of the operator's knows (LDAP). It says whether a password is theirs, and by its groups which
//! role they have; both is asked for at each sign-in. What is wanted of it is here, how it is asked in `api`.
//!
//! Whoever has an account of his own here is never taken over by it, and his password is never shown to it.

use std::sync::Arc;

use licentia_entity::admin;
use licentia_types::admins::AdminOrigin;
use licentia_types::text::Email;
use licentia_types::time::Seconds;
use secrecy::{ExposeSecret, SecretString};

use crate::context::Context;

pub(crate) use admission::{Admission, admit};
pub use names::{DistinguishedName, NameInvalid};
pub use rules::{GroupRoles, GroupRolesInvalid, has_address};

mod admission;
mod names;
mod rules;

/// The directory, as it is configured.
pub struct Directory {
    /// Who is asked.
    pub server: Arc<dyn DirectoryServer>,
    /// Which group gives which role.
    pub roles: GroupRoles,
    /// How long a session goes on at most: whoever is taken out of the directory is out by then.
    pub session_lifetime: Seconds,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("roles", &self.roles).finish_non_exhaustive()
    }
}

/// Asks the directory.
#[async_trait::async_trait]
pub trait DirectoryServer: Send + Sync + 'static {
    /// Looks for an address, and tells nobody what was found: whether the directory answers is all that counts. Gives up
    /// by itself.
    ///
    /// # Errors
    /// When it does not answer, or is not the one that is meant.
    async fn answers(&self, email: &Email) -> Result<(), DirectoryAway>;

    /// Who has this address, if there is exactly one, and the password is his. It is shown to nobody who does not
    /// [have](has_address) the address. Gives up by itself.
    ///
    /// # Errors
    /// When it does not answer, or is not the one that is meant.
    async fn sign_in(
        &self,
        email: &Email,
        password: &DirectoryPassword,
    ) -> Result<Option<Entry>, DirectoryAway>;
}

/// Somebody whom the directory let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// His addresses, as the directory spells them.
    pub addresses: Vec<String>,
    /// What he is called.
    pub name: Option<String>,
    /// The groups that he is in, by their distinguished names.
    pub groups: Vec<String>,
}

/// A password that may be shown to a directory: it is not empty. A bind with none succeeds, as nobody (RFC 4513 §5.1.2).
#[derive(Clone, Debug)]
pub struct DirectoryPassword(SecretString);

impl DirectoryPassword {
    /// None where there is nothing to show.
    #[must_use]
    pub fn of(password: &str) -> Option<Self> {
        (!password.is_empty()).then(|| Self(SecretString::from(password)))
    }

    /// The password itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The directory does not answer, or not as it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DirectoryAway(pub String);

/// Whether the password is that of an admin of the directory; what it says of him otherwise is left for his next sign-in.
pub(crate) async fn confirms(
    ctx: &Context,
    admin: &admin::Model,
    password: &str,
) -> Result<bool, DirectoryAway> {
    let (Some(directory), Some(password)) = (&ctx.directory, DirectoryPassword::of(password)) else {
        return Ok(false);
    };
    let entry = directory.server.sign_in(&admin.email, &password).await?;
    Ok(entry.is_some_and(|entry| has_address(&entry.addresses, &admin.email)))
}

/// Whether it is the directory that knows his password.
pub(crate) fn knows(admin: &admin::Model) -> bool {
    admin.origin == AdminOrigin::Directory
}
