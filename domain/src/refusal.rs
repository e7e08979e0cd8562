//! What every capability's error can tell the edge.

use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::seats::SeatsTaken;
use licentia_types::time::Seconds;

/// A refused or failed operation, as the edge turns it into a problem document. `Display` is the
/// `detail`: it helps the client and never holds SQL, paths or key material.
pub trait Refusal: std::error::Error + Send + Sync + 'static {
    /// The line of the closed table.
    fn code(&self) -> ProblemCode;

    /// What is wrong with which member of the body.
    fn fields(&self) -> Vec<FieldProblem> {
        Vec::new()
    }

    /// Why a token is not one of ours: words in lower case.
    fn reasons(&self) -> Vec<String> {
        Vec::new()
    }

    /// In how long it may be asked for again, where that is known.
    fn retry_after(&self) -> Option<Seconds> {
        None
    }

    /// Who holds the seats of a full licence.
    fn seats(&self) -> Option<SeatsTaken> {
        None
    }
}
