//! What becomes of the row of an admin whom the directory let in: made at the first time, and following it from then on.

use licentia_entity::admin;
use licentia_types::admins::AdminOrigin;
use licentia_types::ids::AdminId;
use licentia_types::text::{Email, Name, RoleName};
use serde_json::json;

use super::{Directory, Entry, rules};
use crate::actors::{Caller, Person};
use crate::admins::{self, AdminError, NewAdmin, rules::folded};
use crate::context::Moment;
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::{audit, one_time_tokens as tokens, roles};

const LONGEST_NAME: usize = 200;

/// What came of it.
pub(crate) enum Admission {
    /// He is an admin, and held until the transaction ends.
    Admitted(Box<admin::Model>),
    /// He is none; who he is here, if anybody, and why not.
    Refused(Option<AdminId>, &'static str),
}

/// Holds the admin whom the directory let in under this address, as it says that he is; makes him at his first time.
pub(crate) async fn admit(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    directory: &Directory,
    (email, entry): (Email, Entry),
) -> Result<Admission, AdminError> {
    let known = admins::store::find_by_email_locked(tx, &folded(&email)).await?;
    if known.is_none()
        && let Some(somebody) = under_an_alias(tx, &entry).await?
    {
        return Ok(Admission::Refused(Some(somebody), "alias"));
    }
    let role = match rules::judge(known.as_ref(), (&entry, &email), &directory.roles) {
        Ok(role) => role.clone(),
        Err(unfit) => return Ok(Admission::Refused(known.map(|known| known.id), unfit.word())),
    };
    if roles::hold(tx, &role).await?.is_none() {
        return Ok(Admission::Refused(known.map(|known| known.id), "role"));
    }
    let name = entry.name.and_then(|name| name.parse::<Name>().ok());
    let admin = match known {
        Some(known) => follow(tx, moment, caller, (known, role, name)).await?,
        None => provision(tx, moment, caller, (email, role, name)).await?,
    };
    Ok(Admission::Admitted(Box::new(admin)))
}

/// Who is an admin by any address of the entry. Another of his addresses does not make somebody else of him, who was never
/// disabled, has no groups and no second factor.
async fn under_an_alias(tx: &WriteTx, entry: &Entry) -> Result<Option<AdminId>, AdminError> {
    let addresses = entry.addresses.iter().filter_map(|address| address.trim().parse::<Email>().ok());
    Ok(admins::store::find_any(tx, addresses.map(|address| folded(&address)).collect()).await?)
}

async fn provision(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    (email, role, name): (Email, RoleName, Option<Name>),
) -> Result<admin::Model, AdminError> {
    // Without a name he is called by his address, or as much of it as a name can hold.
    let short = || email.as_str().chars().take(LONGEST_NAME).collect::<String>().parse().ok();
    let name = name.or_else(short).ok_or(Failure::Corrupt("name"))?;
    let origin = AdminOrigin::Directory;
    let new = NewAdmin { email, name, role, groups: None, password_hash: None, origin };
    admins::insert(tx, moment, caller, new).await
}

async fn follow(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    (mut admin, role, name): (admin::Model, RoleName, Option<Name>),
) -> Result<admin::Model, AdminError> {
    let name = name.unwrap_or_else(|| admin.name.clone());
    if role == admin.role && name == admin.name {
        return Ok(admin);
    }
    if role != admin.role {
        // Whatever was begun under the former role is over, as at any other edit.
        tokens::delete_of(tx, Person::Admin(admin.id)).await?;
        admin.credentials_version += 1;
    }
    let admin = admins::write(tx, moment, admin::Model { role, name, ..admin }).await?;
    let detail = json!({"name": admin.name, "role": admin.role, "by": "directory"});
    audit::record(tx, moment, caller, audit::Event::new("admin.updated", &admin.id, detail)).await?;
    Ok(admin)
}
