//! The order of things: for each number of machines the servers are started side by side, and every figure is
//! measured once in each round, so that a slower minute meets all of them.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::host::Host;
use crate::lanes;
use crate::load::{Duty, Target, Visitor};
use crate::options::Plan;
use crate::postgres::PostgresServer;
use crate::progress::Progress;
use crate::report;
use crate::rows::{Findings, Key, Round};
use crate::schedule::schedule;
use crate::signature::BareSigner;
use crate::stage::Stage;
use crate::stores::Backend;

const WARM_UP: Duration = Duration::from_millis(400);
/// PostgreSQL's processes tell what they did once a second.
const POSTGRES_WARM_UP: Duration = Duration::from_millis(1_100);

/// What the whole run has in common.
pub(crate) struct Bench {
    pub(crate) plan: Plan,
    pub(crate) postgres: Option<PostgresServer>,
    signer: BareSigner,
    pub(crate) findings: Findings,
    // Dropped last: whoever works in it has ended.
    pub(crate) folder: TempDir,
}

/// Measures everything that is planned, and reports it.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let (mut bench, host) = Bench::prepare(plan).await?;
    for machines in bench.plan.machines.clone() {
        let stage = Box::pin(Stage::build(&mut bench, machines)).await?;
        let items = schedule(&bench.plan, machines);
        let steps = items.len() * usize::try_from(bench.plan.rounds)?;
        let mut progress = Progress::begin(&format!("measuring, {machines} machines"), u64::try_from(steps)?);
        for _ in 0..bench.plan.rounds {
            for item in &items {
                stage.measure(&mut bench, *item).await?;
                progress.advance(1);
            }
        }
        drop(progress);
        stage.end(&mut bench).await?;
    }
    report::tell(&bench, &host, begun.elapsed())
}

impl Bench {
    async fn prepare(mut plan: Plan) -> anyhow::Result<(Self, Host)> {
        let mut findings = Findings::default();
        let mut postgres = None;
        if plan.databases.contains(&Backend::Postgres) {
            match PostgresServer::connect(&plan.postgres).await {
                Ok(server) => postgres = Some(server),
                Err(error) if plan.require_postgres => return Err(error.context("PostgreSQL is required")),
                Err(error) => {
                    findings.note(format!("PostgreSQL was left out: {error:#}"));
                    plan.databases.retain(|backend| *backend != Backend::Postgres);
                }
            }
        }
        if plan.lanes {
            match lanes::measure(plan.multi_buffer.as_ref()) {
                Ok(costs) => findings.lanes = costs,
                Err(error) if plan.require_multi_buffer => return Err(error.context("lanes are required")),
                Err(error) => {
                    findings.note(format!("nothing was signed in lanes: {error:#}"));
                    plan.lanes = false;
                }
            }
        }
        if postgres.as_ref().is_some_and(|server| !server.is_local()) {
            findings.note("PostgreSQL runs on another machine: its processor time is not counted".to_owned());
        }
        let folder = TempDir::with_prefix("licentia-bench-").context("no folder for the run")?;
        let host = Host::look(folder.path(), postgres.as_ref().map(|server| server.version.as_str()))?;
        Ok((Self { plan, postgres, signer: BareSigner::new()?, findings, folder }, host))
    }

    /// Measures one figure once.
    pub(crate) async fn measure(
        &mut self,
        key: Key,
        target: Target<'_>,
        visitors: Vec<Box<dyn Visitor>>,
    ) -> anyhow::Result<()> {
        let before = self.signer.cost()?;
        let sample = target.load(visitors, self.duty(target)).await.with_context(|| key.to_string())?;
        let signature_us = f64::midpoint(before, self.signer.cost()?);
        if let Some(error) = &sample.first_error {
            eprintln!("ERRORS  {key}: {} of them, the first: {error}", sample.errors);
        }
        self.findings.add(key, Round { sample, signature_us });
        Ok(())
    }

    pub(crate) fn duty(&self, target: Target<'_>) -> Duty {
        let warm_up = if target.postgres.is_some() { POSTGRES_WARM_UP } else { WARM_UP };
        Duty { warm_up, measured: self.plan.measured }
    }
}
