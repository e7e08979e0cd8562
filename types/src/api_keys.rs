//! API keys and the permissions that they carry.

use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What a principal may do. The names are part of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Permission {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

permissions! {
    /// Read archived and write all of the catalogue.
    Catalog = "catalog";
    /// Read and write customers.
    Customers = "customers";
    /// Read, issue, edit and revoke licences.
    Licenses = "licenses";
    /// See a licence key in clear.
    LicensesReveal = "licenses.reveal";
    /// Compare what was issued with what would be issued now.
    LicensesAudit = "licenses.audit";
    /// Import customers, licences and machines.
    LicensesImport = "licenses.import";
    /// Read, deactivate, revoke and unblock activations.
    Activations = "activations";
    /// See, rotate and revoke signing keys.
    Keys = "keys";
    /// Read, approve and withdraw builds.
    Assemblies = "assemblies";
    /// Read the audit log and the server's own warnings.
    Audit = "audit";
    /// Read how much was used.
    Usage = "usage";
}

/// There is no such permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such permission; there are: {all}", all = names().join(", "))]
pub struct PermissionUnknown;

fn names() -> Vec<&'static str> {
    Permission::ALL.iter().map(|permission| permission.as_str()).collect()
}

impl std::str::FromStr for Permission {
    type Err = PermissionUnknown;

    fn from_str(text: &str) -> Result<Self, PermissionUnknown> {
        Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or(PermissionUnknown)
    }
}
