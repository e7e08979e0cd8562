//! The PostgreSQL server: databases of ours in it, what its processes use, and how often it syncs.

use std::collections::HashSet;

use anyhow::Context as _;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use url::Url;

use crate::proc_files::{self, CpuTimes};

/// A server that lets us make databases.
#[derive(Clone)]
pub(crate) struct PostgresServer {
    url: Url,
    connection: DatabaseConnection,
    /// The parent of all its processes; none when it runs on another machine.
    postmaster: Option<u32>,
    pub(crate) version: String,
}

impl PostgresServer {
    /// Connects, and looks whether databases may be made here.
    pub(crate) async fn connect(url: &str) -> anyhow::Result<Self> {
        let parsed = Url::parse(url).context("no URL of a PostgreSQL server")?;
        let connection = connect(url).await?;
        let version: String = ask(&connection, "SHOW server_version").await?;
        let may: bool =
            ask(&connection, "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user")
                .await?;
        anyhow::ensure!(may, "its role may not create databases");
        let backend: i32 = ask(&connection, "SELECT pg_backend_pid()").await?;
        let postmaster =
            u32::try_from(backend).ok().filter(|pid| is_postgres(*pid)).and_then(proc_files::stat);
        Ok(Self { url: parsed, connection, postmaster: postmaster.map(|stat| stat.parent), version })
    }

    /// An empty database, dropped with the value.
    pub(crate) async fn make_database(&self) -> anyhow::Result<PostgresDatabase> {
        let name = format!("licentia_bench_{:016x}", fastrand::u64(..));
        self.connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
        let mut url = self.url.clone();
        url.set_path(&name);
        Ok(PostgresDatabase { server: self.clone(), name, url: url.into() })
    }

    /// Whether the processes of the server can be watched from here.
    pub(crate) const fn is_local(&self) -> bool {
        self.postmaster.is_some()
    }
}

/// Another process may have that number, if the server is elsewhere.
fn is_postgres(pid: u32) -> bool {
    let command = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    command.trim().starts_with("postgres")
}

/// A database of ours.
pub(crate) struct PostgresDatabase {
    server: PostgresServer,
    name: String,
    url: String,
}

impl PostgresDatabase {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn size(&self) -> anyhow::Result<u64> {
        let size: i64 =
            ask(&self.server.connection, &format!("SELECT pg_database_size('{}')", self.name)).await?;
        Ok(u64::try_from(size)?)
    }

    /// Processor time of the server's processes, but for those that serve other databases.
    pub(crate) async fn cpu(&self) -> anyhow::Result<Option<CpuTimes>> {
        let Some(postmaster) = self.server.postmaster else {
            return Ok(None);
        };
        let others = format!(
            "SELECT COALESCE(string_agg(pid::text, ','), '') FROM pg_stat_activity WHERE datname <> '{}'",
            self.name
        );
        let others: String = ask(&self.server.connection, &others).await?;
        let others: HashSet<u32> = others.split(',').filter_map(|pid| pid.parse().ok()).collect();
        let ours = |pid, stat: proc_files::Stat| stat.parent == postmaster && !others.contains(&pid);
        CpuTimes::read(|pid, stat| pid == postmaster || ours(pid, stat)).map(Some)
    }

    /// How often the server made its log durable; none where it does not tell.
    pub(crate) async fn syncs(&self) -> Option<u64> {
        // Where they are counted since PostgreSQL 18.
        const NOW: &str = "SELECT SUM(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal'";
        let connection = &self.server.connection;
        let counted = if let Ok(counted) = ask::<i64>(connection, "SELECT wal_sync FROM pg_stat_wal").await {
            counted
        } else {
            ask::<i64>(connection, NOW).await.ok()?
        };
        u64::try_from(counted).ok()
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.url.to_string(), self.name.clone());
        let dropped = std::thread::spawn(move || -> anyhow::Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let connection = connect(&server).await?;
                connection
                    .execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                    .await?;
                Ok(connection.close().await?)
            })
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("the database {} could not be dropped", self.name);
        }
    }
}

async fn connect(url: &str) -> anyhow::Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).connect_timeout(std::time::Duration::from_secs(5));
    options.acquire_timeout(std::time::Duration::from_secs(5));
    Ok(sea_orm::Database::connect(options).await?)
}

async fn ask<T: sea_orm::TryGetable>(connection: &DatabaseConnection, sql: &str) -> anyhow::Result<T> {
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    Ok(row.context("an empty answer")?.try_get_by_index(0)?)
}
