//! Floods beside healthy clients: connections that never end their head, large bodies, deep JSON, and passwords to hash.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use licentia_bench::http::{Connection, Request};
use licentia_bench::process::Process;
use licentia_bench::statistics::{median, micros, percentile};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Stage;
use crate::run::Run;
use crate::workload::{self, Held};
use crate::{client::Client, world::World};

const SLOW: u32 = 1_000;
const LARGE: usize = 10 * 1024 * 1024;
/// Of each kind of them.
const AT_ONCE: u32 = 4;
const DEPTH: usize = 100_000;
const SIGN_INS: u32 = 100;
const HEALTHY: u32 = 4;
const MEASURED: Duration = Duration::from_secs(3);
const ROUNDS: u32 = 3;
const MOST_MEMORY: u64 = 300 * 1024 * 1024;
const MOST_SLOWER: f64 = 5.0;
/// What a machine of two processors that does much else takes for nothing at all, ms.
const NOISE: f64 = 100.0;

pub(crate) async fn run(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    for cluster in stage.databases() {
        let (run, process) = Run::begin(stage.plan, "overload", cluster.as_ref(), |server| server).await?;
        run.world.set_calm(true);
        let mut healthy = Vec::new();
        for number in 0..HEALTHY {
            let mut client = run.client();
            let held = workload::fill(&mut client, format!("healthy-{number}")).await?;
            healthy.push((client, held));
        }
        let (mut normal, mut loaded, mut memory) = (Vec::new(), Vec::new(), 0);
        for _ in 0..ROUNDS {
            normal.push(measure(&mut healthy).await?);
            let flood = flood(&run.world, run.server.address()).await;
            let measuring = measure(&mut healthy);
            let (p99, most) = tokio::join!(measuring, watch(&process));
            loaded.push(p99?);
            memory = memory.max(most?);
            drop(flood);
        }
        let (normal, loaded) = (median(normal).unwrap_or_default(), median(loaded).unwrap_or_default());
        eprintln!("  p99 {normal:.1} ms, under floods {loaded:.1} ms; {} MiB at most", memory / 1_048_576);
        let name = &run.name;
        stage.tally.expect(
            loaded <= (normal * MOST_SLOWER).max(NOISE),
            format!("{name}: healthy clients' p99 is {loaded:.1} ms, normally {normal:.1} ms"),
        );
        stage.tally.expect(memory <= MOST_MEMORY, format!("{name}: {} MiB", memory / 1_048_576));
        run.compare(Vec::new(), &mut stage.tally).await?;
    }
    Ok(())
}

/// The 99th percentile of heartbeats, ms.
async fn measure(healthy: &mut Vec<(Client, Held)>) -> anyhow::Result<f64> {
    let mut clients = JoinSet::new();
    for (mut client, mut held) in healthy.drain(..) {
        clients.spawn_local(async move {
            let (begun, mut took) = (Instant::now(), Vec::new());
            while begun.elapsed() < MEASURED {
                for machine in &mut held.machines {
                    let asked = Instant::now();
                    machine.beat(&mut client).await?;
                    took.push(micros(asked.elapsed()) / 1e3);
                }
            }
            anyhow::Ok((client, held, took))
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = clients.join_next().await {
        let (client, held, took) = ended??;
        healthy.push((client, held));
        all.extend(took);
    }
    all.sort_unstable_by(f64::total_cmp);
    Ok(percentile(&all, 99).unwrap_or_default())
}

/// The most memory while healthy clients are measured.
async fn watch(process: &Process) -> anyhow::Result<u64> {
    let (begun, mut most) = (Instant::now(), 0);
    while begun.elapsed() < MEASURED {
        most = most.max(process.resident()?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(most)
}

/// All floods at once, until this is dropped.
struct Flood {
    _slow: Vec<TcpStream>,
    _asking: JoinSet<()>,
}

async fn flood(world: &Rc<World>, door: SocketAddr) -> Flood {
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        let Ok(mut stream) = TcpStream::connect(door).await else { continue };
        if stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await.is_ok() {
            slow.push(stream);
        }
    }
    let mut asking = JoinSet::new();
    let deep = format!("{{\"licenseKey\":{}", "[".repeat(DEPTH));
    let request = |path, headers, body| {
        let mut request = Request::default();
        request.post_as("application/json", path, headers, body);
        request
    };
    let (large, admin) = ("x".repeat(LARGE), world.authorization.as_str());
    for _ in 0..AT_ONCE {
        asking.spawn_local(ask_again(door, request("/api/v1/license-keys", admin, &large)));
        asking.spawn_local(ask_again(door, request("/api/v1/license-keys/validate", "", &deep)));
    }
    for _ in 0..SIGN_INS {
        let sign_in = request("/api/v1/auth/login", OWN_PAGE, SIGN_IN);
        asking.spawn_local(async move { ask_once(door, &sign_in).await });
    }
    Flood { _slow: slow, _asking: asking }
}

/// From the server's own origin.
const OWN_PAGE: &str = "Origin: https://licenses.faults.example\r\n";
const SIGN_IN: &str = r#"{"email":"nobody@faults.example","password":"a password that is no one's"}"#;

/// A server may close the connection before it has read everything.
async fn ask_once(door: SocketAddr, request: &Request) {
    if let Ok(mut connection) = Connection::open(door).await {
        // What it says to it is looked at by the tests.
        let _ = connection.exchange(request.bytes()).await;
    }
}

/// The same again and again.
async fn ask_again(door: SocketAddr, request: Request) {
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    loop {
        pace.tick().await;
        ask_once(door, &request).await;
    }
}
