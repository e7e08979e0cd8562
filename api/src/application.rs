//! The server, from a configuration to its last answer: the same entry for `main` and for tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use licentia_domain::context::{Context, Outside};
use tokio::net::TcpSocket;

use crate::config::Config;
use crate::discovery::Documents;
use crate::health::Draining;
use crate::limits::Limits;
use crate::limits::key_lookups::KeyLookups;
use crate::methods;
use crate::opening;
use crate::origins::Origins;
use crate::proxies::TrustedProxies;
use crate::requests::Layer;
use crate::{batches, jobs, requests, router};

pub use crate::api_key_file::{ApiKeyFile, ApiKeyFileError};
pub use crate::opening::{Migrations, OpenError, open_for_command};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long a connection may be idle: longer than proxies and clients keep theirs (60 s is common), so that none sends
/// its next request into one that we are just closing.
const IDLE: Duration = Duration::from_secs(75);
/// How often clients whose budget is whole again are forgotten.
const FORGETTING: Duration = Duration::from_mins(1);

/// A server that listens; [`Application::run`] makes it answer.
pub struct Application {
    server: Server,
    address: SocketAddr,
    parts: Parts,
    runs_jobs: bool,
    key_file: ApiKeyFile,
}

/// What every worker shares.
#[derive(Clone)]
struct Parts {
    ctx: web::Data<Context>,
    documents: web::Data<Documents>,
    draining: web::Data<Draining>,
    lookups: web::Data<KeyLookups>,
    limits: web::Data<Limits>,
    origins: web::Data<Origins>,
    proxies: web::Data<TrustedProxies>,
    layer: web::Data<Layer>,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Stops a server from elsewhere.
#[derive(Clone)]
pub struct StopHandle {
    server: ServerHandle,
    draining: web::Data<Draining>,
}

impl std::fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StopHandle").finish_non_exhaustive()
    }
}

impl StopHandle {
    /// Is not ready any more, takes no new connection, ends what runs (as long as
    /// `server.shutdown_grace_seconds` allow), and returns.
    pub async fn stop(&self) {
        self.draining.begin();
        self.server.stop(true).await;
    }
}

impl Application {
    /// Listens, applies pending migrations, and prepares everything that is prepared once.
    ///
    /// # Errors
    /// Whatever refuses the start.
    pub async fn build(config: Config, outside: Outside) -> Result<Self, OpenError> {
        Self::build_with(config, outside, Migrations::Apply).await
    }

    /// The same, with pending migrations treated as an operator says.
    ///
    /// # Errors
    /// Whatever refuses the start.
    pub async fn build_with(
        config: Config,
        outside: Outside,
        migrations: Migrations,
    ) -> Result<Self, OpenError> {
        opening::refuse_findings(&config)?;
        // The issuer of a server without a public URL names the port, so the port comes first.
        let listener = listen(config.server.bind)?;
        let address = listener.local_addr().map_err(|source| cannot_listen(config.server.bind, source))?;
        let ctx = Box::pin(opening::open(&config, config.issuer(address), outside, migrations)).await?;
        opening::refuse_development_keys(&config, &ctx).await?;
        let parts = Parts::of(&config, ctx)?;
        let key_file = ApiKeyFile::new(config.admin.api_key_file.clone(), parts.ctx.clone());
        Box::pin(key_file.declare()).await?;
        let server =
            serve(&config, listener, parts.clone()).map_err(|source| cannot_listen(address, source))?;
        Ok(Self { server, address, parts, runs_jobs: config.jobs.enabled, key_file })
    }

    /// Where it listens: with the real port where the configured one is 0.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its handlers work with.
    #[must_use]
    pub fn context(&self) -> Arc<Context> {
        self.parts.ctx.clone().into_inner()
    }

    /// Reads the declared API key again.
    #[must_use]
    pub fn api_key_file(&self) -> ApiKeyFile {
        self.key_file.clone()
    }

    /// Stops it from elsewhere.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle { server: self.server.handle(), draining: self.parts.draining.clone() }
    }

    /// Answers until it is stopped, then closes the database.
    ///
    /// # Errors
    /// When the server fails as a whole.
    pub async fn run(self) -> std::io::Result<()> {
        let Self { server, parts, runs_jobs, .. } = self;
        tokio::select! {
            ended = server => ended?,
            () = forget_old_clients(&parts.lookups) => {}
            () = parts.limits.upkeep() => {}
            () = jobs::run(parts.ctx.clone()), if runs_jobs => {}
            () = jobs::keep_notes(parts.ctx.clone()) => {}
            () = Box::pin(jobs::keep_key_uses(parts.ctx.clone())) => {}
            () = Box::pin(jobs::keep_usage(parts.ctx.clone())) => {}
            () = batches::serve(parts.ctx.clone()) => {}
            () = jobs::hear_of_changes(parts.ctx.clone()) => {}
        }
        jobs::write_notes(&parts.ctx).await;
        Box::pin(jobs::write_key_uses(&parts.ctx)).await;
        Box::pin(jobs::write_last_usage(&parts.ctx)).await;
        if let Err(error) = parts.ctx.db.clone().close().await {
            tracing::warn!(error = %error, "the database was not closed cleanly");
        }
        Ok(())
    }
}

async fn forget_old_clients(lookups: &KeyLookups) {
    let mut timer = tokio::time::interval(FORGETTING);
    loop {
        timer.tick().await;
        lookups.forget_old();
    }
}

impl Parts {
    fn of(config: &Config, ctx: Context) -> Result<Self, OpenError> {
        Ok(Self {
            documents: web::Data::new(Documents::of(&ctx.settings, config.discovery.max_age_seconds)?),
            draining: web::Data::default(),
            lookups: web::Data::new(KeyLookups::new(&config.limits)),
            limits: web::Data::new(Limits::new(&config.limits, &config.redis)?),
            origins: web::Data::new(config.admin.origins.clone().unwrap_or_default()),
            proxies: web::Data::new(config.server.trusted_proxies.clone().unwrap_or_default()),
            layer: web::Data::new(Layer::of(&router::operations(), &ctx.moment())?),
            ctx: web::Data::new(ctx),
        })
    }
}

fn listen(address: SocketAddr) -> Result<std::net::TcpListener, OpenError> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    open().map_err(|source| cannot_listen(address, source))
}

fn cannot_listen(address: SocketAddr, source: std::io::Error) -> OpenError {
    OpenError::Listen { address, source }
}

/// One layer lies around all handlers: each more would cost every request.
fn serve(config: &Config, listener: std::net::TcpListener, parts: Parts) -> std::io::Result<Server> {
    let server = HttpServer::new(move || {
        let layer = parts.layer.clone();
        App::new()
            .app_data(parts.ctx.clone())
            .app_data(parts.documents.clone())
            .app_data(parts.draining.clone())
            .app_data(parts.lookups.clone())
            .app_data(parts.limits.clone())
            .app_data(parts.origins.clone())
            .app_data(parts.proxies.clone())
            .configure(router::serve)
            .default_service(web::to(methods::nothing_here))
            .wrap(from_fn(move |request, next| requests::observe(layer.clone(), request, next)))
    });
    let server = match config.server.workers {
        Some(workers) => server.workers(workers.get()),
        None => server,
    };
    let grace = config.server.shutdown_grace_seconds.into();
    let server = server.keep_alive(IDLE).shutdown_timeout(grace);
    Ok(server.disable_signals().listen(listener)?.run())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So that it can be spawned on a runtime of several threads: compiling it is the test.
    fn _run_can_be_spawned(application: Application) -> impl Future<Output = std::io::Result<()>> + Send {
        application.run()
    }
}
