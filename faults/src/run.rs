//! One run: a database of its own, servers on it, clients, and the comparison at its end.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Context as _;
use licentia_bench::process::Process;
use tokio::task::JoinSet;

use crate::checker::{self, Finding};
use crate::client::Client;
use crate::options::{Backend, Plan};
use crate::postgres::Cluster;
use crate::server::Server;
use crate::snapshot::Snapshot;
use crate::tally::Tally;
use crate::workload;
use crate::world::World;

/// A database of its own, with a server on it.
pub(crate) struct Run<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) name: String,
    pub(crate) database: String,
    pub(crate) server: Server,
    pub(crate) world: Rc<World>,
    folder: tempfile::TempDir,
}

impl<'a> Run<'a> {
    /// Makes the database, and starts the server, as `configure` has it.
    pub(crate) async fn begin(
        plan: &'a Plan,
        name: &str,
        cluster: Option<&Arc<Cluster>>,
        configure: impl FnOnce(Server) -> Server,
    ) -> anyhow::Result<(Self, Process)> {
        let folder = tempfile::Builder::new().prefix("licentia-faults.").tempdir()?;
        let database = match cluster {
            Some(cluster) => cluster.make_database()?,
            None => format!("sqlite://{}?mode=rwc", folder.path().join("licentia.db").display()),
        };
        let server = Server::new(&plan.server, folder.path().join("server"), &database)?;
        let server = configure(server);
        let (process, _) = server.start().await?;
        let world = Rc::new(World::make(&server).await?);
        let backend = if cluster.is_some() { "PostgreSQL" } else { "SQLite" };
        let name = format!("{name} on {backend}");
        Ok((Self { plan, name, database, server, world, folder }, process))
    }

    /// Another server on the same database.
    pub(crate) fn another(&self) -> anyhow::Result<Server> {
        Server::new(&self.plan.server, self.folder.path().join("another"), &self.database)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where SQLite keeps it.
    pub(crate) fn database_file(&self) -> PathBuf {
        self.folder.path().join("licentia.db")
    }

    /// All clients of the plan, at work.
    pub(crate) fn clients(&self) -> Clients {
        self.some_clients(self.plan.clients, self.plan.licenses)
    }

    /// So many, each with so many licences.
    pub(crate) fn some_clients(&self, clients: u32, licenses: u32) -> Clients {
        let mut set = JoinSet::new();
        for client in 0..clients {
            let name = format!("client-{client}-{}", self.world.tick());
            set.spawn_local(workload::work(Rc::clone(&self.world), name, licenses));
        }
        Clients { set, findings: Vec::new() }
    }

    /// Requests that have an outcome when all clients are done.
    pub(crate) fn expected(&self) -> u64 {
        // Beside those: issue, refusal, deactivation, revocation.
        u64::from(self.plan.clients * self.plan.licenses)
            * u64::from(workload::BEATS + workload::ACTIVATIONS + 4)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.world)
    }

    /// Waits for the clients, and compares what they were told with what is stored.
    pub(crate) async fn end(&self, clients: Clients, tally: &mut Tally) -> anyhow::Result<()> {
        self.world.set_calm(true);
        let findings = clients.all().await;
        self.keep()?;
        self.compare(findings?, tally).await
    }

    /// The comparison alone.
    pub(crate) async fn compare(&self, mut findings: Vec<Finding>, tally: &mut Tally) -> anyhow::Result<()> {
        let ctx = self.server.context().await?;
        let stored = Snapshot::read(&ctx).await?;
        ctx.db.clone().close().await?;
        let history = self.world.history();
        findings.extend(checker::check(&history, &stored));
        tally.checked(&self.name, &history, findings);
        Ok(())
    }

    /// Leaves the logs of clients and servers where somebody asked for them.
    fn keep(&self) -> anyhow::Result<()> {
        let Some(keep) = &self.plan.keep else { return Ok(()) };
        let folder = keep.join(self.name.replace(' ', "-"));
        std::fs::create_dir_all(&folder)?;
        self.world.write_history(&folder.join("history"))?;
        for entry in std::fs::read_dir(self.server.folder())? {
            let path = entry?.path();
            if let Some(name) = path.file_name().filter(|_| path.is_file()) {
                std::fs::copy(&path, folder.join(name))?;
            }
        }
        Ok(())
    }
}

/// Clients at work.
pub(crate) struct Clients {
    set: JoinSet<anyhow::Result<Vec<Finding>>>,
    findings: Vec<Finding>,
}

impl Clients {
    /// Whether any of them is still at work; one that cannot go on ends the run.
    pub(crate) fn are_at_work(&mut self) -> anyhow::Result<bool> {
        while let Some(ended) = self.set.try_join_next() {
            self.findings.extend(ended.context("a client was lost")??);
        }
        Ok(!self.set.is_empty())
    }

    /// Waits for all of them, and tells what they found.
    async fn all(mut self) -> anyhow::Result<Vec<Finding>> {
        while let Some(ended) = self.set.join_next().await {
            self.findings.extend(ended.context("a client was lost")??);
        }
        Ok(self.findings)
    }
}

impl Plan {
    pub(crate) fn runs_on(&self, backend: Backend) -> bool {
        self.databases.contains(&backend)
    }
}
