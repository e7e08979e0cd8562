//! The write connection to SQLite after a transaction that was not committed.
//!
//! When a disk is full or fails, SQLite itself may take the whole transaction back. What counts transactions above it does
//! not learn of that: it would take the next one for a part of the former, and acknowledge what was never committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, Sqlite};

/// Whether the last transaction ended otherwise than by a commit.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt(Arc<AtomicBool>);

impl Doubt {
    /// To be dropped with a transaction, before whoever comes next begins.
    pub(super) fn ending(&self) -> Ending {
        Ending { doubt: self.clone(), is_committed: false }
    }

    /// Before a transaction begins, with nobody else on the connection: one that still believes to be in another
    /// transaction is closed, and the next one is as new.
    pub(super) async fn resolve(&self, writer: &DatabaseConnection) -> Result<(), DbErr> {
        if !self.0.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        let looked = self.look(writer).await;
        if looked.is_err() {
            // It is still not known.
            self.0.store(true, Ordering::SeqCst);
        }
        looked.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))
    }

    async fn look(&self, writer: &DatabaseConnection) -> Result<(), sqlx::Error> {
        let mut connection: PoolConnection<Sqlite> = writer.get_sqlite_connection_pool().acquire().await?;
        // Behind whatever was begun to be taken back.
        connection.ping().await?;
        if connection.is_in_transaction() {
            // What it says at its end says nothing of what comes.
            drop(connection.close().await);
        }
        Ok(())
    }
}

/// The end of a transaction.
#[derive(Debug)]
pub(super) struct Ending {
    doubt: Doubt,
    pub(super) is_committed: bool,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.is_committed {
            self.doubt.0.store(true, Ordering::SeqCst);
        }
    }
}
