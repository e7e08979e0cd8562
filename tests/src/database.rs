//! A database for each test: a copy of a template that was migrated and given its keys once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use licentia_domain::actors::Caller;
use licentia_domain::api_keys::{self, CreateApiKey, Origin};
use licentia_domain::clock::SystemClock;
use licentia_domain::context::{Context, DefaultTimes, KeyTimes, Outside, SessionTimes, Settings, Systems};
use licentia_domain::database::{Database, DatabaseOptions, Lane};
use licentia_domain::randomness::SystemRandomness;
use licentia_types::permissions::Permission;
use licentia_types::time::Seconds;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::MigratorTrait;
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// Under which every test database is sealed.
pub(crate) const KEK: &str = "0ibtfySWX3PF8HH6RV3fLa6jpTzCwqWWC7GJhIONm/g=";
/// What the template was made for.
pub(crate) const ISSUER: &str = "http://licentia.test";

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// A database of one test, gone with it.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    /// Secret of an API key with every permission; none in an empty database.
    pub(crate) admin_key: Option<String>,
    pub(crate) folder: Option<TempDir>,
    postgres_name: Option<String>,
}

impl TestDatabase {
    /// A copy of the template.
    pub(crate) async fn copy(backend: Backend) -> Self {
        let template = Template::ready(backend).await;
        let admin_key = Some(template.admin_key);
        match backend {
            Backend::Sqlite => {
                let mut copy = Self::empty(backend).await;
                fs::copy(&template.file, copy.folder.as_ref().unwrap().path().join("licentia.db")).unwrap();
                copy.admin_key = admin_key;
                copy
            }
            Backend::Postgres => {
                let name = fresh_name();
                on_server(&format!("CREATE DATABASE {name} TEMPLATE {}", template.name)).await;
                Self { url: postgres_url(&name), admin_key, folder: None, postgres_name: Some(name) }
            }
        }
    }

    /// Nothing in it yet: the server makes all that it needs.
    pub(crate) async fn empty(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}?mode=rwc", folder.path().join("licentia.db").display());
                Self { url, admin_key: None, folder: Some(folder), postgres_name: None }
            }
            Backend::Postgres => {
                let name = fresh_name();
                on_server(&format!("CREATE DATABASE {name}")).await;
                Self { url: postgres_url(&name), admin_key: None, folder: None, postgres_name: Some(name) }
            }
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some(name) = self.postgres_name.take() else {
            return;
        };
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(on_server(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
        });
        if dropped.join().is_err() {
            eprintln!("a test database could not be dropped");
        }
    }
}

fn fresh_name() -> String {
    let random = SystemRandomness::new();
    let mut bytes = [0; 8];
    licentia_domain::randomness::Randomness::fill(&random, &mut bytes).unwrap();
    format!("licentia_test_{:016x}", u64::from_be_bytes(bytes))
}

fn server_url() -> String {
    std::env::var("LICENTIA_TEST_POSTGRES")
        .expect("LICENTIA_TEST_POSTGRES names a PostgreSQL server for the tests")
}

fn postgres_url(name: &str) -> String {
    let server = server_url();
    let (server, query) =
        server.split_once('?').map_or((server.as_str(), None), |(url, query)| (url, Some(query)));
    let authority =
        server.rfind('/').filter(|slash| *slash > "postgres://".len()).map_or(server, |at| &server[..at]);
    query.map_or_else(|| format!("{authority}/{name}"), |query| format!("{authority}/{name}?{query}"))
}

async fn on_server(sql: &str) {
    let connection = sea_orm::Database::connect(server_url()).await.unwrap();
    let mut outcome = connection.execute_unprepared(sql).await;
    // Another test copies the same template at this instant: one after the other.
    for _ in 0..200 {
        match &outcome {
            Err(error) if error.to_string().contains("is being accessed by other users") => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                outcome = connection.execute_unprepared(sql).await;
            }
            _ => break,
        }
    }
    outcome.unwrap();
    connection.close().await.unwrap();
}

/// A migrated database with its keys, made once for each build of the tests.
struct Template {
    admin_key: String,
    /// Of the PostgreSQL database.
    name: String,
    /// Of the SQLite file.
    file: PathBuf,
}

impl Template {
    async fn ready(backend: Backend) -> Self {
        let build = build_stamp();
        let folder = std::env::temp_dir().join(format!("licentia-tests-{build:016x}"));
        fs::create_dir_all(&folder).unwrap();
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let (key_file, url) = match backend {
            Backend::Sqlite => {
                ("sqlite.key", format!("sqlite://{}?mode=rwc", folder.join("template.db").display()))
            }
            Backend::Postgres => ("postgres.key", postgres_url(&template_name(build))),
        };
        let key_file = folder.join(key_file);
        if !key_file.exists() {
            if backend == Backend::Postgres {
                on_server(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", template_name(build))).await;
                drop_former_templates().await;
                on_server(&format!("CREATE DATABASE {}", template_name(build))).await;
            }
            let admin_key = Box::pin(make(&url)).await;
            write_whole(&key_file, &admin_key);
        }
        Self {
            admin_key: fs::read_to_string(&key_file).unwrap(),
            name: template_name(build),
            file: folder.join("template.db"),
        }
    }
}

/// Templates of builds that are gone; one that is being copied at this instant stays.
async fn drop_former_templates() {
    let connection = sea_orm::Database::connect(server_url()).await.unwrap();
    let former = "SELECT datname::text FROM pg_database WHERE datname LIKE 'licentia\\_template\\_%'";
    let rows = connection.query_all_raw(Statement::from_string(DbBackend::Postgres, former)).await.unwrap();
    for row in rows {
        let name: String = row.try_get_by_index(0).unwrap();
        if connection.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}")).await.is_err() {
            eprintln!("{name} is in use, and stays");
        }
    }
    connection.close().await.unwrap();
}

fn template_name(build: u64) -> String {
    format!("licentia_template_{build:016x}")
}

fn write_whole(path: &Path, text: &str) {
    let partial = path.with_extension("partial");
    fs::write(&partial, text).unwrap();
    fs::rename(partial, path).unwrap();
}

/// The test binary's size and time: another build may migrate otherwise.
fn build_stamp() -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let binary = fs::metadata(std::env::current_exe().unwrap()).unwrap();
    let mut hasher = DefaultHasher::new();
    (binary.len(), binary.modified().unwrap()).hash(&mut hasher);
    hasher.finish()
}

/// Fills an empty database as a first start does, and gives the secret of an admin's key.
async fn make(url: &str) -> String {
    let options = DatabaseOptions {
        url: url.to_owned().into(),
        max_connections: 2,
        readers: 1,
        acquire_timeout: Duration::from_secs(30),
    };
    let db = Database::connect(&options).await.unwrap();
    let schema = db.write_schema().await.unwrap();
    licentia_migration::Migrator::up(schema.schema(), None).await.unwrap();
    schema.commit().await.unwrap();
    let settings = Settings {
        issuer: ISSUER.to_owned(),
        signing_key_bits: licentia_crypto::rsa_keys::RsaKeyBits::Rsa2048,
        keys: KeyTimes {
            jwks_max_age: Seconds::constant(300),
            rotation: Some(Seconds::constant(30 * 86_400)),
            document_rotation: None,
        },
        backdate: Seconds::constant(60),
        times: DefaultTimes {
            token_ttl: Seconds::constant(172_800),
            heartbeat_interval: Seconds::constant(86_400),
            offline_grace: Seconds::constant(604_800),
            expiry_grace: Seconds::ZERO,
            revocation_grace: Seconds::constant(86_400),
            lease: Seconds::constant(900),
        },
        list_ttl: Seconds::constant(300),
        max_activations: 3,
        retention: licentia_domain::purging::Retention {
            events: Seconds::constant(90 * 86_400),
            system_events: Seconds::constant(30 * 86_400),
            usage: Seconds::constant(400 * 86_400),
            mails: Seconds::constant(30 * 86_400),
        },
        import_bytes: 256 * 1_048_576,
        sessions: SessionTimes {
            access_ttl: Seconds::constant(300),
            idle: Seconds::constant(43_200),
            lifetime: Seconds::constant(30 * 86_400),
        },
        require_totp: false,
        registration: licentia_domain::context::Registration::Open,
    };
    let outside = Outside {
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness::new()),
        multi_buffer: None,
    };
    let kek = licentia_crypto::sealing::KeyEncryptionKey::parse(KEK).unwrap();
    let context =
        Box::pin(Context::open(db.clone(), settings, kek, outside, Systems::default())).await.unwrap();
    let secret = make_admin_key(&context).await;
    // The log of each test begins with the test: an entry of the template would be as old as that.
    let tx = context.db.write(Lane::Ordinary).await.unwrap();
    for table in ["audit_pending", "audit_event"] {
        tx.execute_unprepared(&format!("DELETE FROM {table}")).await.unwrap();
    }
    tx.commit().await.unwrap();
    drop(context);
    db.close().await.unwrap();
    secret
}

pub(crate) async fn make_admin_key(context: &Context) -> String {
    let command = CreateApiKey {
        name: "Tests".parse().unwrap(),
        permissions: Permission::ALL.iter().copied().collect(),
        origin: Origin::Operator,
        expires_at: None,
        ip_ranges: std::collections::BTreeSet::new(),
        groups: None,
    };
    let (_, secret) = api_keys::create(context, &Caller::operator(), command).await.unwrap();
    secret.expose_secret().to_owned()
}
