//! What is done to the servers, part by part.

mod backup;
mod clock;
mod disk;
mod instances;
mod kills;
mod network;
mod outages;
mod overload;
mod seats;
mod syncs;

use std::sync::Arc;

use anyhow::Context as _;

use crate::options::{Backend, Part, Plan};
use crate::postgres::Cluster;
use crate::tally::Tally;

/// What the parts work with.
pub(crate) struct Stage<'a> {
    pub(crate) plan: &'a Plan,
    /// None where PostgreSQL is left out.
    cluster: Option<Arc<Cluster>>,
    pub(crate) tally: Tally,
}

/// All parts of the plan, one after another.
pub(crate) async fn run_all(plan: &Plan) -> anyhow::Result<Tally> {
    let cluster = plan.runs_on(Backend::Postgres).then(|| Cluster::make(None).map(Arc::new)).transpose()?;
    let mut stage = Stage { plan, cluster, tally: Tally::default() };
    for part in &plan.parts {
        Box::pin(stage.run(*part)).await.with_context(|| format!("{part:?}"))?;
    }
    Ok(stage.tally)
}

impl Stage<'_> {
    async fn run(&mut self, part: Part) -> anyhow::Result<()> {
        eprintln!("{part:?}");
        match part {
            Part::Kills => kills::run(self).await,
            Part::Outages => outages::run(self).await,
            Part::Disk => disk::run(self).await,
            Part::Instances => instances::run(self).await,
            Part::Seats => seats::run(self).await,
            Part::Backup => backup::run(self).await,
            Part::Clock => clock::run(self).await,
            Part::Network => network::run(self).await,
            Part::Syncs => syncs::run(self).await,
            Part::Overload => overload::run(self).await,
        }
    }

    /// The databases of the plan, SQLite as none.
    pub(crate) fn databases(&self) -> Vec<Option<Arc<Cluster>>> {
        let sqlite = self.plan.runs_on(Backend::Sqlite).then_some(None);
        sqlite.into_iter().chain(self.cluster.clone().map(Some)).collect()
    }
}
