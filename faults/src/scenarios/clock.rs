//! The clock jumps under a running server: an hour back, a day and more ahead, and back again. Machines go on all the
//! time; jobs stop and the server is not ready until its clock is right again, or somebody has confirmed it.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::{Stage, outages::ask};
use crate::checker::Finding;
use crate::run::Run;
use crate::shim::{Bent, Shim};
use crate::tally::Tally;
use crate::workload::{self, Held};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const BEATS: u32 = 9;
/// Until a server is what it is said to be.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(50);

pub(crate) async fn run(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("licentia-faults-shim.").tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    for cluster in stage.databases() {
        let shim = Shim::compile(folder.path())?;
        let under = shim.clone();
        let configure = |server: crate::server::Server| server.under(under);
        let (run, process) = Run::begin(stage.plan, "clock jumps", cluster.as_ref(), configure).await?;
        run.world.set_calm(true);
        let mut client = run.client();
        let held = workload::fill(&mut client, "clock".to_owned()).await?;
        let mut jumps = Jumps { run: &run, shim: &shim, client, held, findings: Vec::new() };
        jumps.make(&mut stage.tally).await?;
        let findings = jumps.findings;
        run.compare(findings, &mut stage.tally).await?;
        drop(process);
    }
    Ok(())
}

struct Jumps<'a> {
    run: &'a Run<'a>,
    shim: &'a Shim,
    client: crate::client::Client,
    held: Held,
    findings: Vec<Finding>,
}

impl Jumps<'_> {
    async fn make(&mut self, tally: &mut Tally) -> anyhow::Result<()> {
        // An hour back, and right again by itself.
        self.to(-HOUR, 503, tally).await?;
        self.to(0, 200, tally).await?;
        // A day ahead: confirmed, it is the time.
        self.to(DAY + HOUR, 503, tally).await?;
        self.confirm(tally).await?;
        // Back again: behind what was confirmed, and confirmed anew.
        self.to(0, 503, tally).await?;
        self.confirm(tally).await
    }

    /// The clock is off by so much; the server is as ready as it should be, and machines go on.
    async fn to(&mut self, offset: i64, ready: u16, tally: &mut Tally) -> anyhow::Result<()> {
        self.shim.bend(Bent::Clock, offset)?;
        let status = self.until_ready(ready).await?;
        tally.expect(status == ready, format!("clock off by {offset} s: ready said {status}, not {ready}"));
        self.beat().await
    }

    async fn confirm(&mut self, tally: &mut Tally) -> anyhow::Result<()> {
        self.run.server.run(&["clock", "confirm"])?;
        let status = self.until_ready(200).await?;
        tally.expect(status == 200, format!("the clock is confirmed: ready said {status}"));
        self.beat().await
    }

    async fn beat(&mut self) -> anyhow::Result<()> {
        workload::beat_all(&mut self.client, &mut self.held, BEATS, "active", &mut self.findings).await
    }

    async fn until_ready(&self, wanted: u16) -> anyhow::Result<u16> {
        let begun = Instant::now();
        loop {
            let (status, _) = ask(self.run.server.address(), "/health/ready", "").await?;
            if status == wanted || begun.elapsed() > PATIENCE {
                return Ok(status);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
