//! What binds a machine: its licence key, the key that its tokens are encrypted to, its user and
//! tenant. By licence key alone none of it is replaced.

use licentia_crypto::jwe::ConsumerKey;
use licentia_crypto::license_keys::LicenseKey;
use licentia_crypto::nonces::{Nonce, NonceInvalid};
use licentia_entity::{activation, consumer_key};
use licentia_types::activations::{ActivateRequest, ConsumerKeyAlg};
use licentia_types::ids::ActivationId;
use licentia_types::secret::SecretText;
use licentia_types::text::Reference;
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use sea_orm::sea_query::OnConflict;

use super::error::ActivationError;
use crate::context::Context;
use crate::database::WriteTx;
use crate::failure::Failure;

pub(crate) fn parse_key(text: &SecretText) -> Result<LicenseKey, ActivationError> {
    LicenseKey::parse(text.expose()).map_err(|_| ActivationError::KeyMalformed)
}

pub(crate) fn open_nonce(ctx: &Context, id: ActivationId, text: &SecretText) -> Result<Nonce, NonceInvalid> {
    ctx.secrets.nonces.open(id.uuid().as_bytes(), text.expose())
}

/// What a machine asks to be bound to.
pub(super) struct Binding {
    consumer_key: Option<ConsumerKey>,
    consumer_key_alg: Option<ConsumerKeyAlg>,
    user_ref: Option<Reference>,
    tenant_ref: Option<Reference>,
}

impl Binding {
    pub(super) fn parse(request: &ActivateRequest) -> Result<Self, ActivationError> {
        let consumer_key =
            request.consumer_key.as_ref().map(|key| ConsumerKey::parse(key.as_str())).transpose()?;
        if consumer_key.is_none() && request.consumer_key_alg.is_some() {
            return Err(ActivationError::AlgorithmAlone);
        }
        Ok(Self {
            consumer_key,
            consumer_key_alg: request.consumer_key_alg,
            user_ref: request.user_ref.clone(),
            tenant_ref: request.tenant_ref.clone(),
        })
    }

    /// Whether it asks for nothing but what the machine has already: what is not sent stays.
    pub(super) fn expect_unchanged(&self, machine: &activation::Model) -> Result<(), ActivationError> {
        let same = |sent: Option<&str>, stored: Option<&str>| sent.is_none() || sent == stored;
        let thumbprint = self.consumer_key.as_ref().map(ConsumerKey::thumbprint);
        let member = if !same(thumbprint, machine.consumer_key.as_deref()) {
            "consumerKey"
        } else if self.consumer_key_alg.is_some() && self.consumer_key_alg != machine.consumer_key_alg {
            "consumerKeyAlg"
        } else if !same(text(self.user_ref.as_ref()), text(machine.user_ref.as_ref())) {
            "userRef"
        } else if !same(text(self.tenant_ref.as_ref()), text(machine.tenant_ref.as_ref())) {
            "tenantRef"
        } else {
            return Ok(());
        };
        Err(ActivationError::BindingMismatch { member })
    }

    /// Binds the machine to what was sent; what was not sent stays.
    pub(super) async fn apply(
        self,
        tx: &WriteTx,
        machine: &mut activation::Model,
        now: Timestamp,
    ) -> Result<Rebound, Failure> {
        let former = (machine.user_ref.clone(), machine.tenant_ref.clone());
        if let Some(key) = self.consumer_key {
            let same_key = machine.consumer_key.as_deref() == Some(key.thumbprint());
            let former_alg = machine.consumer_key_alg.filter(|_| same_key);
            machine.consumer_key = Some(key.thumbprint().to_owned());
            machine.consumer_key_alg = Some(self.consumer_key_alg.or(former_alg).unwrap_or_default());
            keep_consumer_key(tx, &key, now).await?;
        }
        machine.user_ref = self.user_ref.or_else(|| machine.user_ref.take());
        machine.tenant_ref = self.tenant_ref.or_else(|| machine.tenant_ref.take());
        Ok(Rebound { user: machine.user_ref != former.0, tenant: machine.tenant_ref != former.1 })
    }
}

/// What a machine is bound to now, and was not before.
#[derive(Clone, Copy)]
pub(super) struct Rebound {
    pub(super) user: bool,
    pub(super) tenant: bool,
}

fn text(reference: Option<&Reference>) -> Option<&str> {
    reference.map(Reference::as_str)
}

/// Keeps a consumer's key under its thumbprint.
pub(crate) async fn keep_consumer_key(
    tx: &WriteTx,
    key: &ConsumerKey,
    now: Timestamp,
) -> Result<(), Failure> {
    let row = consumer_key::ActiveModel {
        thumbprint: Set(key.thumbprint().to_owned()),
        spki: Set(key.to_spki_der()),
        created_at: Set(now),
    };
    consumer_key::Entity::insert(row)
        .on_conflict(OnConflict::column(consumer_key::Column::Thumbprint).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
