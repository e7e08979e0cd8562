//! What principals may do: one table of permissions. Roles are sets of them ([`crate::roles`]).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($category:ident { $($(#[doc = $doc:literal])* $name:ident = $text:tt $(reads $reads:ident)?;)* })*) => {
        /// What a principal may do. The names are part of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Permission {
            $($($(#[doc = $doc])* #[serde(rename = $text)] $name,)*)*
        }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Self] = &[$($(Self::$name),*),*];

            /// The name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($(Self::$name => $text),*),* }
            }

            /// What it is about.
            #[must_use]
            pub const fn category(self) -> PermissionCategory {
                match self { $($(Self::$name => PermissionCategory::$category),*),* }
            }

            /// What it allows, in a sentence.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $($(Self::$name => concat!($($doc),*).trim_ascii_start()),*),* }
            }

            /// The permission to read, which whoever may write has as well.
            #[must_use]
            pub const fn reads(self) -> Option<Self> {
                match self { $($(Self::$name => permissions!(@reads $($reads)?)),*),* }
            }
        }
    };
    (@reads) => { None };
    (@reads $reads:ident) => { Some(Self::$reads) };
}

permissions! {
    Catalog {
        /// Read archived products, and all of tiers, features and releases.
        CatalogRead = "catalog.read";
        /// Read archived and write all of the catalogue.
        Catalog = "catalog" reads CatalogRead;
    }
    Customers {
        /// Read customers.
        CustomersRead = "customers.read";
        /// Read and write customers.
        Customers = "customers" reads CustomersRead;
    }
    Licenses {
        /// Read licences and their files, look up, and inspect tokens.
        LicensesRead = "licenses.read";
        /// Read, issue, edit and revoke licences.
        Licenses = "licenses" reads LicensesRead;
        /// See a licence key in clear.
        LicensesReveal = "licenses.reveal";
        /// Compare what was issued with what would be issued now.
        LicensesAudit = "licenses.audit";
        /// Import customers, licences and machines.
        LicensesImport = "licenses.import";
    }
    Activations {
        /// Read activations, and the claims of machines that wait.
        ActivationsRead = "activations.read";
        /// Read, deactivate, revoke and unblock activations, and decide on claims.
        Activations = "activations" reads ActivationsRead;
    }
    SigningKeys {
        /// See signing keys; never their private halves.
        KeysRead = "keys.read";
        /// See, rotate and revoke signing keys.
        Keys = "keys" reads KeysRead;
    }
    Assemblies {
        /// Read approved builds.
        AssembliesRead = "assemblies.read";
        /// Read, approve and withdraw builds.
        Assemblies = "assemblies" reads AssembliesRead;
    }
    Records {
        /// Read the audit log, refusals and the server's own warnings.
        Audit = "audit";
        /// Read how much was used.
        Usage = "usage";
        /// Read the server's metrics.
        Metrics = "metrics";
    }
    Mail {
        /// See which letters were sent, to whom, and what became of them; never what stood in them.
        MailsRead = "mails.read";
        /// See letters, have those tried again that were given up, and try the mail out.
        Mails = "mails" reads MailsRead;
    }
    Access {
        /// Read API keys, without their secrets.
        AdminsRead = "admins.read";
        /// Read, make, change, rotate and revoke API keys.
        Admins = "admins" reads AdminsRead;
    }
}

/// What a permission is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PermissionCategory {
    /// Products, tiers, features, releases.
    Catalog,
    /// Who owns licences.
    Customers,
    /// Licences, their files and tokens.
    Licenses,
    /// Machines.
    Activations,
    /// What tokens are signed with.
    SigningKeys,
    /// Builds that machines may run.
    Assemblies,
    /// What was done, and how much.
    Records,
    /// What is written to people.
    Mail,
    /// Who may come in.
    Access,
}

/// A set with what its permissions bring along: whoever may write may read.
#[must_use]
pub fn closure(permissions: &BTreeSet<Permission>) -> BTreeSet<Permission> {
    let read = permissions.iter().filter_map(|permission| permission.reads());
    permissions.iter().copied().chain(read).collect()
}

/// One line of `GET /permissions`.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PermissionResponse {
    /// Its name.
    pub name: Permission,
    /// What it is about.
    pub category: PermissionCategory,
    /// What it allows.
    pub description: &'static str,
    /// The permission that it brings along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub includes: Option<Permission>,
}

/// Every permission, in the order of the table.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PermissionsResponse {
    /// The permissions.
    pub items: Vec<PermissionResponse>,
}

impl PermissionsResponse {
    /// The table.
    #[must_use]
    pub fn all() -> Self {
        let line = |permission: &Permission| PermissionResponse {
            name: *permission,
            category: permission.category(),
            description: permission.description(),
            includes: permission.reads(),
        };
        Self { items: Permission::ALL.iter().map(line).collect() }
    }
}

/// There is no such permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such permission; there are: {all}", all = names(Permission::ALL))]
pub struct PermissionUnknown;

/// Their names, for people.
#[must_use]
pub fn names<'a>(permissions: impl IntoIterator<Item = &'a Permission>) -> String {
    let names: Vec<&str> = permissions.into_iter().map(|permission| permission.as_str()).collect();
    names.join(", ")
}

impl std::str::FromStr for Permission {
    type Err = PermissionUnknown;

    fn from_str(text: &str) -> Result<Self, PermissionUnknown> {
        Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or(PermissionUnknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.as_str());
            assert!(permission.description().ends_with('.') && !permission.description().starts_with(' '));
        }
        let all: BTreeSet<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
        assert_eq!(all.len(), Permission::ALL.len());
    }

    #[test]
    fn there_are_nine_categories_and_writing_brings_the_reading_of_its_own() {
        let categories: BTreeSet<_> =
            Permission::ALL.iter().map(|permission| permission.category()).collect();
        assert_eq!(categories.len(), 9);
        for (permission, read) in Permission::ALL.iter().filter_map(|one| Some((one, one.reads()?))) {
            assert_eq!(read.as_str(), format!("{}.read", permission.as_str()));
            assert_eq!(read.category(), permission.category());
            assert_eq!(read.reads(), None);
        }
    }
}
