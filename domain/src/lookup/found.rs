//! What was found: each thing once, at most so many of a kind, each with its verdict.

use std::collections::HashMap;
use std::sync::Arc;

use licentia_entity::signing_key::Purpose;
use licentia_entity::{
    activation, audit_event, customer, feature, license, product, refusal, signing_key, tier,
};
use licentia_types::activations::ActivationStatus;
use licentia_types::ids::LicenseId;
use licentia_types::licenses::LicenseStatus;
use licentia_types::lookup::{LookupBy, LookupHint, LookupKind, LookupMatch, LookupResponse};
use licentia_types::time::Timestamp;
use licentia_types::tokens::LicenseClaims;
use sea_orm::ColumnTrait;

use crate::context::Context;
use crate::failure::Failure;
use crate::licenses;
use crate::scope::Scope;
use crate::validation::{About, Subject};

/// Most things of a kind in an answer.
const MOST: usize = 20;
/// Rows to read, so that it shows whether there are more.
pub(super) const ENOUGH: u64 = 21;

/// Something that was found.
pub(super) enum Thing {
    Token(Arc<LicenseClaims>),
    License(Box<license::Model>),
    /// A licence by a key that was replaced.
    FormerKey {
        license: Box<license::Model>,
        valid_until: Timestamp,
    },
    Machine(Box<activation::Model>),
    Customer(Box<customer::Model>),
    Product(Box<product::Model>),
    Tier(Box<tier::Model>),
    Feature(Box<feature::Model>),
    SigningKey(Box<signing_key::Model>),
    AuditEvent(Box<audit_event::Model>),
    Refusal(Box<refusal::Model>),
}

/// Everything that was found, in the order in which it was.
#[derive(Default)]
pub(super) struct Found {
    matches: Vec<LookupMatch>,
    /// What is judged, by the place of its match.
    judged: Vec<(usize, Judged)>,
    truncated: bool,
}

enum Judged {
    License(Box<license::Model>),
    Machine(Box<activation::Model>),
}

impl Found {
    /// Adds what is new.
    pub(super) fn add(&mut self, by: LookupBy, thing: Thing, now: Timestamp) {
        let found = describe(by, &thing, now);
        let same = |known: &&LookupMatch| known.kind == found.kind;
        if self.matches.iter().filter(same).any(|known| known.id == found.id) {
            return;
        }
        if self.matches.iter().filter(same).count() >= MOST {
            self.truncated = true;
            return;
        }
        let judged = match thing {
            Thing::License(license) | Thing::FormerKey { license, .. } => Some(Judged::License(license)),
            Thing::Machine(machine) => Some(Judged::Machine(machine)),
            _ => None,
        };
        self.judged.extend(judged.map(|judged| (self.matches.len(), judged)));
        self.matches.push(found);
    }

    /// Judges every licence and machine as of now.
    pub(super) async fn answer(
        mut self,
        ctx: &Context,
        scope: Scope,
        now: Timestamp,
        hint: Option<LookupHint>,
    ) -> Result<LookupResponse, Failure> {
        let of_machines = self.licenses_of_machines(ctx, scope).await?;
        for (place, judged) in self.judged {
            let subject = match judged {
                Judged::License(license) => Subject::of(ctx, *license, About::License).await?,
                Judged::Machine(machine) => {
                    let license = of_machines.get(&machine.license_id).cloned();
                    let license = license.ok_or(Failure::Corrupt("licence"))?;
                    Subject::of(ctx, license, About::Machine(machine)).await?
                }
            };
            if let Some(found) = self.matches.get_mut(place) {
                found.customer_id = subject.license().customer_id;
                found.product_id = Some(subject.license().product_id);
                found.verdict = Some(subject.explained(ctx, now).await?);
            }
        }
        Ok(LookupResponse {
            hint: hint.filter(|_| self.matches.is_empty()),
            matches: self.matches,
            truncated: self.truncated,
        })
    }

    async fn licenses_of_machines(
        &self,
        ctx: &Context,
        scope: Scope,
    ) -> Result<HashMap<LicenseId, license::Model>, Failure> {
        let of_machine = |(_, judged): &(usize, Judged)| match judged {
            Judged::Machine(machine) => Some(machine.license_id),
            Judged::License(_) => None,
        };
        let ids: Vec<LicenseId> = self.judged.iter().filter_map(of_machine).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let among = license::Column::Id.is_in(ids);
        let rows = licenses::store::matching(&ctx.db, scope, among, ENOUGH).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

fn blank(kind: LookupKind, by: LookupBy, id: String, description: String) -> LookupMatch {
    LookupMatch {
        kind,
        by,
        id,
        description,
        license_id: None,
        activation_id: None,
        customer_id: None,
        product_id: None,
        valid_until: None,
        verdict: None,
    }
}

fn describe(by: LookupBy, thing: &Thing, now: Timestamp) -> LookupMatch {
    use LookupKind as Kind;
    match thing {
        Thing::Token(claims) => token(by, claims, now),
        Thing::License(license) => LookupMatch { valid_until: None, ..of_license(by, license, now) },
        Thing::FormerKey { license, valid_until } => {
            let replaced = if now < *valid_until { "replaced, still good" } else { "replaced" };
            let found = of_license(by, license, now);
            let description = format!("{}; this key was {replaced}", found.description);
            LookupMatch { description, valid_until: Some(*valid_until), ..found }
        }
        Thing::Machine(machine) => LookupMatch {
            license_id: Some(machine.license_id),
            activation_id: Some(machine.id),
            ..blank(Kind::Activation, by, machine.id.to_string(), of_machine(machine))
        },
        Thing::Customer(customer) => LookupMatch {
            customer_id: Some(customer.id),
            ..blank(
                Kind::Customer,
                by,
                customer.id.to_string(),
                format!("customer since {}", customer.created_at),
            )
        },
        Thing::Product(product) => LookupMatch {
            product_id: Some(product.id),
            ..blank(Kind::Product, by, product.id.to_string(), product.slug.to_string())
        },
        Thing::Tier(tier) => LookupMatch {
            product_id: Some(tier.product_id),
            ..blank(Kind::Tier, by, tier.id.to_string(), tier.key.to_string())
        },
        Thing::Feature(feature) => LookupMatch {
            product_id: Some(feature.product_id),
            ..blank(Kind::Feature, by, feature.id.to_string(), feature.key.to_string())
        },
        Thing::SigningKey(key) => blank(Kind::SigningKey, by, key.kid.clone(), of_key(key)),
        Thing::AuditEvent(event) => LookupMatch {
            license_id: event.license_id,
            ..blank(Kind::AuditEvent, by, event.id.to_string(), format!("{}, {}", event.action, event.at))
        },
        Thing::Refusal(refusal) => LookupMatch {
            license_id: Some(refusal.license_id),
            ..blank(
                Kind::Refusal,
                by,
                refusal.id.to_string(),
                format!("{}: {}, {}", refusal.operation, refusal.code, refusal.at),
            )
        },
    }
}

fn token(by: LookupBy, claims: &LicenseClaims, now: Timestamp) -> LookupMatch {
    let expires = Timestamp::from_seconds(claims.exp);
    let standing = if now < expires { "its time runs" } else { "its time is over" };
    LookupMatch {
        license_id: Some(claims.set.license_id),
        activation_id: Some(claims.activation_id),
        valid_until: Some(expires),
        ..blank(LookupKind::Token, by, claims.jti.clone(), format!("licence token, {standing}"))
    }
}

fn of_license(by: LookupBy, license: &license::Model, now: Timestamp) -> LookupMatch {
    let status = match licenses::status(license, now) {
        LicenseStatus::Active => "active",
        LicenseStatus::Expired => "expired",
        LicenseStatus::Suspended => "suspended",
        LicenseStatus::Revoked => "revoked",
    };
    LookupMatch {
        license_id: Some(license.id),
        ..blank(LookupKind::License, by, license.id.to_string(), format!("{}, {status}", license.key_masked))
    }
}

fn of_machine(machine: &activation::Model) -> String {
    let status = match machine.status {
        ActivationStatus::Active => "active",
        ActivationStatus::Deactivated => "deactivated",
        ActivationStatus::Lapsed => "lapsed",
        ActivationStatus::Revoked => "revoked",
    };
    format!("machine, {status}, last contact {}", machine.last_contact_at)
}

fn of_key(key: &signing_key::Model) -> String {
    let purpose = match key.purpose {
        Purpose::Token => "tokens",
        Purpose::Document => "documents",
        Purpose::Session => "sessions",
    };
    format!("signing key for {purpose}, published {}", key.published_at)
}
