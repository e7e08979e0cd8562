//! PostgreSQL stops as if its power had failed, and is gone for a while: keys are published all the time, the rest says
//! that it is not available, and all goes on by itself when it is back.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use licentia_bench::http::{Connection, Request};
use serde_json::Value;

use super::Stage;
use crate::postgres::{Cluster, Stop};
use crate::run::{Clients, Run};
use crate::tally::Tally;
use crate::world::World;

const LOOK: Duration = Duration::from_millis(1);
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(100);
/// Before a question counts as without answer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn run(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let Some(cluster) = stage.cluster.clone() else { return Ok(()) };
    let (run, process) = Run::begin(stage.plan, "PostgreSQL stops", Some(&cluster), |server| server).await?;
    let mut clients = run.clients();
    let expected = run.expected();
    let steps = u64::from(stage.plan.stops) + 2;
    for stop in 0..u64::from(stage.plan.stops) {
        until_answered(&run, &mut clients, expected * (stop + 1) / steps).await?;
        during(&cluster, |cluster| cluster.stop(Stop::Immediate)).await?;
        during(&cluster, Cluster::start).await?;
        served_again(&run, &mut clients, &mut stage.tally).await?;
    }
    until_answered(&run, &mut clients, expected * (steps - 1) / steps).await?;
    gone(&run, &cluster, &mut clients, &mut stage.tally).await?;
    run.end(clients, &mut stage.tally).await?;
    drop(process);
    Ok(())
}

/// Does this to PostgreSQL while the clients go on.
pub(super) async fn during(
    cluster: &Arc<Cluster>,
    what: impl FnOnce(&Cluster) -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<()> {
    let cluster = Arc::clone(cluster);
    tokio::task::spawn_blocking(move || what(&cluster)).await?
}

async fn until_answered(run: &Run<'_>, clients: &mut Clients, answers: u64) -> anyhow::Result<()> {
    while run.world.answered() < answers && clients.are_at_work()? {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// How long after PostgreSQL was back anybody had an outcome.
async fn served_again(run: &Run<'_>, clients: &mut Clients, tally: &mut Tally) -> anyhow::Result<()> {
    let (back, before) = (Instant::now(), run.world.answered());
    while run.world.answered() == before && clients.are_at_work()? {
        tokio::time::sleep(LOOK).await;
    }
    tally.came_back(back.elapsed());
    Ok(())
}

/// PostgreSQL is gone for as long as the plan says.
async fn gone(
    run: &Run<'_>,
    cluster: &Arc<Cluster>,
    clients: &mut Clients,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    during(cluster, |cluster| cluster.stop(Stop::Fast)).await?;
    let begun = Instant::now();
    let (mut published, mut refused, mut odd) = (0_u32, 0_u32, Vec::new());
    let asking =
        tokio::task::spawn_local(ask_on(Rc::clone(&run.world), run.server.address(), begun, run.plan.gone));
    while begun.elapsed() < run.plan.gone {
        match ask(run.server.address(), "/.well-known/jwks.json", "").await {
            Ok((200, _)) => published += 1,
            other => odd.push(format!("the keys: {other:?}")),
        }
        tokio::time::sleep(BETWEEN_QUESTIONS).await;
    }
    during(cluster, Cluster::start).await?;
    served_again(run, clients, tally).await?;
    for answer in asking.await? {
        match answer {
            (503, code) if code == "UNAVAILABLE" => refused += 1,
            other => odd.push(format!("a list of products: {other:?}")),
        }
    }
    eprintln!(
        "  PostgreSQL gone for {} s: keys published {published} times, {refused} times 503",
        run.plan.gone.as_secs()
    );
    tally.expect(odd.is_empty(), format!("while PostgreSQL was gone: {odd:?}"));
    tally.expect(published > 0 && refused > 0, "somebody was told that PostgreSQL is gone");
    Ok(())
}

/// Asks for what is in the database alone; the answers to what was asked long enough before the end.
async fn ask_on(world: Rc<World>, door: SocketAddr, begun: Instant, gone: Duration) -> Vec<(u16, String)> {
    let mut answers = Vec::new();
    while begun.elapsed() < gone {
        for path in ["/health/ready", "/api/v1/products"] {
            let answer = ask(door, path, &world.authorization).await;
            // Later it was back.
            if begun.elapsed() < gone {
                answers.push(answer.unwrap_or_else(|error| (0, error.to_string())));
            }
        }
        tokio::time::sleep(BETWEEN_QUESTIONS).await;
    }
    answers
}

/// Status, and the code of a problem.
pub(super) async fn ask(door: SocketAddr, path: &str, headers: &str) -> anyhow::Result<(u16, String)> {
    let mut request = Request::default();
    request.get(path, headers);
    let answer = async {
        let mut connection = Connection::open(door).await?;
        let answer = connection.exchange(request.bytes()).await?;
        let body: Value = serde_json::from_slice(answer.body)?;
        let code = body.get("code").and_then(Value::as_str).unwrap_or_default();
        anyhow::Ok((answer.status, code.to_owned()))
    };
    tokio::time::timeout(PATIENCE, answer).await?
}
