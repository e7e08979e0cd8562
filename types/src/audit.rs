//! The audit log: who did what to what, and whether the log is whole.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{AuditEventId, LicenseId};
use crate::time::Timestamp;

/// An entry of the audit log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEventResponse {
    /// `aud_…`
    pub id: AuditEventId,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub actor: AuditActor,
    /// What was done: `license.issued`, `activation.created`, …
    pub action: String,
    /// The id of what it was done to.
    pub subject: String,
    /// The licence that it concerns.
    pub license_id: Option<LicenseId>,
    /// Before and after, or whatever else explains it.
    pub detail: Value,
    /// The address that it was done from.
    pub ip: Option<String>,
    /// The request that did it.
    pub request_id: Option<String>,
    /// Its place in the chain; null until it is sealed, which takes about a second.
    pub position: Option<i64>,
}

/// Who did it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditActor {
    /// `api_key`, `machine`, `operator`, `anonymous`, …
    pub kind: String,
    /// Which one.
    pub id: Option<String>,
}

/// Whether the audit log is whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditVerificationResponse {
    /// Nothing was found.
    pub whole: bool,
    /// Links that were checked.
    pub links: u64,
    /// Entries that were looked for in the chain.
    pub entries: u64,
    /// Entries that wait for the sealer, as they do for about a second.
    pub waiting: u64,
    /// What was found: the first hundred, in the order of the log.
    pub findings: Vec<AuditFinding>,
    /// How much was found.
    pub found: u64,
    /// The newest signed checkpoint. Keep it elsewhere: with it a log that was replaced as a whole is found.
    pub checkpoint: Option<String>,
}

/// Something that is wrong with the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditFinding {
    /// What is wrong.
    pub kind: AuditFindingKind,
    /// Where in the chain.
    pub position: Option<i64>,
    /// At which entry.
    pub event_id: Option<AuditEventId>,
    /// The same for people.
    pub detail: String,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:tt;)*) => {
        /// What is wrong with an audit log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum AuditFindingKind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl AuditFindingKind {
            /// The name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

kinds! {
    /// The entry is not what was sealed.
    RowAltered = "row_altered";
    /// The entry was sealed, and is gone.
    RowDeleted = "row_deleted";
    /// The link does not follow the one before: it was altered, moved, or made by somebody else.
    LinkBroken = "link_broken";
    /// There is no link at this position.
    LinkMissing = "link_missing";
    /// The log ends before a position that it is known to have had.
    TailCut = "tail_cut";
    /// The log is another one than that which a checkpoint was signed for.
    HistoryRewritten = "history_rewritten";
    /// A checkpoint is not one that this server signed.
    CheckpointInvalid = "checkpoint_invalid";
    /// The row that says how long the chain is, is gone or was not written by this server.
    HeadInvalid = "head_invalid";
    /// The entry was written past the server.
    NeverSealed = "never_sealed";
    /// Entries wait to be sealed for longer than the sealer takes: it does not run, or was stopped.
    SealingOverdue = "sealing_overdue";
}
