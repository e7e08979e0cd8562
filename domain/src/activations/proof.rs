//! The proof of an activation: all that binds the machine, with the builds that were approved for it, in
//! one document that says so by itself for as long as the machine may be without contact.

use std::sync::Arc;

use licentia_entity::license;
use licentia_types::activations::{
    ACTIVATION_PROOF_TYP, ActivateRequest, ActivationProofClaims, proof_audience,
};
use licentia_types::assemblies::{Assembly, AssemblyManifest, ProvenAssembly};
use licentia_types::ids::ActivationId;
use licentia_types::license_files::Licensee;
use licentia_types::time::Timestamp;
use licentia_types::tokens::ClaimSet;

use super::error::ActivationError;
use crate::context::Context;
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::signing_keys::SigningKey;
use crate::tokens::{self, Bearer, TokenId, Window};
use crate::{assemblies, license_files, status_lists};

/// A proof that a machine asked for.
pub(super) struct Wanted {
    key: Arc<SigningKey>,
    manifest: Option<AssemblyManifest>,
}

impl Wanted {
    /// None where the request asks for no proof. To be called before anything is taken: where nothing can
    /// be signed, nobody activates for a proof.
    pub(super) async fn by(
        ctx: &Context,
        request: &ActivateRequest,
        now: Timestamp,
    ) -> Result<Option<Self>, Failure> {
        let manifest = request.assembly_manifest.clone();
        if !request.proof && manifest.is_none() {
            return Ok(None);
        }
        Ok(Some(Self { key: ctx.document_key(now).await?, manifest }))
    }

    /// What is to be proven beside the machine, in the transaction of the activation: its builds stay
    /// approved until that ends. None where no proof is wanted.
    pub(super) async fn examine(
        wanted: Option<Self>,
        tx: &WriteTx,
        license: &license::Model,
    ) -> Result<Option<Proof>, ActivationError> {
        let Some(Self { key, manifest }) = wanted else { return Ok(None) };
        let told = manifest.as_ref().map(AssemblyManifest::entries).unwrap_or_default();
        let assemblies = match told {
            [] => Vec::new(),
            told => assemblies::approved(tx, license.id, told).await?.map_err(|(place, first)| {
                let (name, version) = (first.assembly_name.clone(), first.version.clone());
                ActivationError::AssemblyNotApproved { place, name, version }
            })?,
        };
        let licensee = license_files::licensee_of(tx, license).await?.and_then(shown);
        Ok(Some(Proof { key, licensee, assemblies }))
    }
}

/// The owner, as whoever has nothing but the licence key may know it: who that is, and not where to write to.
/// None where nothing is left.
fn shown(owner: Licensee) -> Option<Licensee> {
    let Licensee { name, organization, email: _ } = owner;
    (name.is_some() || organization.is_some()).then_some(Licensee { name, organization, email: None })
}

/// A proof that is to be signed.
#[derive(Debug)]
pub(super) struct Proof {
    key: Arc<SigningKey>,
    licensee: Option<Licensee>,
    /// As they were approved, in the order in which the machine told them.
    assemblies: Vec<Assembly>,
}

impl Proof {
    /// Keeps what the machine activated with. One that tells nothing this time told what it did before.
    pub(super) async fn keep(&self, tx: &WriteTx, machine: ActivationId) -> Result<(), Failure> {
        if self.assemblies.is_empty() {
            Ok(())
        } else {
            assemblies::keep(tx, machine, &self.assemblies).await
        }
    }

    /// Signs, after the commit. It is good for as long as the token beside it may be of use.
    pub(super) async fn sign(
        self,
        ctx: &Context,
        set: &ClaimSet,
        window: Window,
        bearer: Bearer<'_>,
    ) -> Result<String, Failure> {
        self.key.reserve(&ctx.db, window.stale_until).await?;
        let key = Arc::clone(&self.key);
        Ok(key.sign_document(ACTIVATION_PROOF_TYP, &self.claims(ctx, set, window, bearer))?)
    }

    fn claims(
        self,
        ctx: &Context,
        set: &ClaimSet,
        window: Window,
        bearer: Bearer<'_>,
    ) -> ActivationProofClaims {
        let Bearer { activation: machine, nonce } = bearer;
        let token_id = TokenId { activation: machine.id, nonce, afresh: None };
        ActivationProofClaims {
            iss: set.iss.clone(),
            sub: set.sub.clone(),
            aud: proof_audience(&set.aud),
            iat: window.issued.seconds(),
            nbf: window.issued.seconds(),
            exp: window.stale_until.seconds(),
            jti: format!("{token_id}.proof"),
            license_id: set.license_id,
            licensee: self.licensee,
            activation_id: machine.id,
            activated_at: machine.created_at.seconds(),
            kind: machine.kind,
            epoch: machine.epoch,
            fingerprint: tokens::fingerprint(machine),
            instance: machine.instance.clone(),
            hostname: machine.hostname.clone(),
            environment: machine.environment.clone(),
            free_environment: machine.free_environment.is_some(),
            product_version: machine.product_version.clone(),
            user_ref: machine.user_ref.clone(),
            tenant_ref: machine.tenant_ref.clone(),
            consumer_key: machine.consumer_key.clone(),
            status: status_lists::status(ctx, machine.status_serial),
            assemblies: self.assemblies.into_iter().map(ProvenAssembly::from).collect(),
        }
    }
}
