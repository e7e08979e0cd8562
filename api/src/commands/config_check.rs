//! `licentia config check`

use std::fmt::Write;

use super::{CommandError, output};
use crate::config::Config;

/// Prints the configuration in effect, then what production refuses in it.
pub(super) fn check(config: &Config) -> Result<(), CommandError> {
    let shown = config.render_checked();
    let mut text = shown.map_err(CommandError::failed("the configuration cannot be shown"))?;
    let findings = config.check();
    for finding in &findings {
        let _ = writeln!(text, "\n# refused: {finding}");
    }
    output::print(&text)?;
    if findings.is_empty() {
        Ok(())
    } else {
        Err(CommandError::Unfit)
    }
}
