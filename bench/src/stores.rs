//! Databases to measure on: fresh, and gone with the run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::postgres::{PostgresDatabase, PostgresServer};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

impl Backend {
    /// As it is written in figures.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A database of its own.
pub(crate) enum Store {
    /// A file in the run's folder.
    Sqlite(PathBuf),
    Postgres(PostgresDatabase),
}

impl Store {
    /// An empty one. `folder` is of the run.
    pub(crate) async fn make(
        backend: Backend,
        folder: &Path,
        postgres: Option<&PostgresServer>,
    ) -> anyhow::Result<Self> {
        match backend {
            Backend::Sqlite => Ok(Self::Sqlite(folder.join("licentia.db"))),
            Backend::Postgres => {
                let server = postgres.context("there is no PostgreSQL server")?;
                Ok(Self::Postgres(server.make_database().await?))
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite://{}?mode=rwc", file.display()),
            Self::Postgres(database) => database.url().to_owned(),
        }
    }

    /// Bytes on the disk, while nobody has it open.
    pub(crate) async fn size(&self) -> anyhow::Result<u64> {
        match self {
            Self::Sqlite(file) => Ok(fs::metadata(file)?.len()),
            Self::Postgres(database) => database.size().await,
        }
    }

    pub(crate) const fn postgres(&self) -> Option<&PostgresDatabase> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(database) => Some(database),
        }
    }
}
