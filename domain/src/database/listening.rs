//! Hearing what other instances changed: PostgreSQL's notifications, on a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::DatabaseConnection;
use sqlx::postgres::{PgListener, PgPoolOptions};

use super::news::{CHANNEL, Marks};
use super::{Connections, Database};

/// How long after a failure the connection is tried again, and how long at the most.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(10);

/// Hears of changes, and raises the marks.
pub(crate) struct Ear {
    pool: DatabaseConnection,
    marks: Arc<Marks>,
}

impl Database {
    /// Listens for what other instances change; nothing is to be heard on SQLite.
    pub(crate) fn ear(&self) -> Option<Ear> {
        match &self.connections {
            Connections::Sqlite { .. } => None,
            Connections::Postgres(pool) => Some(Ear { pool: pool.clone(), marks: Arc::clone(&self.marks) }),
        }
    }
}

impl Ear {
    /// Listens until it is dropped. While it does not hear, and after a connection was lost, nothing
    /// is missed for longer than whoever keeps something in memory goes without looking.
    pub(crate) async fn listen(self, failed: impl Fn(&(dyn std::error::Error + 'static))) {
        let mut retry = FIRST_RETRY;
        loop {
            if let Err(error) = self.listen_once(&mut retry).await {
                failed(&error);
            }
            tokio::time::sleep(retry).await;
            retry = LAST_RETRY.min(retry * 2);
        }
    }

    /// Listens as long as the connection lives.
    async fn listen_once(&self, retry: &mut Duration) -> Result<(), sqlx::Error> {
        let options = self.pool.get_postgres_connection_pool().connect_options();
        // Neither taken from the requests' connections, nor replaced while it is alive.
        let own = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let mut listener = PgListener::connect_with(&own.connect_lazy_with((*options).clone())).await?;
        listener.ignore_pool_close_event(true);
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        *retry = FIRST_RETRY;
        // What was told before is not heard.
        self.marks.raise();
        while let Some(heard) = listener.try_recv().await? {
            if !self.marks.is_own(heard.payload()) {
                self.marks.raise();
            }
        }
        Ok(())
    }
}
