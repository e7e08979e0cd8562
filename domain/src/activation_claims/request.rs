//! What a machine asked for, kept sealed until it is let in.

use licentia_crypto::sealing::Place;
use licentia_entity::activation_claim;
use licentia_types::activations::{ActivateRequest, ConsumerKeyAlg, ConsumerKeyText};
use licentia_types::assemblies::AssemblyManifest;
use licentia_types::ids::ActivationClaimId;
use licentia_types::not_supported::NotSupported;
use licentia_types::secret::SecretText;
use licentia_types::text::{Environment, Fingerprint, Hostname, Instance, ProductVersion, Reference};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::failure::Failure;

/// All of an activation request that is to be done later. Its licence key is not kept: the claim names the
/// licence. Nor is its nonce, which would have let the machine in at once.
#[derive(Serialize, Deserialize)]
struct Kept {
    fingerprint: Fingerprint,
    instance: Option<Instance>,
    hostname: Option<Hostname>,
    environment: Option<Environment>,
    product_version: Option<ProductVersion>,
    user_ref: Option<Reference>,
    tenant_ref: Option<Reference>,
    consumer_key: Option<String>,
    consumer_key_alg: Option<ConsumerKeyAlg>,
    proof: bool,
    assembly_manifest: Option<AssemblyManifest>,
}

/// The same text for the same request.
pub(super) fn text(request: &ActivateRequest) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Whatever is added to a request has to be kept as well.
    let ActivateRequest {
        license_key: _,
        nonce: _,
        fingerprint,
        instance,
        hostname,
        environment,
        product_version,
        user_ref,
        tenant_ref,
        consumer_key,
        consumer_key_alg,
        proof,
        assembly_manifest,
        public_key: NotSupported,
        csr: NotSupported,
    } = request.clone();
    let kept = Kept {
        fingerprint,
        instance,
        hostname,
        environment,
        product_version,
        user_ref,
        tenant_ref,
        consumer_key: consumer_key.map(|key| key.as_str().to_owned()),
        consumer_key_alg,
        proof,
        assembly_manifest,
    };
    serde_json::to_vec(&kept).map(Zeroizing::new).map_err(|_| Failure::Corrupt("activation claim"))
}

pub(super) fn seal(ctx: &Context, id: ActivationClaimId, text: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(ctx.kek.seal(place(&id.to_string()), text)?.into_bytes())
}

/// The text as it was sealed.
pub(super) fn open_text(
    ctx: &Context,
    claim: &activation_claim::Model,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    Ok(ctx.kek.open(place(&claim.id.to_string()), &claim.request)?)
}

/// The request, but for the licence key.
pub(super) fn open(ctx: &Context, claim: &activation_claim::Model) -> Result<ActivateRequest, Failure> {
    let text = open_text(ctx, claim)?;
    let kept: Kept = serde_json::from_slice(&text).map_err(|_| Failure::Corrupt("activation claim"))?;
    Ok(ActivateRequest {
        license_key: SecretText::default(),
        fingerprint: kept.fingerprint,
        instance: kept.instance,
        hostname: kept.hostname,
        environment: kept.environment,
        product_version: kept.product_version,
        user_ref: kept.user_ref,
        tenant_ref: kept.tenant_ref,
        consumer_key: kept.consumer_key.map(|key| ConsumerKeyText::from(Value::String(key))),
        consumer_key_alg: kept.consumer_key_alg,
        nonce: None,
        proof: kept.proof,
        assembly_manifest: kept.assembly_manifest,
        public_key: NotSupported,
        csr: NotSupported,
    })
}

fn place(row: &str) -> Place<'_> {
    Place { table: "activation_claim", column: "request", row }
}
