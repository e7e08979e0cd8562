//! What an admin's account is worth, and who may change it. Pure functions.

use std::collections::BTreeSet;

use licentia_entity::admin::Model;
use licentia_types::admins::{AdminResponse, AdminStatus};
use licentia_types::permissions::Permission;
use licentia_types::roles::Role;
use licentia_types::text::{Email, Key};

use super::AdminError;
use crate::actors::Actor;

/// An address as it is compared: nobody is two by his capitals.
pub(crate) fn folded(email: &Email) -> String {
    email.as_str().to_lowercase()
}

/// What whoever has this role may do.
pub(crate) fn permissions(role: &Key) -> Option<BTreeSet<Permission>> {
    Role::named(role.as_str()).map(Role::permissions)
}

/// Nobody gives a role, or changes whoever has one, that may do what he may not.
pub(crate) fn expect_given(actor: &Actor, role: &Key) -> Result<(), AdminError> {
    let permissions = permissions(role).ok_or(AdminError::UnknownRole)?;
    let lacking = actor.lacks(&permissions);
    if lacking.is_empty() { Ok(()) } else { Err(AdminError::Lacking(lacking)) }
}

/// Whether he counts among those of whom one must be left.
pub(super) fn may_everything(admin: &Model) -> bool {
    admin.role.as_str() == Role::SuperAdmin.as_str() && status(admin) == AdminStatus::Active
}

/// What the account is worth.
pub(crate) fn status(admin: &Model) -> AdminStatus {
    if admin.disabled_at.is_some() {
        AdminStatus::Disabled
    } else if admin.password_hash.is_none() {
        AdminStatus::Invited
    } else {
        AdminStatus::Active
    }
}

/// An admin as the API shows him.
pub(crate) fn render(admin: Model) -> AdminResponse {
    AdminResponse {
        id: admin.id,
        status: status(&admin),
        totp: admin.totp_confirmed_at.is_some(),
        email: admin.email,
        name: admin.name,
        role: admin.role,
        last_login_at: admin.last_login_at,
        disabled_at: admin.disabled_at,
        created_at: admin.created_at,
        updated_at: admin.updated_at,
        version: admin.version,
    }
}
