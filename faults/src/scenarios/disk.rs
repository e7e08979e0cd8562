//! The disk below the database and the server's log is full, and syncs fail, while clients are at work: whatever was acknowledged
//! meanwhile is there, and all goes on when the disk does.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use super::Stage;
use super::outages::during;
use crate::options::Backend;
use crate::postgres::Cluster;
use crate::run::Run;
use crate::server::Server;
use crate::shim::{Bent, Shim};

const ROUNDS: u32 = 3;
const BROKEN: Duration = Duration::from_millis(700);
const WELL: Duration = Duration::from_millis(300);

pub(crate) async fn run(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("licentia-faults-shim.").tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    let shim = Shim::compile(folder.path())?;
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if stage.plan.runs_on(backend) {
            // One of its own: it stays under the shim.
            let is_postgres = backend == Backend::Postgres;
            let cluster = is_postgres.then(|| Cluster::make(Some(shim.clone())).map(Arc::new)).transpose()?;
            break_disk(stage, &shim, cluster.as_ref()).await?;
        }
    }
    Ok(())
}

async fn break_disk(
    stage: &mut Stage<'_>,
    shim: &Shim,
    cluster: Option<&Arc<Cluster>>,
) -> anyhow::Result<()> {
    let under = |server: Server| server.under(shim.clone());
    let (run, process) = Run::begin(stage.plan, "a full disk", cluster, under).await?;
    let tally = &mut stage.tally;
    run.world.tolerate_failures();
    let mut clients = run.clients();
    let mut broken = 0;
    for _ in 0..ROUNDS {
        for what in [Bent::Full, Bent::Syncs] {
            let before = run.world.answered();
            shim.bend(what, 1)?;
            tokio::time::sleep(BROKEN).await;
            shim.bend(what, 0)?;
            if let Some(cluster) = cluster {
                during(cluster, Cluster::recover).await?;
            }
            broken += u32::from(clients.are_at_work()?);
            tokio::time::sleep(WELL).await;
            eprintln!("  {what:?}: {} answers meanwhile", run.world.answered() - before);
        }
    }
    tally.expect(broken > 0, "somebody was at work while the disk was broken");
    // PostgreSQL says itself that its disk is full, and is not available then (503).
    tally.expect(cluster.is_some() || run.world.failures() > 0, "somebody was told that something failed");
    run.end(clients, tally).await?;
    drop(process);
    Ok(())
}
