//! What becomes of the rows of a piece: each is made out as a licence with its machines, or refused, before
//! anything is written. A dry run ends here.

use std::collections::{HashMap, HashSet};

use licentia_entity::{activation, license};
use licentia_types::customers::CreateCustomerRequest;
use licentia_types::ids::{LicenseId, ProductId};
use licentia_types::imports::{ImportedLicense, ImportedRow, ImportedStatus};
use licentia_types::licenses::IssueLicenseRequest;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::text::{Reference, Slug};
use licentia_types::time::Timestamp;

use super::parsed::Parsed;
use super::planned::{Outcome, RowRefusal};
use super::{ImportOptions, Offer, store, taken};
use crate::activations::imported::{NoPlace, seated};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::licenses::LicenseError;
use crate::licenses::issue::{desk::Desk, ids};
use crate::licenses::keys;
use crate::licenses::owners::Belonging;
use crate::tokens::Entitlements;

/// A row that may be taken in.
pub(super) struct Planned {
    pub(super) customer: Option<CreateCustomerRequest>,
    pub(super) draft: Option<Draft>,
}

/// A licence that may be made, with its machines.
pub(super) struct Draft {
    pub(super) license: license::Model,
    pub(super) granted: Entitlements,
    /// All that its key may be found by, where it was not made here.
    pub(super) digests: Vec<Vec<u8>>,
    pub(super) machines: Vec<activation::Model>,
}

/// A row, by its number: what may be taken in, or what became of it already.
pub(super) type Row = (i64, Result<Box<Planned>, Outcome>);

/// The rows of a piece, in their order, and the desk at which they were made out.
pub(super) struct Plan<'a> {
    pub(super) desk: Desk<'a>,
    pub(super) rows: Vec<Row>,
}

/// What a plan is made of.
pub(super) struct Planner<'a> {
    pub(super) ctx: &'a Context,
    pub(super) moment: Moment<'a>,
    pub(super) caller: &'a Caller,
    pub(super) options: &'a ImportOptions,
}

impl<'a> Planner<'a> {
    /// Makes the rows out; products are held as they are.
    pub(super) async fn plan(
        &self,
        tx: &WriteTx,
        first_row: i64,
        parsed: Vec<Parsed>,
    ) -> Result<Plan<'a>, Failure> {
        let products = store::products(tx, self.slugs(&parsed)).await?;
        let desk = Desk::open(self.ctx, tx, self.moment, products.values().copied()).await?;
        let mut rows = Vec::with_capacity(parsed.len());
        let ids = ids(&self.moment, parsed.len())?;
        for ((number, parsed), id) in (first_row..).zip(parsed).zip(ids) {
            let row = match parsed {
                Parsed::Nothing => Err(Outcome::Skipped),
                Parsed::Refused(refusal) => Err(Outcome::Refused(refusal)),
                Parsed::Row(row) => {
                    self.row(&desk, &products, id, *row)?.map_err(Outcome::Refused).map(Box::new)
                }
            };
            rows.push((number, row));
        }
        Ok(Plan { desk, rows })
    }

    fn slugs(&self, parsed: &[Parsed]) -> HashSet<Slug> {
        let named = parsed.iter().filter_map(|parsed| match parsed {
            Parsed::Row(row) => row.license.as_ref()?.product.clone(),
            Parsed::Nothing | Parsed::Refused(_) => None,
        });
        named.chain(self.options.product.clone()).collect()
    }

    fn row(
        &self,
        desk: &Desk<'a>,
        products: &HashMap<Slug, ProductId>,
        id: LicenseId,
        row: ImportedRow,
    ) -> Result<Result<Planned, RowRefusal>, Failure> {
        let Some(license) = row.license else {
            return Ok(Ok(Planned { customer: row.customer, draft: None }));
        };
        let offer = match self.offer(desk, products, &license) {
            Ok(offer) => offer,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut draft = match self.draft(desk, offer, id, license)? {
            Ok(draft) => draft,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match seated(&self.moment, &draft.license, &draft.granted, row.machines) {
            Ok(machines) => draft.machines = machines,
            Err((_, NoPlace::Failed(failure))) => return Err(failure),
            Err((index, no_place)) => return Ok(Err(without_place(index, &no_place))),
        }
        let seats = draft.machines.iter().filter(|machine| machine.holds_seat).count();
        draft.license.seats_used = i32::try_from(seats).map_err(|_| Failure::Corrupt("number of seats"))?;
        Ok(Ok(Planned { customer: row.customer, draft: Some(draft) }))
    }

    /// The product and tier that a licence is of.
    fn offer(
        &self,
        desk: &Desk<'a>,
        products: &HashMap<Slug, ProductId>,
        license: &ImportedLicense,
    ) -> Result<Offer, RowRefusal> {
        let refuse = |pointer, code, detail| RowRefusal::of_field(FieldProblem::new(pointer, code, detail));
        let slug = license.product.as_ref().or(self.options.product.as_ref());
        let slug = slug.ok_or_else(|| refuse("/license/product", "REQUIRED", "is required"))?;
        let unknown = || refuse("/license/product", "UNKNOWN", "there is no such product");
        let product = *products.get(slug).ok_or_else(unknown)?;
        let (_, catalogue) = desk.offer(product).map_err(|_| unknown())?;
        let key = license.tier.as_ref().or(self.options.tier.as_ref());
        let key = key.ok_or_else(|| refuse("/license/tier", "REQUIRED", "is required"))?;
        let tier = catalogue.tiers.iter().find(|tier| tier.key == *key && tier.archived_at.is_none());
        let tier =
            tier.ok_or_else(|| refuse("/license/tier", "UNKNOWN", "the product has no such tier on sale"))?;
        Ok(Offer { product, tier: tier.id })
    }

    fn draft(
        &self,
        desk: &Desk<'a>,
        offer: Offer,
        id: LicenseId,
        license: ImportedLicense,
    ) -> Result<Result<Draft, RowRefusal>, Failure> {
        let issued_at = license.issued_at.unwrap_or(self.moment.now);
        if issued_at > self.moment.now {
            let field = FieldProblem::new("/license/issuedAt", "INVALID", "must not lie in the future");
            return Ok(Err(RowRefusal::of_field(field)));
        }
        let standing = (license.status, license.reason.clone());
        let sha256 = match license.key_sha256.as_ref().map(|sha256| hex::decode(sha256.expose())) {
            None => None,
            Some(Ok(sha256)) if sha256.len() == 32 => Some(sha256),
            Some(_) => {
                let wanted = "must be 64 hexadecimal digits";
                return Ok(Err(RowRefusal::of_field(FieldProblem::new(
                    "/license/keySha256",
                    "INVALID",
                    wanted,
                ))));
            }
        };
        let command = self.command(offer, license);
        let made = self.key(desk, id, &command, sha256.as_deref()).and_then(|(stored, digests)| {
            let nobody = Belonging::default();
            let (license, granted) = desk.issued(issued_at, (id, nobody), command, stored)?;
            Ok((license, granted, digests))
        });
        let (mut license, granted, digests) = match made {
            Ok(made) => made,
            Err(error) => return RowRefusal::of_license(error).map(Err),
        };
        self.stand(&mut license, standing, issued_at);
        Ok(Ok(Draft { license, granted, digests, machines: Vec::new() }))
    }

    fn key(
        &self,
        desk: &Desk<'a>,
        id: LicenseId,
        command: &IssueLicenseRequest,
        sha256: Option<&[u8]>,
    ) -> Result<(keys::Stored, Vec<Vec<u8>>), LicenseError> {
        if let Some(sha256) = sha256 {
            let stored = keys::store_sha256(self.ctx, sha256);
            let digests = vec![stored.digest.clone()];
            return Ok((stored, digests));
        }
        let key = desk.key(command)?;
        let chosen = command.key.is_some();
        let digests = if chosen { keys::digest(self.ctx, &key).all().collect() } else { Vec::new() };
        Ok((keys::store(self.ctx, id, &key)?, digests))
    }

    fn command(&self, offer: Offer, license: ImportedLicense) -> IssueLicenseRequest {
        IssueLicenseRequest {
            product_id: offer.product,
            tier_id: offer.tier,
            customer_id: None,
            customer: None,
            group_id: None,
            starts_at: license.starts_at,
            expires_at: license.expires_at,
            valid_days: license.valid_days,
            billing_period: None,
            updates_until: license.updates_until,
            trial: license.trial,
            features: license.features,
            max_activations: license.max_activations,
            max_users: license.max_users,
            max_tenants: license.max_tenants,
            key: license.key,
            allow_weak_key: self.options.allow_weak_keys,
            source: license.source,
            source_order_id: license.source_order_id,
            notes: license.notes,
            metadata: license.metadata,
            document: false,
        }
    }

    /// What it is worth. A licence whose time runs already was in use before: it takes no other one's place
    /// when it is activated here.
    fn stand(
        &self,
        license: &mut license::Model,
        (status, reason): (ImportedStatus, Option<licentia_types::text::Note>),
        issued_at: Timestamp,
    ) {
        license.first_activated_at = Some(issued_at).filter(|_| !license.awaits_start);
        match status {
            ImportedStatus::Active => {}
            ImportedStatus::Suspended => {
                license.status = license::Status::Suspended;
                license.suspended_at = Some(self.moment.now);
                license.suspension_reason = reason;
            }
            ImportedStatus::Revoked => {
                license.status = license::Status::Revoked;
                license.revoked_at = Some(self.moment.now);
                license.revoked_by = Some(self.caller.actor.name());
                license.revocation_reason = reason;
            }
        }
    }
}

fn without_place(index: usize, no_place: &NoPlace) -> RowRefusal {
    let member = match no_place {
        NoPlace::Twice => "/fingerprint",
        NoPlace::Instance => "/instance",
        NoPlace::Machines { .. } | NoPlace::Users { .. } | NoPlace::Tenants { .. } | NoPlace::Failed(_) => "",
    };
    let field = FieldProblem::new(format!("/machines/{index}{member}"), "INVALID", no_place.to_string());
    let refusal = RowRefusal::of_field(field);
    match no_place {
        NoPlace::Machines { .. } | NoPlace::Users { .. } | NoPlace::Tenants { .. } => {
            RowRefusal { code: ProblemCode::SeatLimitReached, ..refusal }
        }
        NoPlace::Twice | NoPlace::Instance | NoPlace::Failed(_) => refusal,
    }
}

impl Plan<'_> {
    /// Refuses those whose key or order has its licence already, in the database or by a row before.
    pub(super) fn refuse_taken(
        &mut self,
        mut digests: HashSet<Vec<u8>>,
        mut orders: HashSet<(Reference, Reference)>,
    ) -> Result<(), Failure> {
        for (_, row) in &mut self.rows {
            let Some(draft) = row.as_ref().ok().and_then(|planned| planned.draft.as_ref()) else { continue };
            let order = taken::order(draft);
            let error = if draft.digests.iter().any(|digest| digests.contains(digest)) {
                LicenseError::KeyTaken
            } else if order.as_ref().is_some_and(|order| orders.contains(order)) {
                LicenseError::OrderTaken
            } else {
                digests.extend(draft.digests.iter().cloned());
                orders.extend(order);
                continue;
            };
            *row = Err(Outcome::Refused(RowRefusal::of_license(error)?));
        }
        Ok(())
    }

    /// The licences that may be made.
    pub(super) fn drafts(&self) -> impl Iterator<Item = &Draft> {
        self.rows.iter().filter_map(|(_, row)| row.as_ref().ok()?.draft.as_ref())
    }
}
