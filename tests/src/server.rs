//! A server under test, on a thread and runtime of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use licentia::application::{Application, Tls};
use licentia::config::Config;
use licentia_domain::clock::Clock;
use licentia_domain::context::{Context, KeyEncryptionKey, Outside, Systems};
use licentia_domain::randomness::SystemRandomness;

use crate::clock::TestClock;
use crate::database::{Backend, ISSUER, KEK, TestDatabase};

/// A running server; stopped and forgotten when dropped.
pub struct TestServer {
    /// `http://127.0.0.1:port`, or https
    pub base: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where whoever administers comes in, if that is elsewhere.
    pub admin_address: Option<SocketAddr>,
    /// Exchanges its certificate, if it has one.
    pub tls: Option<Tls>,
    /// `iss` of its tokens.
    pub issuer: String,
    /// What its operations work with; for looking into the database, and for breaking it.
    pub context: Arc<Context>,
    /// Moves its time.
    pub clock: TestClock,
    /// Secret of an API key with every permission; empty when the database began empty.
    pub admin_key: String,
    pub(crate) http: reqwest::Client,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    // Dropped last: the database goes when nobody uses it any more.
    pub(crate) database: Arc<TestDatabase>,
}

impl TestServer {
    /// On a copy of the template: keys and an admin are there.
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, &[]).await
    }

    /// The same, with some configuration: `("LIMITS__ENABLED", "true")`.
    pub async fn start_with(backend: Backend, settings: &[(&str, &str)]) -> Self {
        let database = Arc::new(TestDatabase::copy(backend).await);
        let settings = [&[("SERVER__PUBLIC_URL", ISSUER)], settings].concat();
        Self::on(database, TestClock::new(), &settings).await
    }

    /// On an empty database; its issuer is the address that it listens on, so that verifiers that
    /// know nothing but the issuer find its keys.
    pub async fn start_reachable(backend: Backend) -> Self {
        Self::start_reachable_with(backend, &[]).await
    }

    /// The same, with some configuration.
    pub async fn start_reachable_with(backend: Backend, settings: &[(&str, &str)]) -> Self {
        let database = Arc::new(TestDatabase::empty(backend).await);
        Self::on(database, TestClock::new(), settings).await
    }

    /// Two instances that start at the same instant on the same empty database.
    pub async fn start_two(backend: Backend) -> (Self, Self) {
        let database = Arc::new(TestDatabase::empty(backend).await);
        let clock = TestClock::new();
        let start = || Self::on(Arc::clone(&database), clock.clone(), &[("SERVER__PUBLIC_URL", ISSUER)]);
        tokio::join!(start(), start())
    }

    /// Makes an API key with every permission, for a database that began empty.
    pub async fn make_admin(&mut self) {
        self.admin_key = crate::database::make_admin_key(&self.context).await;
    }

    /// Another instance on the same database, with the same clock.
    pub async fn another(&self) -> Self {
        self.another_with(&[]).await
    }

    /// The same, with some configuration.
    pub async fn another_with(&self, settings: &[(&str, &str)]) -> Self {
        let settings = [&[("SERVER__PUBLIC_URL", self.issuer.as_str())], settings].concat();
        Self::on(Arc::clone(&self.database), self.clock.clone(), &settings).await
    }

    /// What operations work with on the same connections, at the time that `clock` tells.
    pub async fn context_at(&self, clock: impl Clock) -> Context {
        let outside = Outside {
            clock: Arc::new(clock),
            randomness: Arc::new(SystemRandomness::new()),
            multi_buffer: None,
        };
        let kek = KeyEncryptionKey::parse(KEK).unwrap();
        let settings = self.context.settings.clone();
        let opened = Context::open(self.context.db.clone(), settings, kek, outside, Systems::default());
        Box::pin(opened).await.unwrap()
    }

    /// Runs every job that is due.
    pub async fn run_jobs(&self) {
        let failed = licentia_domain::jobs::run_due(&self.context).await;
        assert!(failed.is_empty(), "{failed:?}");
    }

    /// Where its database is.
    pub fn database_url(&self) -> &str {
        &self.database.url
    }

    pub(crate) async fn on(database: Arc<TestDatabase>, clock: TestClock, settings: &[(&str, &str)]) -> Self {
        let common = [
            ("SERVER__BIND", "127.0.0.1:0"),
            ("DATABASE__URL", &database.url),
            ("ENCRYPTION__KEY", KEK),
            ("LIMITS__ENABLED", "false"),
            // Run by the test, at the time that it says.
            ("JOBS__ENABLED", "false"),
            ("SERVER__WORKERS", "2"),
            // As on every machine.
            ("SIGNING__MULTI_BUFFER", "off"),
        ];
        let environment: std::collections::BTreeMap<String, String> = common
            .iter()
            .chain(settings)
            .map(|(key, value)| (format!("LICENTIA__{key}"), (*value).to_owned()))
            .collect();
        let config = Config::load(None, environment).unwrap();
        let outside = Outside {
            clock: Arc::new(clock.clone()),
            randomness: Arc::new(SystemRandomness::new()),
            multi_buffer: None,
        };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (started, running) = tokio::sync::oneshot::channel::<Started>();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let application = Application::build(config, outside).await.unwrap();
                let handle = application.stop_handle();
                started.send(Started::of(&application)).ok().unwrap();
                actix_web::rt::spawn(async move {
                    // Dropping the sender stops the server as well.
                    let _ = stopped.await;
                    handle.stop().await;
                });
                Box::pin(application.run()).await.unwrap();
            });
        });
        let Started { address, admin_address, tls, context } = running.await.expect("the server starts");
        let scheme = if tls.is_some() { "https" } else { "http" };
        Self {
            base: format!("{scheme}://{address}"),
            address,
            admin_address,
            tls,
            issuer: context.settings.issuer.clone(),
            context,
            clock,
            admin_key: database.admin_key.clone().unwrap_or_default(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            stop: Some(stop),
            thread: Some(thread),
            database,
        }
    }
}

/// What a server that has started tells.
struct Started {
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    tls: Option<Tls>,
    context: Arc<Context>,
}

impl Started {
    fn of(application: &Application) -> Self {
        Self {
            address: application.address(),
            admin_address: application.admin_address(),
            tls: application.tls(),
            context: application.context(),
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
