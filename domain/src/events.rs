//! Events: what concerns others (mail, webhooks, caches), written in the change's own transaction
//! and read by whoever tells them.

use licentia_entity::{event, license, product};
use licentia_types::ids::{CustomerId, LicenseId, ProductId};
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Map, Value};

use crate::context::Moment;
use crate::database::{Reach, WriteTx};
use crate::failure::Failure;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What happened. The names are those that readers of the events will see.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Every kind.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

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
    /// A licence was brought from another system.
    LicenseImported = "license.imported";
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
    /// A customer made it his own.
    LicenseClaimed = "license.claimed";
    /// It has another key.
    LicenseKeyRotated = "license.key_rotated";
    /// Its machines' tokens were signed afresh, for somebody else to deliver.
    LicenseRegenerated = "license.regenerated";
    /// Its last seat was taken.
    SeatsFull = "license.seats_full";
    /// A licence file was issued.
    LicenseFileIssued = "license_file.issued";
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
    /// A machine waits until somebody lets it in.
    ActivationClaimRequested = "activation_claim.requested";
    /// Somebody did.
    ActivationClaimApproved = "activation_claim.approved";
    /// Somebody did not, or picked another machine.
    ActivationClaimRejected = "activation_claim.rejected";
    /// Two machines share one installation.
    CloneSuspected = "activation.clone_suspected";
    /// What the tiers of a product grant was edited; without a product: of all, by new defaults.
    CatalogueChanged = "catalogue.changed";
    /// A build is approved, for all or for a licence.
    AssemblyApproved = "assembly.approved";
    /// It is not any more.
    AssemblyWithdrawn = "assembly.withdrawn";
    /// Another key will sign.
    SigningKeyRotated = "signing_key.rotated";
    /// Nothing needs a key any more.
    SigningKeyRetired = "signing_key.retired";
    /// An operator brought a key.
    SigningKeyImported = "signing_key.imported";
    /// A key is not to be believed any more.
    SigningKeyRevoked = "signing_key.revoked";
}

impl Kind {
    /// Who has to hear of it at once: whoever keeps in memory what it makes untrue. None: nobody does.
    const fn reach(self) -> Option<Reach> {
        match self {
            Self::LicenseRenewed
            | Self::LicenseChanged
            | Self::LicenseSuspended
            | Self::LicenseReinstated
            | Self::LicenseRevoked
            | Self::LicenseRegenerated
            | Self::ActivationRevoked
            | Self::ActivationUnblocked
            | Self::CatalogueChanged
            | Self::AssemblyWithdrawn
            | Self::SigningKeyRotated
            | Self::SigningKeyRetired
            | Self::SigningKeyImported
            | Self::SigningKeyRevoked => Some(Reach::Everywhere),
            Self::ActivationDeactivated | Self::ActivationLapsed => Some(Reach::Here),
            // Nothing that was said before becomes untrue by it: not of tokens, and not in the lists.
            Self::LicenseIssued
            | Self::LicenseImported
            | Self::LicenseExpiring
            | Self::LicenseExpired
            | Self::LicenseTransferred
            | Self::LicenseClaimed
            | Self::LicenseKeyRotated
            | Self::SeatsFull
            | Self::LicenseFileIssued
            | Self::ActivationCreated
            | Self::ActivationRevived
            | Self::ActivationClaimRequested
            | Self::ActivationClaimApproved
            | Self::ActivationClaimRejected
            | Self::CloneSuspected
            | Self::AssemblyApproved => None,
        }
    }

    /// Whether whoever owns what it is about gets a letter.
    pub(crate) const fn has_letter(self) -> bool {
        matches!(
            self,
            Self::LicenseIssued
                | Self::LicenseExpiring
                | Self::LicenseExpired
                | Self::LicenseRevoked
                | Self::SeatsFull
                | Self::CloneSuspected
                | Self::ActivationClaimRequested
        )
    }

    /// Whether a token that was signed before says what is not so any more. Keys are judged apart.
    pub(crate) const fn outdates_tokens(self) -> bool {
        let of_keys = matches!(
            self,
            Self::SigningKeyRotated
                | Self::SigningKeyRetired
                | Self::SigningKeyImported
                | Self::SigningKeyRevoked
        );
        self.reach().is_some() && !of_keys
    }
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

    /// The catalogue of a product was edited, or what all of them fall back on.
    pub(crate) fn of_catalogue(product: Option<&product::Model>) -> Self {
        let subject = product.map_or_else(|| "defaults".to_owned(), |product| product.id.to_string());
        let event = Self::new(Kind::CatalogueChanged, &subject, Value::Object(Map::new()));
        Self { product: product.map(|product| product.id), ..event }
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
    record_at(tx, moment.now, event).await
}

/// The same at an instant, before there is anything to make an operation's moment of.
///
/// # Errors
/// When the database fails.
pub(crate) async fn record_at(tx: &WriteTx, at: Timestamp, event: Event) -> Result<(), Failure> {
    // Boxed: it is a small part of many larger futures.
    Box::pin(insert(tx, at, vec![event])).await
}

/// Writes up to a thousand events down at once.
///
/// # Errors
/// When the database fails.
pub async fn record_all(tx: &WriteTx, moment: &Moment<'_>, events: Vec<Event>) -> Result<(), Failure> {
    insert(tx, moment.now, events).await
}

async fn insert(tx: &WriteTx, at: Timestamp, events: Vec<Event>) -> Result<(), Failure> {
    for reach in events.iter().filter_map(|event| event.kind.reach()) {
        tx.changes(reach);
    }
    let rows = events.into_iter().map(|event| event::ActiveModel {
        at: Set(at),
        kind: Set(event.kind.as_str().to_owned()),
        subject: Set(event.subject),
        license_id: Set(event.license),
        product_id: Set(event.product),
        customer_id: Set(event.customer),
        data: Set(event.data),
        letter_due: Set(event.kind.has_letter()),
        ..Default::default()
    });
    event::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}
