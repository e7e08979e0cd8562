//! Passwords of admins: which are taken (NIST SP 800-63B §5.1.1.2), and hashing that never takes the server's memory or
//! all its threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use licentia_crypto::passwords;
use licentia_types::problems::{FieldProblem, ProblemCode};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, oneshot};

use crate::context::Context;
use crate::failure::Failure;
use crate::refusal::Refusal;

pub use changes::{change, reset};
pub use forgotten::forgot;
pub use rules::PasswordFault;

mod changes;
pub(crate) mod forgotten;
mod rules;

/// Hashes at once: each takes a processor and 19 MiB for a while.
const AT_ONCE: usize = 2;
/// Hashes that may wait; more of them are an attack.
const MOST_WAITING: usize = 64;

/// The places where passwords are hashed.
#[derive(Debug)]
pub(crate) struct Hashing {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicUsize::new(0) }
    }
}

/// Counts who waits, however the waiting ends.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hashing {
    /// Runs a hash when it is its turn, off the threads that serve.
    async fn turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let counted = Waiting(&self.waiting);
        if waiting >= MOST_WAITING {
            return Err(Failure::Overloaded);
        }
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Failure::Cancelled)?;
        drop(counted);
        let (tell, told) = oneshot::channel();
        // Whoever asked may go away; the hash goes on, and keeps its place.
        let work = move || {
            let _place = place;
            yield_to_machines();
            // Nobody is there to be told that nobody was told.
            drop(tell.send(work()));
        };
        // A thread for each: a lower priority cannot be raised again.
        let thread = std::thread::Builder::new().name("passwords".to_owned());
        thread.spawn(work).map_err(|_| Failure::Cancelled)?;
        told.await.map_err(|_| Failure::Cancelled)
    }
}

/// On Linux a priority is the thread's own (nice(2)): while many sign in, heartbeats get the processors first.
#[cfg(target_os = "linux")]
fn yield_to_machines() {
    const NICER: i32 = 10;
    // It is hashed all the same.
    let _ = rustix::process::nice(NICER);
}

#[cfg(not(target_os = "linux"))]
fn yield_to_machines() {}

/// Hashes a new password, which `words` belong to: nobody's password is his own address.
///
/// # Errors
/// When it is too short or too long, or can be guessed.
pub(crate) async fn hash_new(ctx: &Context, password: &str, words: &[&str]) -> Result<String, PasswordError> {
    let password = SecretString::from(password);
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let salt = ctx.moment().random().map_err(Failure::from)?;
    let hashed = ctx.hashing.turn(move || {
        rules::expect_good(password.expose_secret(), &words)?;
        Ok(passwords::hash(password.expose_secret(), &salt))
    });
    let hashed: Result<_, PasswordFault> = hashed.await?;
    hashed?.map_err(|_| Failure::Cancelled.into())
}

/// Whether this is the password of the hash; where there is none it takes as long to find out.
pub(crate) async fn verify(ctx: &Context, password: &str, hash: Option<String>) -> Result<bool, Failure> {
    let password = SecretString::from(password);
    let verified = ctx.hashing.turn(move || {
        let known = hash.is_some();
        let hash = hash.or_else(|| nobodys().map(str::to_owned)).unwrap_or_default();
        let fits = rules::is_short_enough(password.expose_secret());
        fits && passwords::verify(password.expose_secret(), &hash) && known
    });
    verified.await
}

/// A hash that takes as long as any other.
fn nobodys() -> Option<&'static str> {
    static HASH: OnceLock<Option<String>> = OnceLock::new();
    HASH.get_or_init(|| passwords::hash("nobody's", &[0; passwords::SALT]).ok()).as_deref()
}

/// Why a password was not taken, or set.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The new one is none.
    #[error(transparent)]
    Fault(#[from] PasswordFault),
    /// The token was used, is over, or never was one.
    #[error("the token is not valid: it was used, its time is over, or it never was one")]
    Token,
    /// The present password is another one.
    #[error("the present password is not right")]
    Wrong,
    /// It takes a letter.
    #[error("this server sends no letters: ask somebody who administers it for another password")]
    NoMail,
    /// It is the directory's.
    #[error("the directory knows your password: it is changed there")]
    OfDirectory,
    /// It takes an admin who is signed in.
    #[error("sign in first: this is about your own password")]
    NotSignedIn,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

crate::failure::failed_from!(PasswordError);

impl Refusal for PasswordError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Fault(_) => ProblemCode::PasswordWeak,
            Self::Token | Self::Wrong => ProblemCode::CredentialsInvalid,
            Self::NoMail | Self::OfDirectory => ProblemCode::StateConflict,
            Self::NotSignedIn => ProblemCode::Unauthenticated,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::Fault(fault) => fault.fields(),
            Self::Token
            | Self::Wrong
            | Self::NoMail
            | Self::OfDirectory
            | Self::NotSignedIn
            | Self::Failed(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_hash_keeps_its_place_when_nobody_waits_for_it_any_more() {
        let hashing = Hashing::default();
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            let (end, ended) = mpsc::channel::<()>();
            let (tell, told) = tokio::sync::oneshot::channel();
            let turn = hashing.turn(move || {
                tell.send(()).unwrap();
                let _ = ended.recv();
            });
            tokio::select! {
                _ = turn => panic!("it was not ended"),
                begun = told => begun.unwrap(),
            }
            // The turn was dropped, its work goes on.
            held.push(end);
        }
        assert_eq!(hashing.places.available_permits(), 0);
        drop(held);
        assert!(hashing.turn(|| true).await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn more_than_may_wait_are_turned_away() {
        let hashing = Hashing::default();
        hashing.waiting.store(MOST_WAITING, Ordering::Relaxed);
        assert!(matches!(hashing.turn(|| ()).await, Err(Failure::Overloaded)));
        assert_eq!(hashing.waiting.load(Ordering::Relaxed), MOST_WAITING);
    }
}
