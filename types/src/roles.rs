//! Roles: named sets of permissions. Those that every installation has are one table; a vendor may make others.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::change::{Change, given};
use crate::permissions::Permission;
use crate::text::{Note, RoleName};
use crate::time::Timestamp;

/// A named set of permissions. The names are part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// All of it.
    SuperAdmin,
    /// Customers, licences, machines and who may come in; reads the rest.
    Admin,
    /// Creates and edits customers and licences.
    Editor,
    /// Reads.
    Viewer,
    /// Answers customers: reads what is theirs, and finds out what is wrong with it.
    Support,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::SuperAdmin, Self::Admin, Self::Editor, Self::Viewer, Self::Support];

    /// What it may do.
    #[must_use]
    pub fn permissions(self) -> BTreeSet<Permission> {
        use Permission::{
            Activations, ActivationsRead, Admins, AssembliesRead, Audit, CatalogRead, Customers,
            CustomersRead, KeysRead, Licenses, LicensesAudit, LicensesImport, LicensesRead, LicensesReveal,
            Mails, MailsRead, Usage,
        };
        let of_role: &[Permission] = match self {
            Self::SuperAdmin => Permission::ALL,
            Self::Admin => &[
                CatalogRead,
                Customers,
                Licenses,
                LicensesReveal,
                LicensesAudit,
                LicensesImport,
                Activations,
                KeysRead,
                AssembliesRead,
                Audit,
                Usage,
                Mails,
                Admins,
            ],
            Self::Editor => &[CatalogRead, Customers, Licenses, Activations, AssembliesRead, Usage],
            Self::Viewer => {
                &[CatalogRead, CustomersRead, LicensesRead, ActivationsRead, KeysRead, AssembliesRead, Usage]
            }
            Self::Support => &[
                CatalogRead,
                CustomersRead,
                LicensesRead,
                LicensesAudit,
                ActivationsRead,
                AssembliesRead,
                MailsRead,
            ],
        };
        of_role.iter().copied().collect()
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::Viewer => "viewer",
            Self::Support => "support",
        }
    }

    /// The built-in role of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// What it is for.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::SuperAdmin => "All of it.",
            Self::Admin => "Customers, licences, machines and who may come in; reads the rest.",
            Self::Editor => "Creates and edits customers and licences.",
            Self::Viewer => "Reads.",
            Self::Support => "Reads what is a customer's, and finds out what is wrong with it.",
        }
    }
}

/// A new role.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRoleRequest {
    /// Its name, which never changes. Those of the built-in roles are taken.
    pub name: RoleName,
    /// What it is for.
    #[serde(default)]
    pub description: Option<Note>,
    /// What it may do; at least one.
    pub permissions: BTreeSet<Permission>,
}

/// An edit: absent members stay as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateRoleRequest {
    /// What it is for; `null`: nothing is said.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Note>))]
    pub description: Change<Note>,
    /// What it may do, as a whole; at least one. Keys that were made of the role keep what it had then.
    #[serde(default, deserialize_with = "given")]
    pub permissions: Option<BTreeSet<Permission>>,
}

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoleResponse {
    /// Its name.
    pub name: RoleName,
    /// Whether every installation has it, and nobody can change it.
    pub built_in: bool,
    /// What it is for.
    pub description: Option<Note>,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
    /// When it was made; `null`: it is built in.
    pub created_at: Option<Timestamp>,
    /// When it was last edited; `null`: it is built in.
    pub updated_at: Option<Timestamp>,
    /// For `If-Match`; `null`: it is built in.
    pub version: Option<i64>,
}

/// Every role that the caller may know of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RolesResponse {
    /// The built-in ones first, then those that were made here, by name.
    pub items: Vec<RoleResponse>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permissions::closure;

    #[test]
    fn names_are_those_on_the_wire_and_of_the_form_of_names() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            assert_eq!(Role::named(role.as_str()), Some(role));
            assert!(role.as_str().parse::<RoleName>().is_ok() && role.description().parse::<Note>().is_ok());
        }
        assert_eq!(Role::named("owner"), None);
    }

    #[test]
    fn viewers_and_support_only_read() {
        for role in [Role::Viewer, Role::Support] {
            for permission in role.permissions() {
                assert_eq!(permission.reads(), None, "{permission:?} writes");
                let reveals = [Permission::LicensesReveal, Permission::LicensesImport];
                assert!(!reveals.contains(&permission));
            }
        }
    }

    #[test]
    fn each_wider_role_may_do_what_the_narrower_may() {
        let all = |role: Role| closure(&role.permissions());
        assert!(all(Role::Viewer).is_subset(&all(Role::Admin)));
        assert!(all(Role::Editor).is_subset(&all(Role::Admin)));
        assert!(all(Role::Admin).is_subset(&all(Role::SuperAdmin)));
    }
}
