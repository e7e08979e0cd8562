//! The one seam between Licentia and its two databases.
//!
//! Stores see [`Database`] for reads and [`WriteTx`] for writes, never a bare connection: every
//! statement is counted here, SQLite writes pass one gate and begin IMMEDIATE, and what protects
//! against power loss is set and read back when a connection opens.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use clean::{Doubt, Ending};
use fuse::Fuse;
use gate::{Gate, Permit};
use news::{Marks, News};

pub use error::{Constraint, violates};
pub(crate) use error::{is_answered, is_lock_timeout, is_passing, is_rolled_back, is_still_named};
pub use gate::Lane;
pub(crate) use news::Reach;

mod clean;
mod error;
mod fuse;
mod gate;
pub(crate) mod hot;
mod listening;
mod news;
mod postgres;
mod sqlite;
pub(crate) mod values;

/// How to reach the database.
#[derive(Clone)]
pub struct DatabaseOptions {
    /// `sqlite://path` or `postgres://…`; may carry a password.
    pub url: secrecy::SecretString,
    /// Connections of the PostgreSQL pool.
    pub max_connections: u32,
    /// Read connections to SQLite.
    pub readers: u32,
    /// How long a request waits for a connection before it is told that we are not available.
    pub acquire_timeout: Duration,
}

impl std::fmt::Debug for DatabaseOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseOptions")
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

/// The database: reads go straight to it, writes through [`Database::write`].
#[derive(Clone, Debug)]
pub struct Database {
    connections: Connections,
    statements: Arc<AtomicU64>,
    marks: Arc<Marks>,
    fuse: Arc<Fuse>,
}

#[derive(Clone, Debug)]
enum Connections {
    /// One write connection behind a gate, and a pool that can only read.
    Sqlite {
        writer: DatabaseConnection,
        gate: Gate,
        doubt: Doubt,
        readers: DatabaseConnection,
        file: PathBuf,
    },
    Postgres {
        pool: DatabaseConnection,
        /// How the threads that serve batches connect.
        hot: Arc<ConnectOptions>,
    },
}

impl Database {
    /// Connects, and refuses a database that would not survive a power cut.
    ///
    /// # Errors
    /// When the database cannot be reached, or is not durable.
    pub async fn connect(options: &DatabaseOptions) -> Result<Self, ConnectError> {
        use secrecy::ExposeSecret;
        let url = options.url.expose_secret();
        let connections = if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let (pool, hot) = postgres::connect(url, options).await?;
            Connections::Postgres { pool, hot: Arc::new(hot) }
        } else if url.starts_with("sqlite:") {
            let writer = sqlite::connect_writer(url, options).await?;
            let readers = sqlite::connect_readers(url, options).await?;
            let (gate, file) = (Gate::new(options.acquire_timeout), sqlite::file(url)?);
            Connections::Sqlite { writer, gate, doubt: Doubt::default(), readers, file }
        } else {
            return Err(ConnectError::Scheme);
        };
        Ok(Self { connections, statements: Arc::default(), marks: Arc::default(), fuse: Arc::default() })
    }

    /// Begins the one transaction of an operation. On SQLite it waits for its turn in `lane`.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn write(&self, lane: Lane) -> Result<WriteTx, DbErr> {
        self.fuse.burn()?;
        let (transaction, ending, permit) = match &self.connections {
            Connections::Sqlite { writer, gate, doubt, .. } => {
                let permit = gate.pass(lane).await?;
                doubt.resolve(writer).await?;
                let immediate = TransactionOptions {
                    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                    ..TransactionOptions::default()
                };
                let transaction = writer.begin_with_options(immediate).await?;
                (transaction, Some(doubt.ending()), Some(permit))
            }
            Connections::Postgres { pool, .. } => (pool.begin().await?, None, None),
        };
        let news = News::none_yet(&self.marks);
        let (statements, fuse) = (Arc::clone(&self.statements), Arc::clone(&self.fuse));
        Ok(WriteTx { transaction, statements, fuse, news, ending, _permit: permit })
    }

    /// Begins the one transaction in which the schema is brought up to date. Of several instances
    /// that start at once, the others wait here until the first is done.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn write_schema(&self) -> Result<WriteTx, DbErr> {
        /// Any number that nobody else uses for an advisory lock.
        const SCHEMA_LOCK: i64 = 0x6c69_6365_6e74_6961;
        let tx = self.write(Lane::Ordinary).await?;
        if tx.get_database_backend() == DbBackend::Postgres {
            tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")).await?;
        }
        Ok(tx)
    }

    /// A connection for asking which migrations are missing, before anything is served.
    #[must_use]
    pub fn schema(&self) -> &DatabaseConnection {
        match &self.connections {
            Connections::Sqlite { readers, .. } => readers,
            Connections::Postgres { pool, .. } => pool,
        }
    }

    /// Statements run since the start.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// How often something has changed of that which is kept in memory, as far as this instance heard.
    pub(crate) fn marks(&self) -> u64 {
        self.marks.count()
    }

    /// The same database, for what is written off the way of every request: its statements are not counted among
    /// theirs.
    pub(crate) fn aside(&self) -> Self {
        Self { statements: Arc::default(), fuse: Arc::default(), ..self.clone() }
    }

    /// Closes every connection; SQLite folds its log into the file.
    ///
    /// # Errors
    /// When the database does not answer any more.
    pub async fn close(self) -> Result<(), DbErr> {
        match self.connections {
            Connections::Sqlite { writer, readers, .. } => {
                readers.close().await?;
                writer.close().await
            }
            Connections::Postgres { pool, .. } => pool.close().await,
        }
    }

    /// For tests: the `nth` thing that is asked of the database from here on fails, whoever asks it.
    pub fn fail_at(&self, nth: u64) {
        self.fuse.set(nth);
    }

    /// For tests: nothing is made to fail any more. Whether anything was.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.fuse.remove()
    }

    fn count(&self) -> Result<(), DbErr> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.fuse.burn()
    }

    fn counted(&self) -> Result<&DatabaseConnection, DbErr> {
        self.count()?;
        Ok(self.schema())
    }
}

/// Why the database was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither SQLite nor PostgreSQL.
    #[error("the database URL must begin with sqlite: or postgres:")]
    Scheme,
    /// It answers, but would lose what it confirmed when the power fails.
    #[error("the database is not durable: {setting} is {value}, must be {wanted}")]
    NotDurable {
        /// Which setting.
        setting: &'static str,
        /// What it says.
        value: String,
        /// What it must say.
        wanted: &'static str,
    },
    /// It cannot be reached.
    #[error("the database cannot be opened")]
    Unreachable(#[from] DbErr),
}

/// One write transaction. Dropped without [`WriteTx::commit`] it is rolled back.
#[derive(Debug)]
pub struct WriteTx {
    transaction: DatabaseTransaction,
    statements: Arc<AtomicU64>,
    fuse: Arc<Fuse>,
    // Dropped after the transaction: whoever looks anew because of it sees what was committed.
    news: News,
    // On SQLite: dropped after the transaction, too.
    ending: Option<Ending>,
    // Declared last, so dropped last: the next writer begins when this one's end is under way.
    _permit: Option<Permit>,
}

impl WriteTx {
    /// Makes everything durable. When this returns, a power cut loses nothing of it.
    ///
    /// # Errors
    /// When the database did not confirm; the outcome is then unknown to us.
    pub async fn commit(mut self) -> Result<(), DbErr> {
        self.fuse.burn()?;
        self.news.tell(&self.transaction).await?;
        let outcome = self.transaction.commit().await;
        if let Some(ending) = &mut self.ending {
            ending.is_committed = outcome.is_ok();
        }
        outcome
    }

    /// Notes that this transaction changes something of that which is kept in memory.
    pub(crate) fn changes(&self, reach: Reach) {
        self.news.add(reach);
    }

    /// The transaction itself, for migrations.
    #[must_use]
    pub fn schema(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    fn counted(&self) -> Result<&DatabaseTransaction, DbErr> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.fuse.burn()?;
        Ok(&self.transaction)
    }
}

macro_rules! delegate_connection {
    ($type:ty, $backend:expr) => {
        #[async_trait::async_trait]
        impl ConnectionTrait for $type {
            fn get_database_backend(&self) -> DbBackend {
                let backend: fn(&Self) -> DbBackend = $backend;
                backend(self)
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                self.counted()?.execute_raw(statement).await
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                self.counted()?.execute_unprepared(sql).await
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                self.counted()?.query_one_raw(statement).await
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                self.counted()?.query_all_raw(statement).await
            }
        }
    };
}

delegate_connection!(Database, |database: &Database| database.schema().get_database_backend());
delegate_connection!(WriteTx, |tx: &WriteTx| tx.transaction.get_database_backend());
