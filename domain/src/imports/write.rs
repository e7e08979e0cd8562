//! Writing what was planned: a handful of statements, however many rows. Licences first, then what is
//! theirs, then what is told of it; the generation of revocations last.

use std::collections::BTreeMap;

use licentia_entity::{activation, license};
use licentia_types::customers::CreateCustomerRequest;
use licentia_types::ids::{GroupId, ImportId};
use licentia_types::text::Reference;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::json;

use super::plan::{Draft, Plan, Planned};
use super::planned::Outcome;
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::customers::{CustomerError, NotMade, Owner};
use crate::database::{Reach, WriteTx};
use crate::events::{self, Kind};
use crate::failure::Failure;
use crate::licenses::issue::desk::Desk;
use crate::{audit, customers, revocations, status_lists, tokens};

/// Rows of one statement: below what a statement of SQLite may bind.
const ROWS: usize = 500;

/// Who imports, and when.
pub(super) struct Writing<'a> {
    pub(super) ctx: &'a Context,
    pub(super) tx: &'a WriteTx,
    pub(super) moment: Moment<'a>,
    pub(super) caller: &'a Caller,
    pub(super) import: ImportId,
    /// Where licences without customer are put.
    pub(super) group: Option<GroupId>,
}

/// What was looked at before is otherwise: the piece is tried again.
fn meanwhile(error: NotMade) -> Failure {
    match error {
        NotMade::Failed(failure) => failure,
        NotMade::Refused(..) => Failure::Contended,
    }
}

impl Writing<'_> {
    /// Writes the rows that may be taken in, and tells what became of each.
    pub(super) async fn write(&self, mut plan: Plan<'_>) -> Result<Vec<(i64, Outcome)>, Failure> {
        let mut planned: Vec<&mut Planned> =
            plan.rows.iter_mut().filter_map(|(_, row)| row.as_deref_mut().ok()).collect();
        let described = planned.iter_mut().map(|planned| planned.customer.take()).collect();
        let owners = self.owners(described).await?;
        for (planned, owner) in planned.iter_mut().zip(&owners) {
            if let Some(draft) = &mut planned.draft {
                draft.license.customer_id = owner.map(|owner| owner.customer);
                draft.license.group_id = owner.map_or(self.group, |owner| owner.group);
            }
        }
        let mut drafts: Vec<&mut Draft> =
            planned.into_iter().filter_map(|planned| planned.draft.as_mut()).collect();
        self.licenses(&drafts).await?;
        self.machines(&plan.desk, &mut drafts).await?;
        self.tell(&drafts).await?;
        let mut owners = owners.into_iter();
        let outcome = |(number, row): (i64, Result<Box<Planned>, Outcome>)| {
            let outcome = row.map_or_else(
                |outcome| outcome,
                |planned| Outcome::Created {
                    license: planned.draft.map(|draft| draft.license.id),
                    customer: owners.next().flatten().map(|owner| owner.customer),
                },
            );
            (number, outcome)
        };
        Ok(plan.rows.into_iter().map(outcome).collect())
    }

    /// The owner of each row: found by external id, or made.
    async fn owners(
        &self,
        described: Vec<Option<CreateCustomerRequest>>,
    ) -> Result<Vec<Option<Owner>>, Failure> {
        let mut known: BTreeMap<Reference, CreateCustomerRequest> = BTreeMap::new();
        let mut unknown = Vec::new();
        let mut named: Vec<Option<Option<Reference>>> = Vec::with_capacity(described.len());
        for customer in described {
            named.push(customer.as_ref().map(|customer| customer.external_id.clone()));
            match customer {
                None => {}
                Some(CreateCustomerRequest { external_id: None, .. }) => unknown.extend(customer),
                Some(CreateCustomerRequest { external_id: Some(ref id), .. }) => {
                    // Described twice: as it was the first time.
                    let id = id.clone();
                    known.entry(id).or_insert_with(|| customer.unwrap_or_default());
                }
            }
        }
        let known =
            customers::find_or_insert(self.tx, &self.moment, self.caller, known).await.map_err(meanwhile)?;
        let made = customers::insert_all(self.tx, &self.moment, self.caller, unknown).await;
        let made = made.map_err(|error| match error {
            CustomerError::Failed(failure) => failure,
            _ => Failure::Contended,
        })?;
        let mut made = made.into_iter();
        let owner = |named: Option<Option<Reference>>| match named {
            None => Ok(None),
            Some(None) => Ok(made.next()),
            // Gone between two statements: somebody gave it another external id.
            Some(Some(id)) => Ok(Some(*known.get(&id).ok_or(Failure::Contended)?)),
        };
        named.into_iter().map(owner).collect()
    }

    async fn licenses(&self, drafts: &[&mut Draft]) -> Result<(), Failure> {
        for some in drafts.chunks(ROWS) {
            let rows = some.iter().map(|draft| draft.license.clone().into_active_model().reset_all());
            license::Entity::insert_many(rows).exec_without_returning(self.tx).await?;
        }
        Ok(())
    }

    /// Each machine has a place in the status lists, and names what its licence grants, though no token
    /// of it was signed yet.
    async fn machines(&self, desk: &Desk<'_>, drafts: &mut [&mut Draft]) -> Result<(), Failure> {
        let with_machines = || drafts.iter().filter(|draft| !draft.machines.is_empty());
        let claim_set = |draft: &&&mut Draft| {
            let offer = desk.offer(draft.license.product_id).map_err(|_| Failure::Corrupt("product"));
            let (product, _) = offer?;
            let set = draft.granted.claim_set(&self.ctx.settings.issuer, &draft.license, product);
            tokens::seal_claim_set(self.ctx, self.moment.now, &draft.license, product, &set)
        };
        let sets: Vec<_> = with_machines().map(|draft| claim_set(&draft)).collect::<Result<_, _>>()?;
        if sets.is_empty() {
            return Ok(());
        }
        let sets = tokens::insert_claim_sets(self.tx, sets).await?;
        let mut machines: Vec<activation::Model> =
            drafts.iter_mut().flat_map(|draft| draft.machines.drain(..)).collect();
        for machine in &mut machines {
            machine.claim_set_id = *sets.get(&machine.license_id).ok_or(Failure::Corrupt("claim set"))?;
        }
        for some in machines.chunks_mut(ROWS) {
            status_lists::take_first_places(self.tx, &mut some.iter_mut().collect::<Vec<_>>()).await?;
            let rows = some.iter().map(|machine| machine.clone().into_active_model().reset_all());
            activation::Entity::insert_many(rows).exec_without_returning(self.tx).await?;
            let written = some.iter().map(|machine| {
                let detail = json!({"import": self.import});
                audit::Event::new("activation.imported", &machine.id, detail).of_license(machine.license_id)
            });
            audit::record_all(self.tx, &self.moment, self.caller, written.collect()).await?;
        }
        Ok(())
    }

    async fn tell(&self, drafts: &[&mut Draft]) -> Result<(), Failure> {
        let detail = |license: &license::Model| {
            json!({"import": self.import, "product": license.product_id, "tier": license.tier_id,
                   "customer": license.customer_id, "expiresAt": license.expires_at, "trial": license.trial})
        };
        for some in drafts.chunks(ROWS) {
            let licenses = || some.iter().map(|draft| &draft.license);
            let written = licenses().map(|license| {
                audit::Event::new("license.imported", &license.id, detail(license)).of_license(license.id)
            });
            audit::record_all(self.tx, &self.moment, self.caller, written.collect()).await?;
            let told = licenses().map(|license| {
                events::Event::new(Kind::LicenseImported, &license.id, detail(license)).of_license(license)
            });
            events::record_all(self.tx, &self.moment, told.collect()).await?;
        }
        let active = |draft: &&mut Draft| draft.license.status == license::Status::Active;
        if drafts.iter().all(active) {
            return Ok(());
        }
        // The lists tell of them, though no token ever said otherwise.
        self.tx.changes(Reach::Everywhere);
        revocations::raise_generation(self.tx, &self.moment).await
    }
}
