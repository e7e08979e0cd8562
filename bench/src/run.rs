//! The order of things: for each number of machines the servers are started side by side, and every figure is
//! measured once in each round, so that a slower minute meets all of them.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::load::{Duty, Target, Visitor};
use crate::options::Plan;
use crate::postgres::PostgresServer;
use crate::report;
use crate::rows::{Key, Round, Rows};
use crate::signature::BareSigner;
use crate::stage::Stage;
use crate::stores::Backend;

const WARM_UP: Duration = Duration::from_millis(400);

/// What the whole run has in common.
pub(crate) struct Bench {
    pub(crate) plan: Plan,
    pub(crate) postgres: Option<PostgresServer>,
    signer: BareSigner,
    pub(crate) rows: Rows,
    /// What was left out, and why.
    pub(crate) notes: Vec<String>,
    // Dropped last: whoever works in it has ended.
    pub(crate) folder: TempDir,
}

/// Measures everything that is planned, and reports it.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let mut bench = Bench::prepare(plan).await?;
    for machines in bench.plan.machines.clone() {
        let stage = Stage::build(&mut bench, machines).await?;
        for round in 1..=bench.plan.rounds {
            eprintln!("{machines} machines, round {round} of {}", bench.plan.rounds);
            stage.measure(&mut bench).await?;
        }
    }
    report::tell(&bench, begun.elapsed())
}

impl Bench {
    async fn prepare(mut plan: Plan) -> anyhow::Result<Self> {
        let mut notes = Vec::new();
        let mut postgres = None;
        if plan.databases.contains(&Backend::Postgres) {
            match PostgresServer::connect(&plan.postgres).await {
                Ok(server) => postgres = Some(server),
                Err(error) if plan.require_postgres => return Err(error.context("PostgreSQL is required")),
                Err(error) => {
                    notes.push(format!("PostgreSQL was left out: {error:#}"));
                    plan.databases.retain(|backend| *backend != Backend::Postgres);
                }
            }
        }
        if postgres.as_ref().is_some_and(|server| !server.is_local()) {
            notes.push("PostgreSQL runs on another machine: its processor time is not counted".to_owned());
        }
        let folder = TempDir::with_prefix("licentia-bench-").context("no folder for the run")?;
        Ok(Self { plan, postgres, signer: BareSigner::new()?, rows: Rows::default(), notes, folder })
    }

    /// Measures one figure once.
    pub(crate) async fn measure(
        &mut self,
        key: Key,
        target: Target<'_>,
        visitors: Vec<Box<dyn Visitor>>,
    ) -> anyhow::Result<()> {
        let before = self.signer.cost()?;
        let duty = Duty { warm_up: WARM_UP, measured: self.plan.measured };
        let name = format!("{} {}, {} connections", key.server, key.scenario, key.connections);
        let sample = target.load(visitors, duty).await.with_context(|| name.clone())?;
        let signature_us = f64::midpoint(before, self.signer.cost()?);
        if let Some(error) = &sample.first_error {
            eprintln!("  ERRORS: {name}: {} of them, the first: {error}", sample.errors);
        }
        self.rows.add(key, Round { sample, signature_us });
        Ok(())
    }
}
