//! A real directory (Debian's slapd, tests/ldap), and a server that asks it.

mod encryption;
mod following;
mod injection;
mod local;
mod outages;
mod second_factors;
mod signing_in;

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use licentia_tests::{Backend, Reply, TestServer};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::commands::installation::free_port;
use crate::sessions::Session;

const BASE: &str = "dc=example,dc=com";
const ADA: (&str, &str) = ("ada@example.com", "analytical engine");
const BEA: (&str, &str) = ("bea@example.com", "plain sailing boats");
const ROLES: &str = "super_admin: cn=roots,ou=groups,dc=example,dc=com\n\
    admin: cn=admins,ou=groups,dc=example,dc=com\n\
    viewer: cn=staff,ou=groups,dc=example,dc=com";

/// A directory; it ends when dropped.
struct Slapd {
    child: Child,
    folder: TempDir,
    plain: u16,
    tls: u16,
}

/// Whether it has a certificate, and for whom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certificate {
    For(&'static str),
    None,
}

impl Slapd {
    fn start() -> Self {
        Self::start_with(Certificate::For("localhost"))
    }

    fn start_with(certificate: Certificate) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = match certificate {
            Certificate::For(name) => issue(folder.path(), name),
            // There is one, and it is not told.
            Certificate::None => issue(folder.path(), "localhost").replace("TLS", "# TLS"),
        };
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("ldap/slapd.conf");
        let config = fs::read_to_string(template).unwrap();
        let config = config.replace("\nTLS\n", &format!("\n{tls}\n"));
        let config = config.replace("FOLDER", folder.path().to_str().unwrap());
        fs::write(folder.path().join("slapd.conf"), config).unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let (plain, tls) = (free_port(), free_port());
        let secured = (certificate != Certificate::None).then_some(tls);
        let mut slapd = Self { child: run(folder.path(), plain, secured), folder, plain, tls };
        slapd.wait();
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("ldap/tree.ldif");
        slapd.apply("ldapadd", &fs::read_to_string(tree).unwrap());
        slapd
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.plain)).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "slapd did not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn start_again(&mut self) {
        self.child = run(self.folder.path(), self.plain, Some(self.tls));
        self.wait();
    }

    /// Changes what it knows, as whoever may do everything there: `ldapadd`, `ldapmodify`.
    fn apply(&self, program: &str, ldif: &str) {
        let mut command = Command::new(program);
        let address = format!("ldap://127.0.0.1:{}", self.plain);
        command.args(["-x", "-H", &address, "-D", "cn=root,dc=example,dc=com", "-w", "root-secret"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(ldif.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{program}: {ldif}");
    }

    /// Puts somebody into a group, or takes him out of it.
    fn change_group(&self, change: &str, group: &str, uid: &str) {
        let ldif = format!(
            "dn: cn={group},ou=groups,{BASE}\nchangetype: modify\n{change}: member\nmember: uid={uid},ou=people,{BASE}\n"
        );
        self.apply("ldapmodify", &ldif);
    }

    /// Whether it lets somebody bind so, with the operator's own program.
    fn lets_bind(&self, dn: &str, password: &str) -> bool {
        let address = format!("ldap://127.0.0.1:{}", self.plain);
        let mut command = Command::new("ldapwhoami");
        command.args(["-x", "-H", &address, "-D", dn, "-w", password]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }

    /// What was said to it, in its own words.
    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// How often somebody below the people tried to bind.
    fn binds(&self) -> usize {
        let is_one = |line: &&str| line.contains("BIND dn=") && line.contains("method=128");
        self.log().lines().filter(|line| is_one(line) && line.contains("ou=people")).count()
    }

    /// How often somebody connected to this port.
    fn connections(&self, port: u16) -> usize {
        let here = format!("(IP=127.0.0.1:{port})");
        self.log().lines().filter(|line| line.contains("ACCEPT from") && line.contains(&here)).count()
    }

    /// How often anybody was searched for.
    fn searches(&self) -> usize {
        self.log().matches("SRCH base=").count()
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LDAP__URL", format!("ldaps://localhost:{}", self.tls)),
            ("LDAP__CA_FILE", self.authority().to_str().unwrap().to_owned()),
            ("LDAP__BIND_DN", format!("cn=licentia,ou=services,{BASE}")),
            ("LDAP__BIND_PASSWORD", "service-secret".to_owned()),
            ("LDAP__USER_BASE", format!("ou=people,{BASE}")),
            ("LDAP__ROLES", ROLES.to_owned()),
        ]
    }

    async fn server(&self, backend: Backend) -> TestServer {
        self.server_with(backend, &[]).await
    }

    /// What is named again counts.
    async fn server_with(&self, backend: Backend, more: &[(&str, &str)]) -> TestServer {
        let own = self.settings();
        let own = own.iter().map(|(key, value)| (*key, value.as_str()));
        let settings: Vec<(&str, &str)> = own.chain(more.iter().copied()).collect();
        TestServer::start_with(backend, &settings).await
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(folder: &Path, plain: u16, tls: Option<u16>) -> Child {
    let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
    // Debian has it where only root looks.
    let program = if Path::new("/usr/sbin/slapd").exists() { "/usr/sbin/slapd" } else { "slapd" };
    let tls = tls.map(|port| format!(" ldaps://127.0.0.1:{port}/")).unwrap_or_default();
    let addresses = format!("ldap://127.0.0.1:{plain}/{tls}");
    // 256: connections, operations and results; with it slapd stays in the foreground.
    let mut command = Command::new(program);
    command.arg("-f").arg(folder.join("slapd.conf")).args(["-h", &addresses, "-d", "256"]);
    command.stdout(Stdio::null()).stderr(log).spawn().expect("slapd; scripts/test.sh looks for it")
}

/// An authority, and what it issued for a name.
fn issue(folder: &Path, name: &str) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    fs::write(folder.join("leaf.pem"), leaf.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    "TLSCertificateFile FOLDER/leaf.pem\nTLSCertificateKeyFile FOLDER/key.pem".to_owned()
}

async fn login(server: &TestServer, (email, password): (&str, &str)) -> Reply {
    server.post("/auth/login", json!({"email": email, "password": password})).await
}

async fn sign_in(server: &TestServer, who: (&str, &str)) -> Session {
    let reply = login(server, who).await;
    assert_eq!(reply.body["status"], "signed_in", "{}", reply.text);
    Session::of(&reply)
}

async fn refused(server: &TestServer, who: (&str, &str)) {
    login(server, who).await.expect_problem(401, "CREDENTIALS_INVALID");
}

/// Who is signed in.
async fn me(server: &TestServer, session: &Session) -> Value {
    session.get(server, "/auth/me").await.expect(200)["admin"].clone()
}

/// A local admin with this address who has set his password.
async fn local_admin(server: &TestServer, email: &str, role: &str) -> String {
    let made = json!({"email": email, "name": "Somebody", "role": role});
    let made = server.admin_post("/admins", made).await.expect(201);
    let set = json!({"token": made["passwordToken"], "password": crate::sessions::PASSWORD});
    server.post("/auth/password/reset", set).await.expect(204);
    made["id"].as_str().unwrap().to_owned()
}

/// What the audit log says of somebody, oldest first.
async fn audit(server: &TestServer, action: &str) -> Vec<Value> {
    let page = server.admin_get(&format!("/audit-events?action={action}&sort=createdAt")).await.expect(200);
    page["items"].as_array().unwrap().clone()
}
