//! How an edit is meant, and what came of it: done, or only foreseen.

use licentia_types::impact::ImpactResponse;

/// How an edit is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Intent {
    /// The version that must still be the present one; none: any will do.
    pub expected: Option<i64>,
    /// Nothing is to be written: only to be told what the edit would touch.
    pub dry_run: bool,
}

/// What came of an edit.
#[derive(Clone, Debug, PartialEq)]
pub enum Edited<T> {
    /// It was made.
    Done(T),
    /// It would be made like this; nothing was written.
    Foreseen(ImpactResponse),
}

impl<T> Edited<T> {
    /// Done where nothing was foreseen.
    pub(crate) fn of(foreseen: Option<ImpactResponse>, done: T) -> Self {
        foreseen.map_or(Self::Done(done), Self::Foreseen)
    }
}

impl Edited<()> {
    /// It was so already.
    pub(crate) fn nothing(intent: Intent) -> Self {
        let untouched = ImpactResponse { dry_run: true, ..ImpactResponse::default() };
        Self::of(intent.dry_run.then_some(untouched), ())
    }
}
