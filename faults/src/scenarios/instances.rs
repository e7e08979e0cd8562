//! Two instances on one PostgreSQL, to which clients come in turn, and which are killed in turn.

use std::time::Duration;

use super::{Stage, kills};
use crate::run::Run;

const LOOK: Duration = Duration::from_millis(1);

pub(crate) async fn run(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let Some(cluster) = stage.cluster.clone() else { return Ok(()) };
    let (run, one) = Run::begin(stage.plan, "two instances", Some(&cluster), |server| server).await?;
    let other = run.another()?;
    let (second, _) = other.start().await?;
    run.world.open_doors(vec![run.server.address(), other.address()]);
    let mut clients = run.clients();
    let expected = run.expected();
    let kills = u64::from(stage.plan.kills / 3);
    let mut processes = [one, second];
    for kill in 0..kills {
        while run.world.answered() < expected * (kill + 1) / (kills + 1) && clients.are_at_work()? {
            tokio::time::sleep(LOOK).await;
        }
        let server = if kill % 2 == 0 { &run.server } else { &other };
        let [first, second] = processes;
        // The one that goes on stays; the other is killed, and started again.
        let (stays, goes) = if kill % 2 == 0 { (second, first) } else { (first, second) };
        let next = kills::again(server, goes, &mut stage.tally).await?;
        processes = if kill % 2 == 0 { [next, stays] } else { [stays, next] };
    }
    run.end(clients, &mut stage.tally).await?;
    drop(processes);
    Ok(())
}
