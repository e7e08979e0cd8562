//! Validation: may this licence, on this machine, do this now? Judges, and changes nothing.

use std::collections::BTreeSet;

use licentia_entity::{activation, license};
use licentia_types::activations::ActivationStatus;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::text::{Fingerprint, Key};
use licentia_types::time::Timestamp;
use licentia_types::validation::{ValidateRequest, ValidateResponse, ValidationCode};

use crate::context::Context;
use crate::failure::{Failure, failed_from};
use crate::licenses::{self, terms};
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::tokens::{self, Entitlements};
use crate::{activations, catalog, products};

use rules::{Facts, Machine, judge};
use token::TokenFault;

mod rules;
mod token;

/// Why nothing was judged.
#[derive(Debug, thiserror::Error)]
pub enum ValidationError {
    /// Neither way of asking, or both.
    #[error("give either token or licenseKey")]
    Ambiguous,
    /// A typing error.
    #[error("the licence key has a typing error: compare it with the original, symbol by symbol")]
    KeyMalformed,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(ValidationError);

impl Refusal for ValidationError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Ambiguous => ProblemCode::ValidationFailed,
            Self::KeyMalformed => ProblemCode::LicenseKeyMalformed,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        let field = |pointer, code| vec![FieldProblem::new(pointer, code, self.to_string())];
        match self {
            Self::Ambiguous => field("/token", "INVALID"),
            Self::KeyMalformed => field("/licenseKey", "INVALID"),
            Self::Failed(_) => Vec::new(),
        }
    }
}

/// Judges a token, or a licence key (and machine).
///
/// # Errors
/// When it is not said what to judge, or the key has a typing error. A verdict is never an error.
pub async fn validate(ctx: &Context, request: ValidateRequest) -> Result<ValidateResponse, ValidationError> {
    let now = ctx.moment().now;
    let action = request.action_type.as_ref();
    match (&request.token, &request.license_key) {
        (Some(token), None) => by_token(ctx, now, token.expose(), request.fingerprint.as_ref(), action).await,
        (None, Some(text)) => {
            let key = activations::parse_key(text).map_err(|_| ValidationError::KeyMalformed)?;
            let digest = licenses::keys::digest(ctx, &key);
            let Some(license) = licenses::store::find_by_key(&ctx.db, digest).await? else {
                return Ok(refused(ValidationCode::NotFound, Vec::new()));
            };
            let machine = match &request.fingerprint {
                None => None,
                Some(fingerprint) => {
                    activations::store::find_machine(&ctx.db, Scope::License(license.id), fingerprint).await?
                }
            };
            let judged = Judged { license, machine, asked: request.fingerprint.is_some() };
            Ok(judged.verdict(ctx, now, action).await?)
        }
        (None, None) | (Some(_), Some(_)) => Err(ValidationError::Ambiguous),
    }
}

async fn by_token(
    ctx: &Context,
    now: Timestamp,
    token: &str,
    fingerprint: Option<&Fingerprint>,
    action: Option<&Key>,
) -> Result<ValidateResponse, ValidationError> {
    let invalid = |fault: TokenFault| refused(ValidationCode::TokenInvalid, vec![fault.word().to_owned()]);
    let claims = match token::verify(ctx, token, now) {
        Ok(claims) => claims,
        Err(fault) => return Ok(invalid(fault)),
    };
    let scope = Scope::Activation(claims.activation_id);
    let Some(machine) = activations::store::find(&ctx.db, scope, claims.activation_id).await? else {
        return Ok(refused(ValidationCode::NotFound, Vec::new()));
    };
    let license = licenses::store::find(&ctx.db, scope, machine.license_id)
        .await?
        .ok_or(Failure::Corrupt("licence"))?;
    let product = products::store::get(&ctx.db, license.product_id).await?;
    if claims.set.aud != product.slug.as_str() {
        return Ok(invalid(TokenFault::Audience));
    }
    let mismatch = fingerprint.is_some_and(|fingerprint| *fingerprint != machine.fingerprint);
    let judged = Judged { license, machine: Some(machine).filter(|_| !mismatch), asked: true };
    Ok(judged.verdict(ctx, now, action).await?)
}

fn refused(code: ValidationCode, details: Vec<String>) -> ValidateResponse {
    let reasons = std::iter::once(code.as_str().to_owned()).chain(details).collect();
    ValidateResponse {
        valid: false,
        code,
        reasons,
        tier: None,
        features: BTreeSet::new(),
        expires_at: None,
        license_id: None,
        activation_id: None,
    }
}

/// What is judged.
struct Judged {
    license: license::Model,
    /// The machine, where it is known.
    machine: Option<activation::Model>,
    /// Whether a machine was asked for at all.
    asked: bool,
}

impl Judged {
    async fn verdict(
        self,
        ctx: &Context,
        now: Timestamp,
        action: Option<&Key>,
    ) -> Result<ValidateResponse, Failure> {
        let catalogue = catalog::load(&ctx.db, self.license.product_id).await?;
        let entitlements = terms::entitlements(ctx, &catalogue, &self.license)?;
        let facts = Facts {
            status: licenses::status(&self.license, now),
            ended: tokens::license_end(self.license.expires_at, entitlements.times)
                .is_some_and(|end| end <= now),
            machine: self.machine_facts(ctx, now, &entitlements).await?,
            action_granted: action.is_none_or(|action| entitlements.features.contains(action)),
        };
        let reasons = judge(facts);
        let code = reasons.first().copied().unwrap_or(ValidationCode::Valid);
        Ok(ValidateResponse {
            valid: matches!(code, ValidationCode::Valid | ValidationCode::Grace),
            code,
            reasons: reasons.into_iter().map(|reason| reason.as_str().to_owned()).collect(),
            tier: Some(entitlements.tier),
            features: entitlements.features,
            expires_at: self.license.expires_at,
            license_id: Some(self.license.id),
            activation_id: self.machine.map(|machine| machine.id),
        })
    }

    async fn machine_facts(
        &self,
        ctx: &Context,
        now: Timestamp,
        entitlements: &Entitlements,
    ) -> Result<Machine, Failure> {
        if !self.asked {
            return Ok(Machine::NotAsked);
        }
        if let Some(machine) =
            self.machine.as_ref().filter(|machine| machine.status == ActivationStatus::Active)
        {
            let liveness = activations::liveness(machine.last_contact_at, now, entitlements.times);
            return Ok(Machine::Active(liveness));
        }
        let scope = Scope::License(self.license.id);
        let due = activations::store::seats_due(&ctx.db, &[self.license.id], now).await?;
        let used = u32::try_from(self.license.seats_used).unwrap_or_default();
        let used = used.saturating_sub(due.get(&self.license.id).copied().unwrap_or_default());
        Ok(Machine::Inactive {
            others: self.machine.is_none() && activations::store::any_active(&ctx.db, scope).await?,
            seat_free: entitlements.limits.max_activations.is_none_or(|limit| used < limit),
        })
    }
}
