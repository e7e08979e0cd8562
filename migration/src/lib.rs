//! The schema, step by step. Steps are append-only, and the same for SQLite and PostgreSQL.
//!
//! Times are microseconds since the epoch in `bigint` columns; limits are integers (−1 inherited,
//! 0 without limit); constraints have names, because their violations become domain errors.
#![forbid(unsafe_code)]

use sea_orm_migration::prelude::*;

mod m0001_catalogue;
mod m0002_customers;
mod m0003_licenses;
mod m0004_activations;
mod m0005_signing_keys;
mod m0006_access;
mod m0007_lifecycle;
mod m0008_machines;
mod m0009_key_rotation;
mod m0010_journal;
mod m0011_outdating_events;
mod m0012_due_seats;
mod m0013_imports;
mod m0014_license_files;
mod m0015_activation_claims;
mod m0016_assemblies;
mod m0017_usage;
mod m0018_api_keys;
mod m0019_admins;
mod m0020_groups;
mod m0021_once;
mod m0022_admin_groups;
mod m0023_mail;
mod m0024_accounts;
mod m0025_clock_mark;
mod m0026_directory;
mod m0027_customers_trail;

/// Every step, in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_catalogue::Migration),
            Box::new(m0002_customers::Migration),
            Box::new(m0003_licenses::Migration),
            Box::new(m0004_activations::Migration),
            Box::new(m0005_signing_keys::Migration),
            Box::new(m0006_access::Migration),
            Box::new(m0007_lifecycle::Migration),
            Box::new(m0008_machines::Migration),
            Box::new(m0009_key_rotation::Migration),
            Box::new(m0010_journal::Migration),
            Box::new(m0011_outdating_events::Migration),
            Box::new(m0012_due_seats::Migration),
            Box::new(m0013_imports::Migration),
            Box::new(m0014_license_files::Migration),
            Box::new(m0015_activation_claims::Migration),
            Box::new(m0016_assemblies::Migration),
            Box::new(m0017_usage::Migration),
            Box::new(m0018_api_keys::Migration),
            Box::new(m0019_admins::Migration),
            Box::new(m0020_groups::Migration),
            Box::new(m0021_once::Migration),
            Box::new(m0022_admin_groups::Migration),
            Box::new(m0023_mail::Migration),
            Box::new(m0024_accounts::Migration),
            Box::new(m0025_clock_mark::Migration),
            Box::new(m0026_directory::Migration),
            Box::new(m0027_customers_trail::Migration),
        ]
    }
}

/// The columns of every mutable row: created, updated, version.
fn with_history(table: &mut TableCreateStatement) -> &mut TableCreateStatement {
    use sea_orm_migration::schema::big_integer;
    table.col(big_integer("created_at")).col(big_integer("updated_at")).col(big_integer("version"))
}

/// A foreign key that forbids deleting what is still named.
fn references(
    name: &str,
    from: (&'static str, &'static str),
    to: (&'static str, &'static str),
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(name)
        .from(from.0, from.1)
        .to(to.0, to.1)
        .on_delete(ForeignKeyAction::Restrict)
        .to_owned()
}

/// Adds columns to a table: one statement each, as SQLite wants it.
async fn add_columns(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: Vec<ColumnDef>,
) -> Result<(), DbErr> {
    for column in columns {
        manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
    }
    Ok(())
}
