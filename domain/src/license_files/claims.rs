//! What a file says: made of what the licence grants now, kept sealed.

use licentia_crypto::sealing::Place;
use licentia_entity::{activation, customer, license, license_file};
use licentia_types::ids::LicenseFileId;
use licentia_types::license_files::{
    Confirmation, LicenseFileClaims, Licensee, file_audience, record_audience,
};
use licentia_types::time::Timestamp;
use licentia_types::tokens::ClaimSet;
use sea_orm::{ConnectionTrait, DbErr};

use crate::context::Context;
use crate::failure::Failure;
use crate::scope::Scope;
use crate::{customers, status_lists, tokens};

/// When a file is issued, and when it ends: in whole seconds.
#[derive(Clone, Copy)]
pub(super) struct Term {
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
}

impl Term {
    /// So many days, and never past the licence's `end`; none when that has come.
    pub(super) fn of(now: Timestamp, days: u32, end: Option<Timestamp>) -> Option<Self> {
        let expires = end.map_or(now.plus_days(days), |end| end.min(now.plus_days(days)));
        let expires = Timestamp::from_seconds(expires.seconds());
        (now < expires).then_some(Self { issued: now, expires })
    }
}

/// The claims of a record: what was issued to whom.
pub(super) fn record(
    ctx: &Context,
    id: LicenseFileId,
    set: ClaimSet,
    term: Term,
    licensee: Option<Licensee>,
) -> LicenseFileClaims {
    let issued = (term.issued - ctx.settings.backdate).seconds();
    LicenseFileClaims {
        iat: issued,
        nbf: issued,
        exp: term.expires.seconds(),
        jti: id,
        licensee,
        activation_id: None,
        fingerprint: None,
        environment: None,
        free_environment: false,
        product_version: None,
        status: None,
        cnf: None,
        jwks: None,
        // A machine that runs on a file was told not to call.
        set: ClaimSet {
            aud: record_audience(&set.aud),
            heartbeat_required: false,
            heartbeat_interval: 0,
            ..set
        },
    }
}

/// The claims of a machine's file, made of those of a record.
pub(super) fn of_machine(
    ctx: &Context,
    slug: &str,
    record: LicenseFileClaims,
    machine: &activation::Model,
    machine_key: Option<&str>,
) -> LicenseFileClaims {
    LicenseFileClaims {
        set: ClaimSet { aud: file_audience(slug), ..record.set },
        activation_id: Some(machine.id),
        fingerprint: Some(tokens::fingerprint(machine)),
        environment: machine.environment.clone(),
        free_environment: machine.free_environment.is_some(),
        product_version: machine.product_version.clone(),
        status: Some(status_lists::status(ctx, machine.status_serial)),
        cnf: machine_key.map(|thumbprint| Confirmation { jkt: thumbprint.to_owned() }),
        ..record
    }
}

/// Whether they say the same, but for when, and under which name.
pub(super) fn same(one: &LicenseFileClaims, other: &LicenseFileClaims) -> bool {
    let LicenseFileClaims { iat, nbf, exp, jti, .. } = *other;
    LicenseFileClaims { iat, nbf, exp, jti, ..one.clone() } == *other
}

pub(super) fn licensee(customer: &customer::Model) -> Licensee {
    Licensee {
        name: customer.name.clone(),
        organization: customer.organization.clone(),
        email: customer.email.clone(),
    }
}

/// Whom a licence belongs to; none while it is unclaimed. Whoever is given a document of the licence may
/// show it to its owner.
pub(crate) async fn licensee_of(
    db: &impl ConnectionTrait,
    license: &license::Model,
) -> Result<Option<Licensee>, DbErr> {
    let Some(owner) = license.customer_id else { return Ok(None) };
    let owner = customers::store::find(db, Scope::Everything, owner).await?;
    Ok(owner.as_ref().map(licensee))
}

pub(super) fn seal(ctx: &Context, claims: &LicenseFileClaims) -> Result<Vec<u8>, Failure> {
    let json = serde_json::to_vec(claims).map_err(|_| Failure::Corrupt("licence file"))?;
    Ok(ctx.kek.seal(place(&claims.jti.to_string(), "claims"), &json)?.into_bytes())
}

pub(super) fn open(ctx: &Context, file: &license_file::Model) -> Result<LicenseFileClaims, Failure> {
    let json = ctx.kek.open(place(&file.id.to_string(), "claims"), &file.claims)?;
    serde_json::from_slice(&json).map_err(|_| Failure::Corrupt("licence file"))
}

pub(super) fn place<'a>(row: &'a str, column: &'static str) -> Place<'a> {
    Place { table: "license_file", column, row }
}
