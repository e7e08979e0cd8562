//! kill -9, again and again, while clients are at work.

use std::time::{Duration, Instant};

use licentia_bench::process::Process;

use super::Stage;
use crate::run::{Clients, Run};
use crate::server::Server;
use crate::tally::Tally;

const LOOK: Duration = Duration::from_millis(1);
/// Between two kills, also when clients wait for the end of it.
const LONGEST: Duration = Duration::from_secs(2);

pub(crate) async fn run(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    for cluster in stage.databases() {
        let (run, process) = Run::begin(stage.plan, "kill -9", cluster.as_ref(), |server| server).await?;
        let mut clients = run.clients();
        let process = kill_again_and_again(&run, process, &mut clients, &mut stage.tally).await?;
        run.end(clients, &mut stage.tally).await?;
        drop(process);
    }
    Ok(())
}

/// So many kills, spread over the work of all clients. Gives the server that goes on.
async fn kill_again_and_again(
    run: &Run<'_>,
    mut process: Process,
    clients: &mut Clients,
    tally: &mut Tally,
) -> anyhow::Result<Process> {
    let plan = run.plan;
    let expected = run.expected();
    for kill in 0..u64::from(plan.kills) {
        let until = expected * (kill + 1) / (u64::from(plan.kills) + 1);
        let waiting = Instant::now();
        while run.world.answered() < until && clients.are_at_work()? && waiting.elapsed() < LONGEST {
            tokio::time::sleep(LOOK).await;
        }
        // Not at a moment that the clients have chosen.
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..5_000))).await;
        process = again(&run.server, process, tally).await?;
    }
    Ok(process)
}

/// Kills it, and starts it again.
pub(super) async fn again(server: &Server, process: Process, tally: &mut Tally) -> anyhow::Result<Process> {
    drop(process);
    let (next, ready) = server.start().await?;
    tally.killed(ready);
    Ok(next)
}
