//! Letters for whoever develops: printed, so that he can follow a link; never logged, and refused in production.

use std::io::{self, Write};

use licentia_domain::mail::{Line, Mailer, Message, Undelivered, Unreachable};

/// Prints letters to the standard output.
#[derive(Debug)]
pub(super) struct Printing;

#[async_trait::async_trait]
impl Mailer for Printing {
    async fn reach(&self) -> Result<Box<dyn Line>, Unreachable> {
        Ok(Box::new(Self))
    }
}

#[async_trait::async_trait]
impl Line for Printing {
    async fn send(&mut self, message: &Message) -> Result<(), Undelivered> {
        let Message { id, to, subject, text, .. } = message;
        let printed = format!("--- letter {id}\nTo: {to}\nSubject: {subject}\n\n{text}\n--- end of {id}\n");
        let mut out = io::stdout().lock();
        let written = out.write_all(printed.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| Undelivered::Deferred(error.to_string()))
    }

    async fn close(self: Box<Self>) {}
}
