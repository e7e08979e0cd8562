//! The connection of a thread that serves batches.
//!
//! On SQLite a statement runs on the thread that asks for it, with no other thread to be woken: in a batch
//! of a dozen heartbeats that was most of the cost. Such a thread does nothing else, so that nobody waits
//! for it but those of its own queue. On PostgreSQL it is a small pool.

use std::sync::Arc;

use sea_orm::{ConnectOptions, ConnectionTrait, DbBackend, DbErr, Statement, Value};

use super::gate::{Gate, Lane};
use super::{Connections, Database};
use crate::failure::Failure;
pub(crate) use row::{Cells, Row};
use sqlite::Sqlite;

mod row;
mod sqlite;

/// The connection of a thread that serves batches.
pub(crate) struct Hot {
    connection: HotConnection,
    /// The same database, for what is not hot.
    db: Database,
}

enum HotConnection {
    Sqlite { connection: Sqlite, gate: Gate },
    Postgres,
}

impl Database {
    /// The same database, for the thread that serves batches alone. A connection to PostgreSQL answers when
    /// the thread that opened it gets to it, and the others sign in the meantime.
    ///
    /// # Errors
    /// When the file cannot be opened once more, or not durably.
    pub(crate) async fn hot(&self) -> Result<Hot, Failure> {
        match &self.connections {
            Connections::Sqlite { gate, file, .. } => {
                let connection =
                    HotConnection::Sqlite { connection: Sqlite::open(file)?, gate: gate.clone() };
                Ok(Hot { connection, db: self.clone() })
            }
            Connections::Postgres { hot, .. } => {
                // Connects when it is used first.
                let pool = sea_orm::Database::connect(ConnectOptions::clone(hot)).await?;
                let connections = Connections::Postgres { pool, hot: Arc::clone(hot) };
                let db = Self { connections, ..self.clone() };
                Ok(Hot { connection: HotConnection::Postgres, db })
            }
        }
    }
}

impl Hot {
    pub(crate) const fn db(&self) -> &Database {
        &self.db
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    /// How many calls are served together. On PostgreSQL half as many: what is sent must fit into one record of
    /// TLS (16 KiB), or its rest waits until the first part is acknowledged, which takes 40 ms.
    pub(crate) fn at_once(&self, most: usize) -> usize {
        match self.connection {
            HotConnection::Sqlite { .. } => most,
            HotConnection::Postgres => most / 2,
        }
    }

    /// Runs a statement that only reads.
    pub(crate) async fn read(&self, sql: String, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        match &self.connection {
            HotConnection::Sqlite { connection, .. } => {
                self.db.count()?;
                connection.run(&sql, values)
            }
            HotConnection::Postgres => self.query(sql, values).await,
        }
    }

    /// Runs one statement as a transaction of its own, for a third of what a transaction costs. When this
    /// returns, a power cut loses nothing of it.
    ///
    /// # Errors
    /// When the database cannot be reached, or did not confirm; the outcome is then unknown to us.
    pub(crate) async fn write_at_once(
        &self,
        lane: Lane,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, DbErr> {
        match &self.connection {
            HotConnection::Sqlite { connection, gate } => {
                self.db.count()?;
                let _permit = gate.pass(lane).await?;
                connection.run(&sql, values)
            }
            HotConnection::Postgres => self.query(sql, values).await,
        }
    }

    async fn query(&self, sql: String, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        let rows = self.db.query_all_raw(statement).await?;
        Ok(rows.into_iter().map(Row::from).collect())
    }
}
