//! What an admin's account is worth, and who may change it. Pure functions.

use std::collections::BTreeSet;

use licentia_entity::admin::Model;
use licentia_types::admins::{AdminOrigin, AdminResponse, AdminStatus};
use licentia_types::ids::GroupId;
use licentia_types::permissions::Permission;
use licentia_types::roles::Role;
use licentia_types::text::Email;

use super::AdminError;
use crate::actors::Actor;

/// An address as it is compared: nobody is two by his capitals.
pub(crate) fn folded(email: &Email) -> String {
    email.as_str().to_lowercase()
}

/// Nobody gives, or changes whoever has, permissions that he lacks.
pub(crate) fn expect_given(actor: &Actor, permissions: &BTreeSet<Permission>) -> Result<(), AdminError> {
    let lacking = actor.lacks(permissions);
    if lacking.is_empty() { Ok(()) } else { Err(AdminError::Lacking(lacking)) }
}

/// Whether he counts among those of whom one must be left: with a password of his own, for the day when the directory
/// does not answer.
pub(super) fn may_everything(admin: &Model) -> bool {
    let can_sign_in = admin.disabled_at.is_none() && admin.password_hash.is_some();
    admin.role.as_str() == Role::SuperAdmin.as_str() && can_sign_in
}

/// What the account is worth.
pub(crate) fn status(admin: &Model) -> AdminStatus {
    if admin.disabled_at.is_some() {
        AdminStatus::Disabled
    } else if admin.origin == AdminOrigin::Local && admin.password_hash.is_none() {
        AdminStatus::Invited
    } else {
        AdminStatus::Active
    }
}

/// An admin as the API shows him.
pub(crate) fn render(admin: Model, groups: Option<BTreeSet<GroupId>>) -> AdminResponse {
    AdminResponse {
        id: admin.id,
        status: status(&admin),
        origin: admin.origin,
        totp: admin.totp_confirmed_at.is_some(),
        groups,
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
