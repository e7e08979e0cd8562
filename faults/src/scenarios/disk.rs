//! The disk under SQLite is full, and syncs fail, while clients are at work: whatever was acknowledged meanwhile is there, and all goes
//! on when the disk does.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::Stage;
use crate::options::Backend;
use crate::run::Run;
use crate::shim::{Bent, Shim};
use crate::tally::Tally;

const ROUNDS: u32 = 3;
const BROKEN: Duration = Duration::from_millis(700);
const WELL: Duration = Duration::from_millis(300);

pub(crate) async fn run(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("licentia-faults-shim.").tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    if stage.plan.runs_on(Backend::Sqlite) {
        let shim = Shim::compile(folder.path())?;
        let under = shim.clone();
        let begun = Run::begin(stage.plan, "a full disk", None, |server| server.under(under)).await?;
        break_disk(begun, &shim, &mut stage.tally).await?;
    }
    Ok(())
}

async fn break_disk(
    (run, process): (Run<'_>, licentia_bench::process::Process),
    shim: &Shim,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    run.world.tolerate_failures();
    let mut clients = run.clients();
    let mut broken = 0;
    for _ in 0..ROUNDS {
        for what in [Bent::Full, Bent::Syncs] {
            let before = run.world.answered();
            shim.bend(what, 1)?;
            tokio::time::sleep(BROKEN).await;
            shim.bend(what, 0)?;
            broken += u32::from(clients.are_at_work()?);
            tokio::time::sleep(WELL).await;
            eprintln!("  {what:?}: {} answers meanwhile", run.world.answered() - before);
        }
    }
    tally.expect(broken > 0, "somebody was at work while the disk was broken");
    tally.expect(run.world.failures() > 0, "somebody was told that something failed");
    run.end(clients, tally).await?;
    drop(process);
    Ok(())
}
