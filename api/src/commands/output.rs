//! What commands write: answers to the standard output, one clear line to the standard error.

use std::error::Error;
use std::io::{self, Write};

use super::CommandError;

/// Prints a text that ends its own lines.
pub(super) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(CommandError::failed("the answer cannot be written"))
}

/// Says why a command ended, with every cause.
pub(super) fn complain(error: &CommandError) {
    // If nobody can be told, the exit code still tells.
    let _ = writeln!(io::stderr().lock(), "licentia: {}", with_causes(error));
}

/// Errors that only pass on their cause are told once.
fn with_causes(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !told.ends_with(&text) {
            told.push_str(": ");
            told.push_str(&text);
        }
        source = cause.source();
    }
    told
}
