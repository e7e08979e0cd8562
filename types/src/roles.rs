//! Roles: named sets of permissions, in one table.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::permissions::Permission;

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

    /// The name.
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

    /// The role of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// What it may do.
    #[must_use]
    pub fn permissions(self) -> BTreeSet<Permission> {
        use Permission::{
            Activations, ActivationsRead, Admins, AssembliesRead, Audit, CatalogRead, Customers,
            CustomersRead, KeysRead, Licenses, LicensesAudit, LicensesImport, LicensesRead, LicensesReveal,
            Usage,
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
                Admins,
            ],
            Self::Editor => &[CatalogRead, Customers, Licenses, Activations, AssembliesRead, Usage],
            Self::Viewer => {
                &[CatalogRead, CustomersRead, LicensesRead, ActivationsRead, KeysRead, AssembliesRead, Usage]
            }
            Self::Support => {
                &[CatalogRead, CustomersRead, LicensesRead, LicensesAudit, ActivationsRead, AssembliesRead]
            }
        };
        of_role.iter().copied().collect()
    }

    const fn description(self) -> &'static str {
        match self {
            Self::SuperAdmin => "All of it.",
            Self::Admin => "Customers, licences, machines and who may come in; reads the rest.",
            Self::Editor => "Creates and edits customers and licences.",
            Self::Viewer => "Reads.",
            Self::Support => "Reads what is a customer's, and finds out what is wrong with it.",
        }
    }
}

/// One line of `GET /roles`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleResponse {
    /// Its name.
    pub name: Role,
    /// What it is for.
    pub description: &'static str,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
}

/// Every role.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RolesResponse {
    /// The roles.
    pub items: Vec<RoleResponse>,
}

impl RolesResponse {
    /// The table.
    #[must_use]
    pub fn all() -> Self {
        let line = |role: Role| RoleResponse {
            name: role,
            description: role.description(),
            permissions: role.permissions(),
        };
        Self { items: Role::ALL.into_iter().map(line).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permissions::closure;

    #[test]
    fn names_read_back() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            assert_eq!(Role::named(role.as_str()), Some(role));
        }
        assert_eq!(Role::named("root"), None);
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
