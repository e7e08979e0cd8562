//! What a check found: the first of it, and how much there was.

use licentia_types::audit::{AuditFinding, AuditFindingKind};
use licentia_types::ids::AuditEventId;

/// Most findings that are kept.
const SHOWN: usize = 100;

#[derive(Debug, Default)]
pub(in crate::audit) struct Findings {
    shown: Vec<AuditFinding>,
    count: u64,
}

impl Findings {
    pub(in crate::audit) fn add(
        &mut self,
        kind: AuditFindingKind,
        position: Option<i64>,
        event_id: Option<AuditEventId>,
        detail: impl Into<String>,
    ) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(AuditFinding { kind, position, event_id, detail: detail.into() });
        }
    }

    pub(in crate::audit) const fn count(&self) -> u64 {
        self.count
    }

    pub(in crate::audit) fn shown(self) -> Vec<AuditFinding> {
        self.shown
    }
}
