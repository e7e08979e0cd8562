//! Events: what concerns others (mail, webhooks, caches), written in the change's own transaction
//! and read by whoever tells them.

use licentia_entity::{event, license};
use licentia_types::ids::{CustomerId, LicenseId, ProductId};
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::Value;

use crate::context::Moment;
use crate::database::WriteTx;
use crate::failure::Failure;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What happened. The names are those that readers of the events will see.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// The name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

kinds! {
    /// A licence was issued.
    LicenseIssued = "license.issued";
    /// It expires in 30 or in 7 days (`daysLeft`).
    LicenseExpiring = "license.expiring";
    /// It has expired.
    LicenseExpired = "license.expired";
    /// It goes on for longer.
    LicenseRenewed = "license.renewed";
    /// What it grants, for how long or to whom was edited (`before` and `after`).
    LicenseChanged = "license.changed";
    /// It lies on hold.
    LicenseSuspended = "license.suspended";
    /// It is good again.
    LicenseReinstated = "license.reinstated";
    /// It was taken back.
    LicenseRevoked = "license.revoked";
    /// It has another owner.
    LicenseTransferred = "license.transferred";
    /// It has another key.
    LicenseKeyRotated = "license.key_rotated";
    /// Its last seat was taken.
    SeatsFull = "license.seats_full";
    /// A machine took a seat.
    ActivationCreated = "activation.created";
    /// A machine was blocked.
    ActivationRevoked = "activation.revoked";
    /// It may come back.
    ActivationUnblocked = "activation.unblocked";
    /// A machine gave its place back.
    ActivationDeactivated = "activation.deactivated";
    /// A floating machine lost its seat.
    ActivationLapsed = "activation.lapsed";
    /// It called again, and has a place again.
    ActivationRevived = "activation.revived";
    /// Two machines share one installation.
    CloneSuspected = "activation.clone_suspected";
    /// Another key will sign.
    SigningKeyRotated = "signing_key.rotated";
    /// Nothing needs a key any more.
    SigningKeyRetired = "signing_key.retired";
    /// An operator brought a key.
    SigningKeyImported = "signing_key.imported";
    /// A key is not to be believed any more.
    SigningKeyRevoked = "signing_key.revoked";
}

/// Something that happened.
#[derive(Debug)]
pub struct Event {
    kind: Kind,
    subject: String,
    license: Option<LicenseId>,
    product: Option<ProductId>,
    customer: Option<CustomerId>,
    data: Value,
}

impl Event {
    /// Something that happened to what `subject` names.
    pub fn new(kind: Kind, subject: &impl ToString, data: Value) -> Self {
        Self { kind, subject: subject.to_string(), license: None, product: None, customer: None, data }
    }

    /// The same, for the owner of a licence.
    #[must_use]
    pub fn of_license(self, license: &license::Model) -> Self {
        Self {
            license: Some(license.id),
            product: Some(license.product_id),
            customer: license.customer_id,
            ..self
        }
    }
}

/// Writes `event` down; it stands or falls with the transaction.
///
/// # Errors
/// When the database fails.
pub async fn record(tx: &WriteTx, moment: &Moment<'_>, event: Event) -> Result<(), Failure> {
    // Boxed: it is a small part of many larger futures.
    Box::pin(record_all(tx, moment, vec![event])).await
}

/// Writes up to a thousand events down at once.
///
/// # Errors
/// When the database fails.
pub async fn record_all(tx: &WriteTx, moment: &Moment<'_>, events: Vec<Event>) -> Result<(), Failure> {
    let rows = events.into_iter().map(|event| event::ActiveModel {
        at: Set(moment.now),
        kind: Set(event.kind.as_str().to_owned()),
        subject: Set(event.subject),
        license_id: Set(event.license),
        product_id: Set(event.product),
        customer_id: Set(event.customer),
        data: Set(event.data),
        ..Default::default()
    });
    event::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}
