//! What the world outside does with a letter.

use licentia_types::ids::MailId;
use licentia_types::text::Email;

/// A letter as it is handed over.
pub struct Message {
    /// What its `Message-ID` is made of: the same each time it is tried.
    pub id: MailId,
    /// To whom.
    pub to: Email,
    /// One line.
    pub subject: String,
    /// What stands in it.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Reaches whoever takes letters.
#[async_trait::async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Reaches him. Gives up by itself within a minute.
    ///
    /// # Errors
    /// When he is not there, or does not let us in: no letter's fault.
    async fn reach(&self) -> Result<Box<dyn Line>, Unreachable>;
}

/// A connection on which letters are handed over, one after the other.
#[async_trait::async_trait]
pub trait Line: Send {
    /// Hands one over: when this returns, it was taken. Gives up by itself within a minute.
    ///
    /// # Errors
    /// When it was not taken, or nobody knows. The line is of no use afterwards.
    async fn send(&mut self, message: &Message) -> Result<(), Undelivered>;

    /// Ends the connection as it is done.
    async fn close(self: Box<Self>);
}

/// Nobody there takes letters from us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub String);

/// A letter was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// It never will be.
    #[error("{0}")]
    Refused(String),
    /// It may be later.
    #[error("{0}")]
    Deferred(String),
    /// It was handed over, and there was no answer: it may have been taken.
    #[error("{0}")]
    InDoubt(String),
}
