//! The server, from a configuration to its last answer: the same entry for `main` and for tests.

mod listening;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web;
use licentia_domain::context::{Context, Outside};

use crate::config::Config;
use crate::discovery::Documents;
use crate::health::Draining;
use crate::limits::Limits;
use crate::limits::key_lookups::KeyLookups;
use crate::opening;
use crate::origins::Origins;
use crate::own_pages::OwnPages;
use crate::proxies::TrustedProxies;
use crate::{batches, jobs, signer, tls};
use listening::{Bound, Servers, Serving};

pub use crate::api_key_file::{ApiKeyFile, ApiKeyFileError};
pub use crate::directory::DirectorySetupError;
pub use crate::mail::MailSetupError;
pub use crate::opening::{Migrations, OpenError, open_for_command};
pub use crate::tls::{Tls, TlsError};

/// How often clients whose budget is whole again are forgotten.
const FORGETTING: Duration = Duration::from_mins(1);

/// A server that listens; [`Application::run`] makes it answer.
pub struct Application {
    servers: Servers,
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    parts: Parts,
    tls: Option<Tls>,
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
    own_pages: web::Data<OwnPages>,
    proxies: web::Data<TrustedProxies>,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Stops a server from elsewhere.
#[derive(Clone)]
pub struct StopHandle {
    servers: Vec<ServerHandle>,
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
        listening::stop(&self.servers).await;
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
        let outside = Outside { multi_buffer: signer::load(&config.signing)?, ..outside };
        let tls = Tls::configured(&config.server)?;
        // The issuer of a server without a public URL names the port, so the port comes first.
        let bound = Bound::to(&config.server)?;
        let (address, admin_address) = (bound.address(), bound.admin_address());
        let ctx = Box::pin(opening::open(&config, config.issuer(address), outside, migrations)).await?;
        opening::refuse_development_keys(&config, &ctx).await?;
        let admin_url = admin_url(admin_address, tls.is_some(), &ctx);
        let parts = Parts::of(&config, ctx, &admin_url)?;
        let key_file = ApiKeyFile::new(config.admin.api_key_file.clone(), parts.ctx.clone());
        Box::pin(key_file.declare()).await?;
        let serving = Serving { config: &config.server, tls: tls.as_ref(), parts: &parts };
        let servers = bound.serve(&serving)?;
        Ok(Self { servers, address, admin_address, parts, tls, runs_jobs: config.jobs.enabled, key_file })
    }

    /// Where machines and the public come in, and everybody else where there is no other address: with the real port
    /// where the configured one is 0.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where whoever administers comes in: `server.admin_bind`, with the real port.
    #[must_use]
    pub const fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// Where whoever administers finds the API: the issuer, or the address that is for him.
    #[must_use]
    pub fn admin_url(&self) -> String {
        admin_url(self.admin_address, self.tls.is_some(), &self.parts.ctx)
    }

    /// Its TLS, to exchange the certificate.
    #[must_use]
    pub fn tls(&self) -> Option<Tls> {
        self.tls.clone()
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
        StopHandle { servers: self.servers.handles(), draining: self.parts.draining.clone() }
    }

    /// Answers until it is stopped, then closes the database.
    ///
    /// # Errors
    /// When the server fails as a whole.
    pub async fn run(self) -> std::io::Result<()> {
        let Self { servers, parts, tls, runs_jobs, .. } = self;
        tokio::select! {
            ended = Box::pin(servers.run()) => ended?,
            () = forget_old_clients(&parts.lookups) => {}
            () = parts.limits.upkeep() => {}
            () = jobs::run(parts.ctx.clone()), if runs_jobs => {}
            () = jobs::keep_notes(parts.ctx.clone()) => {}
            () = Box::pin(jobs::keep_key_uses(parts.ctx.clone())) => {}
            () = Box::pin(jobs::keep_usage(parts.ctx.clone())) => {}
            () = batches::serve(parts.ctx.clone()) => {}
            () = jobs::hear_of_changes(parts.ctx.clone()) => {}
            () = tls::watch(tls.as_ref()), if tls.is_some() => {}
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

/// The issuer, or the address that is for whoever administers.
pub(crate) fn admin_url(address: Option<SocketAddr>, has_tls: bool, ctx: &Context) -> String {
    let Some(address) = address else { return ctx.settings.issuer.clone() };
    let scheme = if has_tls { "https" } else { "http" };
    format!("{scheme}://{address}")
}

async fn forget_old_clients(lookups: &KeyLookups) {
    let mut timer = tokio::time::interval(FORGETTING);
    loop {
        timer.tick().await;
        lookups.forget_old();
    }
}

impl Parts {
    fn of(config: &Config, ctx: Context, admin_url: &str) -> Result<Self, OpenError> {
        let own = Origins::of([ctx.settings.issuer.as_str(), admin_url], config.admin.origins.as_ref());
        Ok(Self {
            documents: web::Data::new(Documents::of(&ctx.settings, config)?),
            draining: web::Data::default(),
            lookups: web::Data::new(KeyLookups::new(&config.limits)),
            limits: web::Data::new(Limits::new(&config.limits, &config.redis)?),
            own_pages: web::Data::new(OwnPages(own)),
            proxies: web::Data::new(config.server.trusted_proxies.clone().unwrap_or_default()),
            ctx: web::Data::new(ctx),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So that it can be spawned on a runtime of several threads: compiling it is the test.
    fn _run_can_be_spawned(application: Application) -> impl Future<Output = std::io::Result<()>> + Send {
        application.run()
    }
}
