//! `licentia openapi`

use super::{CommandError, output};

/// Prints the document, the same each time.
pub(super) fn print() -> Result<(), CommandError> {
    let json = crate::openapi::document().to_pretty_json();
    let json = json.map_err(CommandError::failed("the document cannot be written"))?;
    output::print(&format!("{json}\n"))
}
