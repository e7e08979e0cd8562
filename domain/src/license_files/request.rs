//! What is asked for, whoever wrote it down: an operator, or the machine itself in a request file.

use licentia_crypto::armour::unarmour;
use licentia_crypto::jwe::ConsumerKey;
use licentia_crypto::license_keys::LicenseKey;
use licentia_crypto::machine_keys::{MachineDocument, MachineKey};
use licentia_entity::{activation, license, product};
use licentia_types::activations::{ConsumerKeyAlg, ConsumerKeyText};
use licentia_types::license_files::{
    CheckoutRequest, DEFAULT_DAYS, MOST_DAYS, OfflineRequestClaims, REQUEST_LABEL, REQUEST_TYP,
    request_audience,
};
use licentia_types::text::{Environment, Fingerprint, Hostname, ProductVersion, Reference};

use super::error::LicenseFileError;
use crate::context::Context;
use crate::licenses;

/// A checkout as it is asked for.
pub(super) struct Checkout {
    pub(super) machine: Described,
    pub(super) ttl_days: u32,
    pub(super) renew: bool,
    pub(super) machine_key: Option<MachineKey>,
    pub(super) consumer_key: Option<ConsumerKey>,
    consumer_key_alg: Option<ConsumerKeyAlg>,
    encrypt: Option<bool>,
    addressed: Option<Addressed>,
}

/// A machine as it is described.
pub(super) struct Described {
    pub(super) fingerprint: Fingerprint,
    pub(super) hostname: Option<Hostname>,
    pub(super) environment: Option<Environment>,
    pub(super) product_version: Option<ProductVersion>,
    pub(super) user_ref: Option<Reference>,
    pub(super) tenant_ref: Option<Reference>,
}

/// For what a request file was made.
struct Addressed {
    audience: String,
    license_key: Option<LicenseKey>,
}

/// To whom a file is encrypted: the key's thumbprint, and how.
pub(super) type Addressee = (String, ConsumerKeyAlg);

impl Checkout {
    pub(super) fn parse(request: CheckoutRequest) -> Result<Self, LicenseFileError> {
        let ttl_days = request.ttl_days.unwrap_or(DEFAULT_DAYS);
        if !(1..=MOST_DAYS).contains(&ttl_days) {
            return Err(LicenseFileError::TtlDays);
        }
        let (renew, encrypt) = (request.renew, request.encrypt);
        let parsed = match &request.request {
            Some(text) => {
                expect_described_once(&request)?;
                Self::of_file(text.expose())?
            }
            None => Self::of_body(request)?,
        };
        if parsed.consumer_key.is_none() && parsed.consumer_key_alg.is_some() {
            return Err(LicenseFileError::AlgorithmAlone);
        }
        Ok(Self { ttl_days, renew, encrypt, ..parsed })
    }

    fn of_body(request: CheckoutRequest) -> Result<Self, LicenseFileError> {
        Ok(Self {
            machine: Described {
                fingerprint: request.fingerprint.ok_or(LicenseFileError::Unbound)?,
                hostname: request.hostname,
                environment: request.environment,
                product_version: request.product_version,
                user_ref: request.user_ref,
                tenant_ref: request.tenant_ref,
            },
            machine_key: request.public_key.map(|key| MachineKey::parse(key.as_str())).transpose()?,
            consumer_key: consumer_key(request.consumer_key.as_ref())?,
            consumer_key_alg: request.consumer_key_alg,
            addressed: None,
            ttl_days: DEFAULT_DAYS,
            renew: false,
            encrypt: None,
        })
    }

    /// Whoever signed it holds the private part of the key that it brings along: that is all the
    /// signature says, and all that is needed of it.
    fn of_file(text: &str) -> Result<Self, LicenseFileError> {
        let invalid = |why: &dyn std::fmt::Display| LicenseFileError::RequestInvalid(why.to_string());
        let compact = unarmour(REQUEST_LABEL, text).map_err(|error| invalid(&error))?;
        let document = MachineDocument::parse(&compact, REQUEST_TYP).map_err(|error| invalid(&error))?;
        let key = document.own_key().ok_or_else(|| invalid(&"it brings no key (jwk)"))?.clone();
        let claims = document.claims(&key).map_err(|error| invalid(&error))?;
        let claims: OfflineRequestClaims = serde_json::from_slice(claims).map_err(|error| invalid(&error))?;
        let license_key = claims.license_key.map(|text| LicenseKey::parse(text.expose())).transpose();
        Ok(Self {
            machine: Described {
                fingerprint: claims.fingerprint,
                hostname: claims.hostname,
                environment: claims.environment,
                product_version: claims.product_version,
                user_ref: claims.user_ref,
                tenant_ref: claims.tenant_ref,
            },
            machine_key: Some(key),
            consumer_key: consumer_key(claims.consumer_key.as_ref())?,
            consumer_key_alg: claims.consumer_key_alg,
            addressed: Some(Addressed {
                audience: claims.aud,
                license_key: license_key.map_err(|_| invalid(&"its licence key has a typing error"))?,
            }),
            ttl_days: DEFAULT_DAYS,
            renew: false,
            encrypt: None,
        })
    }

    /// Refuses a request file that was made for something else.
    pub(super) fn expect_meant_for(
        &self,
        ctx: &Context,
        license: &license::Model,
        product: &product::Model,
    ) -> Result<(), LicenseFileError> {
        let Some(addressed) = &self.addressed else { return Ok(()) };
        if addressed.audience != request_audience(product.slug.as_str()) {
            return Err(LicenseFileError::RequestElsewhere("product"));
        }
        let other = |key: &LicenseKey| {
            !licenses::keys::digest(ctx, key).all().any(|digest| digest == license.key_digest)
        };
        if addressed.license_key.as_ref().is_some_and(other) {
            return Err(LicenseFileError::RequestElsewhere("licence"));
        }
        Ok(())
    }

    /// To whom the file is encrypted, if it is.
    pub(super) fn addressee(
        &self,
        machine: &activation::Model,
    ) -> Result<Option<Addressee>, LicenseFileError> {
        let brought = self
            .consumer_key
            .as_ref()
            .map(|key| (key.thumbprint().to_owned(), self.consumer_key_alg.unwrap_or_default()));
        match self.encrypt {
            Some(false) => Ok(None),
            None => Ok(brought),
            Some(true) => {
                let registered = || {
                    let thumbprint = machine.consumer_key.clone()?;
                    Some((thumbprint, machine.consumer_key_alg.unwrap_or_default()))
                };
                brought.or_else(registered).map(Some).ok_or(LicenseFileError::ConsumerKeyMissing)
            }
        }
    }
}

fn consumer_key(text: Option<&ConsumerKeyText>) -> Result<Option<ConsumerKey>, LicenseFileError> {
    Ok(text.map(|key| ConsumerKey::parse(key.as_str())).transpose()?)
}

fn expect_described_once(request: &CheckoutRequest) -> Result<(), LicenseFileError> {
    let described = [
        ("fingerprint", request.fingerprint.is_some()),
        ("hostname", request.hostname.is_some()),
        ("environment", request.environment.is_some()),
        ("productVersion", request.product_version.is_some()),
        ("userRef", request.user_ref.is_some()),
        ("tenantRef", request.tenant_ref.is_some()),
        ("consumerKey", request.consumer_key.is_some()),
        ("consumerKeyAlg", request.consumer_key_alg.is_some()),
        ("publicKey", request.public_key.is_some()),
    ];
    match described.into_iter().find(|(_, there)| *there) {
        Some((member, _)) => Err(LicenseFileError::DescribedTwice { member }),
        None => Ok(()),
    }
}
