//! A database as an older program left it: its schema made by the first steps alone, with the rows
//! that a server of today wrote, as far as that schema holds them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use licentia_migration::Migrator;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use sea_orm_migration::MigratorTrait;

use crate::database::ISSUER;
use crate::server::TestServer;

impl TestServer {
    /// Stops the server, puts its database back into the schema of the first `steps`, runs `changes`
    /// there, and starts the present program on it.
    pub async fn upgraded_from(self, steps: u32, changes: &[&str]) -> Self {
        let (database, clock, admin_key) =
            (Arc::clone(&self.database), self.clock.clone(), self.admin_key.clone());
        drop(self);
        let connection = match &database.folder {
            Some(folder) => older_sqlite(folder.path(), steps).await,
            None => older_postgres(&database.url, steps).await,
        };
        for change in changes {
            connection.execute_unprepared(change).await.unwrap();
        }
        connection.close().await.unwrap();
        let mut server = Self::on(database, clock, &[("SERVER__PUBLIC_URL", ISSUER)]).await;
        server.admin_key = admin_key;
        server
    }
}

async fn older_sqlite(folder: &Path, steps: u32) -> DatabaseConnection {
    let file = folder.join("licentia.db");
    let later = folder.join("later.db");
    fs::rename(&file, &later).unwrap();
    let connection = connect(&format!("sqlite://{}?mode=rwc", file.display())).await;
    Migrator::up(&connection, Some(steps)).await.unwrap();
    run(&connection, "PRAGMA foreign_keys = OFF").await;
    run(&connection, &format!("ATTACH '{}' AS later", later.display())).await;
    let tables = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    for table in texts(&connection, tables).await {
        let columns = format!("SELECT name FROM pragma_table_info('{table}')");
        copy(&connection, "main", &table, &texts(&connection, &columns).await).await;
    }
    run(&connection, "DETACH later").await;
    connection
}

async fn older_postgres(url: &str, steps: u32) -> DatabaseConnection {
    let connection = connect(url).await;
    run(&connection, "ALTER SCHEMA public RENAME TO later").await;
    run(&connection, "CREATE SCHEMA public").await;
    Migrator::up(&connection, Some(steps)).await.unwrap();
    run(&connection, "SET session_replication_role = replica").await;
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
    for table in texts(&connection, tables).await {
        let columns = format!(
            "SELECT column_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = '{table}'"
        );
        let columns = texts(&connection, &columns).await;
        copy(&connection, "public", &table, &columns).await;
        let counted = format!(
            "SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'public'
             AND table_name = '{table}' AND pg_get_serial_sequence('public.{table}', column_name) IS NOT NULL"
        );
        for column in texts(&connection, &counted).await {
            let next = format!("(SELECT COALESCE(MAX({column}), 0) + 1 FROM public.{table})");
            let sequence = format!("pg_get_serial_sequence('public.{table}', '{column}')");
            run(&connection, &format!("SELECT setval({sequence}, {next}, FALSE)")).await;
        }
    }
    run(&connection, "SET session_replication_role = DEFAULT").await;
    run(&connection, "DROP SCHEMA later CASCADE").await;
    connection
}

/// One connection, which keeps what is set and attached.
async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap()
}

async fn copy(connection: &DatabaseConnection, schema: &str, table: &str, columns: &[String]) {
    if table == "seaql_migrations" {
        return;
    }
    let columns = columns.join(", ");
    let sql = format!("INSERT INTO {schema}.{table} ({columns}) SELECT {columns} FROM later.{table}");
    run(connection, &sql).await;
}

async fn run(connection: &DatabaseConnection, sql: &str) {
    connection.execute_unprepared(sql).await.unwrap();
}

async fn texts(connection: &DatabaseConnection, sql: &str) -> Vec<String> {
    let backend: DbBackend = connection.get_database_backend();
    let rows = connection.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
