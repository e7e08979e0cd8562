//! So many connections at once, each asking again as soon as it has its answer; and what that cost the server.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::{JoinSet, LocalSet};

use crate::http::{Answer, Connection, Request};
use crate::postgres::PostgresDatabase;
use crate::proc_files::CpuTimes;
use crate::process::Process;
use crate::statistics::{self, number, percentile};

/// How long requests that are under way at the end may take.
const ENDING: Duration = Duration::from_secs(20);
/// A connection that failed so often gives up.
const MOST_ERRORS: u32 = 20;

/// What one connection does.
pub(crate) trait Visitor {
    /// Writes the next request; false when nothing is left to ask.
    fn ask(&mut self, request: &mut Request) -> bool;

    /// Looks whether the answer is what it should be.
    fn check(&mut self, answer: Answer<'_>) -> anyhow::Result<()>;
}

/// Whom to load, and whose processor time to count.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) process: &'a Process,
    pub(crate) postgres: Option<&'a PostgresDatabase>,
}

/// How long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duty {
    /// Not measured.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// What was measured.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Sample {
    /// Answered in the time that was measured.
    pub(crate) requests: u64,
    /// All that were answered, with those before and after.
    pub(crate) answered: u64,
    pub(crate) per_second: f64,
    /// Processor time of the server for a request, µs.
    pub(crate) server_cpu_us: f64,
    /// That of PostgreSQL; none where there is none, or it cannot be seen.
    pub(crate) database_cpu_us: Option<f64>,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Resident memory of the server at the end, bytes.
    pub(crate) resident: u64,
    /// Of PostgreSQL, for a request.
    pub(crate) syncs: Option<f64>,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
}

#[derive(Default)]
struct Record {
    measuring: Cell<bool>,
    stopped: Cell<bool>,
    answered: Cell<u64>,
    latencies: RefCell<Vec<u32>>,
    errors: Cell<u64>,
    first_error: RefCell<Option<String>>,
}

impl Record {
    fn answered(&self, took: Duration) {
        self.answered.set(self.answered.get() + 1);
        if self.measuring.get() {
            self.latencies.borrow_mut().push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        }
    }

    fn failed(&self, error: &anyhow::Error) {
        self.errors.set(self.errors.get() + 1);
        self.first_error.borrow_mut().get_or_insert_with(|| format!("{error:#}"));
    }
}

struct Moment {
    at: Instant,
    server: CpuTimes,
    postgres: Option<CpuTimes>,
    syncs: Option<u64>,
}

impl Target<'_> {
    /// Lets every visitor ask on a connection of its own.
    pub(crate) async fn load(self, visitors: Vec<Box<dyn Visitor>>, duty: Duty) -> anyhow::Result<Sample> {
        LocalSet::new().run_until(self.measure(visitors, duty)).await
    }

    async fn measure(self, visitors: Vec<Box<dyn Visitor>>, duty: Duty) -> anyhow::Result<Sample> {
        let record = Rc::new(Record::default());
        let mut visits = JoinSet::new();
        for visitor in visitors {
            visits.spawn_local(visit(self.address, visitor, Rc::clone(&record)));
        }
        tokio::time::sleep(duty.warm_up).await;
        let begun = self.moment().await?;
        record.measuring.set(true);
        tokio::time::sleep(duty.measured).await;
        record.measuring.set(false);
        let ended = self.moment().await?;
        let resident = self.process.resident()?;
        record.stopped.set(true);
        let all = async { while visits.join_next().await.is_some() {} };
        tokio::time::timeout(ENDING, all).await.context("the server does not answer any more")?;
        Ok(sample(&record, &begun, &ended, resident))
    }

    async fn moment(self) -> anyhow::Result<Moment> {
        let (mut postgres, mut syncs) = (None, None);
        if let Some(database) = self.postgres {
            syncs = database.syncs().await;
            postgres = database.cpu().await?;
        }
        Ok(Moment { at: Instant::now(), server: self.process.cpu()?, postgres, syncs })
    }
}

async fn visit(address: SocketAddr, mut visitor: Box<dyn Visitor>, record: Rc<Record>) {
    let (mut connection, mut request, mut errors) = (None, Request::default(), 0);
    while !record.stopped.get() && errors < MOST_ERRORS {
        if !visitor.ask(&mut request) {
            record.failed(&anyhow::anyhow!("nothing is left to ask for"));
            return;
        }
        let begun = Instant::now();
        match exchange(&mut connection, address, &request, visitor.as_mut()).await {
            Ok(()) => record.answered(begun.elapsed()),
            Err(error) => {
                errors += 1;
                record.failed(&error);
                connection = None;
            }
        }
    }
}

async fn exchange(
    kept: &mut Option<Connection>,
    address: SocketAddr,
    request: &Request,
    visitor: &mut dyn Visitor,
) -> anyhow::Result<()> {
    let connection = match kept {
        Some(connection) => connection,
        None => kept.insert(Connection::open(address).await?),
    };
    visitor.check(connection.exchange(request.bytes()).await?)
}

fn sample(record: &Record, begun: &Moment, ended: &Moment, resident: u64) -> Sample {
    let mut latencies = record.latencies.take();
    latencies.sort_unstable();
    let requests = u64::try_from(latencies.len()).unwrap_or_default();
    let each = number(requests.max(1));
    let millis =
        |hundredths| percentile(&latencies, hundredths).map_or(0.0, |micros| f64::from(micros) / 1e3);
    let postgres = ended.postgres.as_ref().zip(begun.postgres.as_ref());
    let syncs = ended.syncs.zip(begun.syncs).map(|(now, then)| now.saturating_sub(then));
    Sample {
        requests,
        answered: record.answered.get(),
        per_second: number(requests) / ended.at.duration_since(begun.at).as_secs_f64(),
        server_cpu_us: statistics::micros(ended.server.since(&begun.server)) / each,
        database_cpu_us: postgres.map(|(now, then)| statistics::micros(now.since(then)) / each),
        p50_ms: millis(50),
        p99_ms: millis(99),
        resident,
        syncs: syncs.map(|syncs| number(syncs) / each),
        errors: record.errors.get(),
        first_error: record.first_error.take(),
    }
}
