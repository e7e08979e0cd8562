//! Fills an empty database with machines, as if all of them had been activated: rows in bulk, each a copy of one that
//! the server's own operations made.

use licentia_crypto::license_keys::KeyPrefix;
use licentia_crypto::nonces::{Nonce, NonceKey};
use licentia_domain::activations::{self, Admission};
use licentia_domain::actors::Caller;
use licentia_domain::context::Context;
use licentia_domain::database::{Lane, WriteTx};
use licentia_domain::licenses::keys;
use licentia_domain::{demo, tokens};
use licentia_entity::{activation, claim_set, customer, license, product, status_place};
use licentia_types::activations::ActivateRequest;
use licentia_types::text::{Email, Fingerprint, Reference};
use licentia_types::tokens::{ClaimSet, LicenseClaims};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait,
    IntoActiveModel, Iterable, QueryFilter,
};
use secrecy::SecretString;
use serde_json::json;

use crate::claims;
use crate::names::{self, MACHINES_PER_LICENSE, Names};
use crate::progress::Progress;

/// Below the number of values that a statement of either database may bind.
const MOST_VALUES: usize = 30_000;
/// Licences of one transaction, with their machines: bounded memory, and few syncs.
const LICENSES_AT_ONCE: u32 = 4_000;

/// What the seeded machines have in common, for whoever speaks in their name.
pub(crate) struct Seeded {
    pub(crate) names: Names,
    pub(crate) prefix: KeyPrefix,
    pub(crate) nonces: NonceKey,
    /// Where each machine's chain stands.
    pub(crate) chain: Nonce,
    pub(crate) admin_key: SecretString,
}

/// One row of each kind, as the server makes it.
struct Pattern {
    product: product::Model,
    customer: customer::Model,
    /// As it is before its first machine comes.
    vacant: license::Model,
    /// With all of its machines.
    occupied: license::Model,
    machine: activation::Model,
    claim_set: ClaimSet,
}

/// Seeds an empty, migrated database.
pub(crate) async fn seed(ctx: &Context, machines: u32, what: &str) -> anyhow::Result<Seeded> {
    let demo = demo::fill(ctx).await?;
    let pattern = Pattern::make(ctx, &demo).await?;
    let since = u64::try_from(ctx.moment().now.micros() / 1000)?;
    let names = Names { machines, since };
    let prefix = KeyPrefix::parse(pattern.product.key_prefix.as_str())?;
    let seeding = Seeding { ctx, names, prefix: &prefix, pattern: &pattern };
    let mut progress = Progress::begin(what, u64::from(names.licenses()));
    let mut first = 0;
    while first < names.licenses() {
        let end = names.licenses().min(first + LICENSES_AT_ONCE);
        seeding.some(first..end).await?;
        progress.advance(u64::from(end - first));
        first = end;
    }
    settle(ctx).await?;
    let chain = Nonce {
        epoch: u32::try_from(pattern.machine.epoch)?,
        generation: u64::try_from(pattern.machine.generation)?,
    };
    let nonces = ctx.secrets.nonces.clone();
    Ok(Seeded { names, prefix, nonces, chain, admin_key: demo.admin_api_key })
}

impl Pattern {
    /// Activates the demo's licence, and takes its rows as the pattern.
    async fn make(ctx: &Context, demo: &demo::Demo) -> anyhow::Result<Self> {
        let of_customer = license::Column::CustomerId.eq(demo.customer_id);
        let vacant = license::Entity::find().filter(of_customer).one(&ctx.db).await?;
        let vacant = vacant.ok_or_else(|| anyhow::anyhow!("the demo has no licence"))?;
        let request: ActivateRequest = serde_json::from_value(json!({
            "licenseKey": demo.license_key, "fingerprint": names::fingerprint(0), "hostname": "workstation",
            "environment": "production", "productVersion": "4.12.0",
        }))?;
        let admission = activations::activate(ctx, &Caller::operator(), request).await?;
        let Admission::Activated(activated) = admission else {
            anyhow::bail!("the demo's first machine waits for an approval");
        };
        let claims: LicenseClaims = claims::decode(&activated.response.token)?;
        let found = "the pattern is there";
        let machine = activation::Entity::find_by_id(activated.response.activation.id).one(&ctx.db).await?;
        let occupied = license::Entity::find_by_id(vacant.id).one(&ctx.db).await?;
        let product = product::Entity::find_by_id(vacant.product_id).one(&ctx.db).await?;
        let customer = customer::Entity::find_by_id(demo.customer_id).one(&ctx.db).await?;
        let (Some(machine), Some(mut occupied), Some(product), Some(customer)) =
            (machine, occupied, product, customer)
        else {
            anyhow::bail!("not true: {found}");
        };
        occupied.seats_used = i32::try_from(MACHINES_PER_LICENSE)?;
        Ok(Self { product, customer, vacant, occupied, machine, claim_set: ClaimSet::clone(&claims.set) })
    }
}

struct Seeding<'a> {
    ctx: &'a Context,
    names: Names,
    prefix: &'a KeyPrefix,
    pattern: &'a Pattern,
}

impl Seeding<'_> {
    /// Some licences, their customers, and their machines.
    async fn some(&self, licenses: std::ops::Range<u32>) -> anyhow::Result<()> {
        let occupied = licenses.start..licenses.end.min(self.names.occupied()).max(licenses.start);
        let machines = occupied.start * MACHINES_PER_LICENSE
            ..self
                .names
                .machines
                .min(occupied.end * MACHINES_PER_LICENSE)
                .max(occupied.start * MACHINES_PER_LICENSE);
        let customers = licenses.clone().map(|license| self.customer(license)).collect::<Result<_, _>>()?;
        let rows: Vec<license::Model> =
            licenses.map(|license| self.license(license)).collect::<Result<_, _>>()?;
        let sets = occupied.zip(&rows).map(|(number, license)| self.claim_set(number, license));
        let sets: Vec<claim_set::ActiveModel> = sets.collect::<Result<_, _>>()?;
        let places = machines.clone().map(|machine| self.place(machine)).collect();
        let machines: Vec<_> = machines.map(|machine| self.machine(machine)).collect::<Result<_, _>>()?;

        let tx = self.ctx.db.write(Lane::Ordinary).await?;
        insert::<customer::Entity>(&tx, customers).await?;
        insert::<license::Entity>(&tx, rows.into_iter().map(all_of).collect()).await?;
        insert::<claim_set::Entity>(&tx, sets).await?;
        insert::<status_place::Entity>(&tx, places).await?;
        insert::<activation::Entity>(&tx, machines).await?;
        Ok(tx.commit().await?)
    }

    fn customer(&self, number: u32) -> anyhow::Result<customer::ActiveModel> {
        let row = customer::Model {
            id: self.names.customer(number),
            external_id: Some(format!("customer-{number}").parse::<Reference>()?),
            email: Some(format!("customer-{number}@bench.example").parse::<Email>()?),
            ..self.pattern.customer.clone()
        };
        Ok(all_of(row))
    }

    fn license(&self, number: u32) -> anyhow::Result<license::Model> {
        let occupied = number < self.names.occupied();
        let pattern = if occupied { &self.pattern.occupied } else { &self.pattern.vacant };
        let id = self.names.license(number);
        let key = keys::store(self.ctx, id, &names::license_key(self.prefix, number))?;
        Ok(license::Model {
            id,
            customer_id: Some(self.names.customer(number)),
            key_digest: key.digest,
            key_sealed: key.sealed,
            key_masked: key.masked,
            source_order_id: Some(format!("order-{number}").parse::<Reference>()?),
            ..pattern.clone()
        })
    }

    fn claim_set(&self, number: u32, license: &license::Model) -> anyhow::Result<claim_set::ActiveModel> {
        let set = ClaimSet {
            sub: self.names.customer(number).to_string(),
            license_id: license.id,
            ..self.pattern.claim_set.clone()
        };
        let now = self.pattern.machine.created_at;
        let mut row = tokens::seal_claim_set(self.ctx, now, license, &self.pattern.product, &set)?;
        row.id = Set(after(self.pattern.machine.claim_set_id, number));
        Ok(row)
    }

    fn place(&self, number: u32) -> status_place::ActiveModel {
        all_of(status_place::Model {
            serial: after(self.pattern.machine.status_serial, number),
            activation_id: self.names.activation(number),
            invalid_from: None,
        })
    }

    fn machine(&self, number: u32) -> anyhow::Result<activation::ActiveModel> {
        let license = names::license_of(number);
        Ok(all_of(activation::Model {
            id: self.names.activation(number),
            license_id: self.names.license(license),
            fingerprint: names::fingerprint(number).parse::<Fingerprint>()?,
            claim_set_id: after(self.pattern.machine.claim_set_id, license),
            status_serial: after(self.pattern.machine.status_serial, number),
            ..self.pattern.machine.clone()
        }))
    }
}

/// The row of this number, when the pattern's row was the last one before.
fn after(pattern: i64, number: u32) -> i64 {
    pattern + 1 + i64::from(number)
}

/// Every column, as it is.
fn all_of<M, A>(row: M) -> A
where
    M: IntoActiveModel<A>,
    A: ActiveModelTrait,
{
    row.into_active_model().reset_all()
}

async fn insert<E: EntityTrait>(tx: &WriteTx, rows: Vec<E::ActiveModel>) -> anyhow::Result<()>
where
    E::ActiveModel: Send,
{
    let at_once = MOST_VALUES / E::Column::iter().count();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        E::insert_many(rows.by_ref().take(at_once)).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Sequences go on after what was written, and PostgreSQL knows what its tables hold, as it would in an hour.
async fn settle(ctx: &Context) -> anyhow::Result<()> {
    if ctx.db.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    for (table, column) in [("claim_set", "id"), ("status_place", "serial")] {
        let next = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), (SELECT MAX({column}) FROM {table}))"
        );
        ctx.db.execute_unprepared(&next).await?;
    }
    ctx.db.execute_unprepared("VACUUM ANALYZE").await?;
    // A role that may not do this goes without.
    let _ = ctx.db.execute_unprepared("CHECKPOINT").await;
    Ok(())
}
