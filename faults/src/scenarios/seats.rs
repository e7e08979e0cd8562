//! 1,000 machines at once for 10 seats, on two instances: exactly ten get one.

use std::rc::Rc;

use anyhow::bail;
use tokio::task::JoinSet;

use super::Stage;
use crate::client::Client;
use crate::history::{Ask, Said};
use crate::run::Run;

const SEATS: u32 = 10;
/// Of all machines, so many ask at the same instant.
const AT_ONCE: u32 = 200;

pub(crate) async fn run(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let Some(cluster) = stage.cluster.clone() else { return Ok(()) };
    let (run, one) = Run::begin(stage.plan, "races for seats", Some(&cluster), |server| server).await?;
    let other = run.another()?;
    let (second, _) = other.start().await?;
    run.world.open_doors(vec![run.server.address(), other.address()]);
    run.world.set_calm(true);
    for round in 0..stage.plan.rounds {
        let (seated, refused) = race(&run, round).await?;
        stage.tally.raced(seated == SEATS && refused == stage.plan.racers - SEATS);
        eprintln!("  race {round}: {seated} seated, {refused} refused");
    }
    run.compare(Vec::new(), &mut stage.tally).await?;
    drop((one, second));
    Ok(())
}

/// How many were seated, and how many refused.
async fn race(run: &Run<'_>, round: u32) -> anyhow::Result<(u32, u32)> {
    let mut admin = run.client();
    let once = format!("race-{round}-issue");
    let Said::Issued { license, key } = admin.settle(Ask::Issue { once, seats: SEATS }).await? else {
        bail!("no licence was issued");
    };
    let mut racers = JoinSet::new();
    for racer in 0..AT_ONCE {
        let (world, key, all) = (Rc::clone(&run.world), key.clone(), run.plan.racers);
        racers.spawn_local(async move {
            let mut client = Client::with_key(&world, key);
            let mut said = Vec::new();
            for machine in (racer..all).step_by(usize::try_from(AT_ONCE)?) {
                let fingerprint = format!("race-{round}-machine-{machine}");
                said.push(client.settle(Ask::Activate { license, fingerprint }).await?);
            }
            anyhow::Ok(said)
        });
    }
    let (mut seated, mut refused) = (0, 0);
    while let Some(said) = racers.join_next().await {
        for said in said?? {
            match said {
                Said::Seated { .. } => seated += 1,
                Said::Full => refused += 1,
                other => bail!("a race: {other:?}"),
            }
        }
    }
    Ok((seated, refused))
}
