//! Validation: may this licence, on this machine, do this now? Judges, and changes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use licentia_entity::activation;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::secret::SecretText;
use licentia_types::text::{Fingerprint, Key, ProductVersion};
use licentia_types::time::Timestamp;
use licentia_types::tokens::LicenseClaims;
use licentia_types::usage::Day;
use licentia_types::validation::{ValidateRequest, ValidateResponse};

use crate::actors::Caller;
use crate::context::Context;
use crate::failure::{Failure, failed_from};
use crate::licenses;
use crate::refusal::Refusal;
use crate::refusals::{Call, Operation};
use crate::scope::Scope;
use crate::tokens::{self, NotOurs, TokenFault};
use crate::usage::Counted;
use crate::{activations, status_lists};

use rules::{Credential, judge};

pub(crate) use keys::Keys;
pub use keys::serve;
pub(crate) use subject::{About, Question, Subject};

mod its_word;
mod keys;
mod rules;
mod subject;

/// Why nothing was judged.
#[derive(Debug, thiserror::Error)]
pub enum ValidationError {
    /// Neither way of asking, or both.
    #[error("give either token or licenseKey")]
    Ambiguous,
    /// A typing error.
    #[error("the licence key has a typing error: compare it with the original, symbol by symbol")]
    KeyMalformed,
    /// Forged, or somebody else's.
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
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
            Self::NotOurs(_) => ProblemCode::TokenInvalid,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        let field = |pointer, code| vec![FieldProblem::new(pointer, code, self.to_string())];
        match self {
            Self::Ambiguous => field("/token", "INVALID"),
            Self::KeyMalformed => field("/licenseKey", "INVALID"),
            Self::NotOurs(_) | Self::Failed(_) => Vec::new(),
        }
    }

    fn reasons(&self) -> Vec<String> {
        match self {
            Self::NotOurs(not_ours) => vec![not_ours.word().to_owned()],
            Self::Ambiguous | Self::KeyMalformed | Self::Failed(_) => Vec::new(),
        }
    }
}

/// Judges a token, or a licence key (and machine). A good token is taken at its word where nothing that
/// it speaks of was changed since it was signed; else, and for a key, the facts are judged. A verdict
/// that refuses a known licence is kept for support. Whatever was judged is counted.
///
/// # Errors
/// When it is not said what to judge, the key has a typing error, or the token is not one of ours. A
/// verdict is never an error.
pub async fn validate(
    ctx: &Context,
    caller: &Caller,
    request: ValidateRequest,
) -> Result<ValidateResponse, ValidationError> {
    let now = ctx.moment().now;
    let judged = judged(ctx, caller, now, &request).await;
    count(ctx, now, &request, &judged);
    judged
}

async fn judged(
    ctx: &Context,
    caller: &Caller,
    now: Timestamp,
    request: &ValidateRequest,
) -> Result<ValidateResponse, ValidationError> {
    let (credential, subject) = match (&request.token, &request.license_key) {
        (Some(token), None) => match verified(ctx, now, token).await? {
            Err(fault) => (Credential::BadToken(fault.word()), None),
            Ok(claims) => match its_word::verdict(ctx, now, &claims, request).await {
                Some(verdict) => return Ok(verdict),
                None => by_claims(ctx, now, &claims, request.fingerprint.as_ref()).await?,
            },
        },
        (None, Some(key)) => (Credential::Key, by_key(ctx, now, key, request.fingerprint.as_ref()).await?),
        (None, None) | (Some(_), Some(_)) => return Err(ValidationError::Ambiguous),
    };
    let Some(subject) = subject else {
        return Ok(nothing_known(credential, request.explain));
    };
    let question = Question {
        action: request.action_type.as_ref(),
        version: request.product_version.as_ref(),
        explain: request.explain,
    };
    let verdict = subject.verdict(ctx, now, credential, question).await?;
    if !verdict.valid {
        note(ctx, caller, now, request, &subject, &verdict);
    }
    Ok(verdict)
}

/// The licence that has this key, and the machine where one is asked for.
async fn by_key(
    ctx: &Context,
    now: Timestamp,
    text: &SecretText,
    fingerprint: Option<&Fingerprint>,
) -> Result<Option<Subject>, ValidationError> {
    let key = activations::parse_key(text).map_err(|_| ValidationError::KeyMalformed)?;
    let digest = licenses::keys::digest(ctx, &key);
    if let Some(subject) = keys::join(ctx, &digest.own, fingerprint).await? {
        return Ok(Some(subject));
    }
    let Some(license) = licenses::store::find_by_key(&ctx.db, digest, now).await? else { return Ok(None) };
    let about = match fingerprint {
        None => About::License,
        Some(fingerprint) => {
            let scope = Scope::License(license.id);
            About::asked(activations::store::find_machine(&ctx.db, scope, fingerprint).await?)
        }
    };
    Ok(Some(Subject::of(ctx, license, about).await?))
}

/// What a token of ours says, or why it is not good.
async fn verified(
    ctx: &Context,
    now: Timestamp,
    token: &SecretText,
) -> Result<Result<Arc<LicenseClaims>, TokenFault>, NotOurs> {
    match tokens::verify(ctx, token.expose(), now).await {
        Err(fault) if !fault.is_genuine() => Err(fault.into()),
        verified => Ok(verified),
    }
}

/// The machine that a token was made for, and its licence.
async fn by_claims(
    ctx: &Context,
    now: Timestamp,
    claims: &LicenseClaims,
    fingerprint: Option<&Fingerprint>,
) -> Result<(Credential, Option<Subject>), ValidationError> {
    let scope = Scope::Activation(claims.activation_id);
    let Some(machine) = activations::store::find(&ctx.db, scope.clone(), claims.activation_id).await? else {
        return Ok((Credential::Token, None));
    };
    let license = licenses::store::find(&ctx.db, scope, machine.license_id)
        .await?
        .ok_or(Failure::Corrupt("licence"))?;
    let subject = Subject::of(ctx, license, About::License).await?;
    if claims.set.aud != subject.granted.product.slug.as_str() {
        return Err(NotOurs::from(TokenFault::Audience).into());
    }
    if let Some(place) = &claims.status
        && status_lists::is_replaced(ctx, &machine, place, now).await?
    {
        return Ok((Credential::BadToken("replaced"), None));
    }
    let same = |machine: &activation::Model| {
        fingerprint.is_none_or(|fingerprint| *fingerprint == machine.fingerprint)
    };
    let about = About::asked(Some(machine).filter(same));
    Ok((Credential::Token, Some(Subject { about, ..subject })))
}

/// The verdict where there is no licence to judge.
fn nothing_known(credential: Credential, explain: bool) -> ValidateResponse {
    let judgement = judge(credential, None);
    ValidateResponse {
        valid: false,
        code: judgement.code(),
        reasons: judgement.reasons(),
        tier: None,
        features: BTreeSet::new(),
        expires_at: None,
        license_id: None,
        activation_id: None,
        rules: explain.then(|| judgement.into_rules()),
    }
}

/// Counts what was judged, in memory: by the licence that the answer names, and by the code that it has. A request
/// that asked nothing is none, and what failed may come again.
fn count(
    ctx: &Context,
    now: Timestamp,
    request: &ValidateRequest,
    judged: &Result<ValidateResponse, ValidationError>,
) {
    let (license, outcome) = match judged {
        Ok(verdict) => (verdict.license_id, verdict.code.as_str()),
        Err(error @ (ValidationError::KeyMalformed | ValidationError::NotOurs(_))) => {
            (None, error.code().as_str())
        }
        Err(ValidationError::Ambiguous | ValidationError::Failed(_)) => return,
    };
    let version = request.product_version.as_ref().map(ProductVersion::as_str);
    let action = request.action_type.as_ref().map(Key::as_str);
    ctx.usage.count(Counted::validation(Day::of(now), license, version, action, outcome));
}

/// Keeps a refusal for support.
fn note(
    ctx: &Context,
    caller: &Caller,
    now: Timestamp,
    request: &ValidateRequest,
    subject: &Subject,
    verdict: &ValidateResponse,
) {
    let mut call = Call::of(Operation::Validate, caller);
    call.fingerprint.clone_from(&request.fingerprint);
    call.product_version.clone_from(&request.product_version);
    match subject.about.machine() {
        Some(machine) => call.made_by(machine),
        None => call.concerns(subject.license().id),
    }
    call.refused(ctx, now, verdict.code.as_str());
}
