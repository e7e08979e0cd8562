//! The address of a customer leads to what is his: whoever shows that it is his own has the licences, and sees their keys.

use licentia_entity::customer;
use licentia_types::permissions::Permission;
use licentia_types::text::Email;
use serde_json::{Value, json};

use super::CustomerError;
use crate::actors::Caller;
use crate::database::WriteTx;
use crate::{accounts, licenses};

/// Whether the caller may change an address, which another one shall take the place of: where it leads to licences, or
/// may be taken for that of an account, whoever writes customers needs to be trusted with keys as well.
pub(super) async fn expect_may_change(
    tx: &WriteTx,
    caller: &Caller,
    before: &customer::Model,
    after: Option<&Email>,
) -> Result<(), CustomerError> {
    if before.email.as_ref() == after || caller.actor.may(Permission::LicensesReveal) {
        return Ok(());
    }
    let leads = licenses::store::any_of(tx, before.id).await?
        || accounts::store::find(tx, before.id).await?.is_some();
    if leads { Err(CustomerError::AddressLeads) } else { Ok(()) }
}

/// What the audit log says of a change; nothing, where the address stays.
pub(super) fn told(mut detail: Value, before: Option<&Email>, after: Option<&Email>) -> Value {
    if before != after
        && let Some(members) = detail.as_object_mut()
    {
        members.insert("emailBefore".to_owned(), json!(before));
        members.insert("email".to_owned(), json!(after));
    }
    detail
}
