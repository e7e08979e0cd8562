//! Accounts of customers: with what they sign in, for what is their own.
//!
//! Nobody has an account before he showed that its address is his, by a token that was sent there; only then he becomes
//! the customer who is known by that address, and only then a password is kept. Whatever is asked for about an address
//! is written down alike and answered alike, whether or not anybody has it: who that is is looked up later, by the job
//! that writes the letter ([`requests`]).

use licentia_types::accounts::AccountResponse;
use licentia_types::ids::CustomerId;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::time::{Seconds, Timestamp};

use crate::actors::{Actor, Caller};
use crate::context::Context;
use crate::customers;
use crate::failure::{Failure, failed_from};
use crate::passwords::PasswordError;
use crate::refusal::Refusal;
use crate::scope::Scope;

pub use codes::sign_in_by_code;
pub use export::export;
pub(crate) use letters::send_reset_to;
pub use passwords::change_password;
pub(crate) use passwords::reset_password;
pub use registration::confirm;
pub use requests::{ask_for_code, register};
pub(crate) use requests::{has_work, work};
pub use rules::Registration;
pub(crate) use rules::{CODE_LIFE, NotRecent, REGISTRATION_LIFE, expect_recent, forget_asked_before};

mod codes;
mod export;
mod letters;
mod passwords;
mod registration;
mod requests;
mod rules;
pub(crate) mod store;

/// Why an operation on an account was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// An operator does not want it.
    #[error("nobody registers here by himself: ask the vendor")]
    NoRegistration,
    /// Nothing is ever shown by a letter here.
    #[error("this server sends no letters, and without one nobody shows that an address is his")]
    NoMail,
    /// The token was used, is over, or never was one.
    #[error("the token is not valid: it was used, its time is over, or it never was one")]
    Token,
    /// The new password is none.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Only right after a sign-in.
    #[error(transparent)]
    NotRecent(#[from] NotRecent),
    /// It was given a short while ago.
    #[error("all that is kept about you was given to you a short while ago: ask again later")]
    ExportedLately {
        /// In how long it is given again.
        wait: Seconds,
    },
    /// It takes a customer who is signed in.
    #[error("sign in first: this is about what is a customer's own")]
    NotSignedIn,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(AccountError);

impl Refusal for AccountError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NoRegistration => ProblemCode::NotFound,
            Self::NoMail => ProblemCode::StateConflict,
            Self::Token => ProblemCode::CredentialsInvalid,
            Self::Password(error) => error.code(),
            Self::NotRecent(_) => ProblemCode::RecentSignInRequired,
            Self::ExportedLately { .. } => ProblemCode::RateLimited,
            Self::NotSignedIn => ProblemCode::Unauthenticated,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::Password(error) => error.fields(),
            Self::NoRegistration
            | Self::NoMail
            | Self::Token
            | Self::NotRecent(_)
            | Self::ExportedLately { .. }
            | Self::NotSignedIn
            | Self::Failed(_) => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Seconds> {
        match self {
            Self::ExportedLately { wait } => Some(*wait),
            _ => None,
        }
    }
}

/// The customer who is signed in, as he sees himself.
///
/// # Errors
/// When the caller is none.
pub async fn me(ctx: &Context, caller: &Caller) -> Result<AccountResponse, AccountError> {
    let Actor::Customer { id, session, since } = caller.actor else {
        return Err(AccountError::NotSignedIn);
    };
    let account = store::find(&ctx.db, id).await?.ok_or(AccountError::NotSignedIn)?;
    let customer = customers::store::find(&ctx.db, Scope::Customer(id), id).await?;
    let customer = customer.ok_or(Failure::Corrupt("customer"))?;
    Ok(AccountResponse {
        customer_id: id,
        email: account.email,
        name: customer.name,
        organization: customer.organization,
        has_password: account.password_hash.is_some(),
        confirmed_at: account.confirmed_at,
        session_id: session,
        recent_until: rules::recent_until(since),
    })
}

/// Who is signed in, and since when.
pub(crate) const fn signed_in(caller: &Caller) -> Option<(CustomerId, Timestamp)> {
    match caller.actor {
        Actor::Customer { id, since, .. } => Some((id, since)),
        _ => None,
    }
}
