//! A place where the binary runs as if freshly installed: an empty working directory, an
//! environment of its own, a free port.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_mins(1);
/// The issuer of installations for production.
pub(crate) const PUBLIC_URL: &str = "https://licenses.example.com";
/// 32 bytes that look random, as base64.
pub(crate) const KEK: &str = "0ibtfySWX3PF8HH6RV3fLa6jpTzCwqWWC7GJhIONm/g=";

pub(crate) struct Installation {
    folder: TempDir,
    port: u16,
    variables: BTreeMap<String, String>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Installation {
    /// Nothing is configured but the port.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["work", "secrets"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        let port = free_port();
        let variables = BTreeMap::from([("LICENTIA__SERVER__BIND".to_owned(), format!("127.0.0.1:{port}"))]);
        Self { folder, port, variables }
    }

    /// Fit for production: an https issuer, and a key-encryption key that lies elsewhere.
    pub(crate) fn for_production() -> Self {
        let key = Self::new().with("ENVIRONMENT", "production").with("SERVER__PUBLIC_URL", PUBLIC_URL);
        let kek = key.write("secrets/kek", KEK);
        key.with("ENCRYPTION__KEY_FILE", kek.to_str().unwrap())
    }

    /// With one more setting: `("LOG__FILTER", "off")`.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.variables.insert(format!("LICENTIA__{key}"), value.to_owned());
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        self.variables.remove(&format!("LICENTIA__{key}"));
        self
    }

    /// A file of the working directory, which the commands run in.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// Writes a file; the path starts above the working directory.
    pub(crate) fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(path);
        fs::write(&path, text).unwrap();
        path
    }

    /// `http://127.0.0.1:port`
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn is_empty(&self) -> bool {
        fs::read_dir(self.file("")).unwrap().next().is_none()
    }

    /// Another program in the same place, without proxies.
    pub(crate) fn program(&self, name: impl AsRef<Path>) -> Command {
        let mut command = Command::new(name.as_ref());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("NO_PROXY", "127.0.0.1")
            .current_dir(self.file(""))
            .stdin(Stdio::null());
        command
    }

    fn licentia(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_licentia-under-test"));
        command.arg0("licentia").envs(&self.variables).args(arguments);
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        end_of(&mut self.licentia(arguments))
    }

    /// The same, with something to read.
    pub(crate) fn run_with(&self, arguments: &[&str], input: Stdio) -> Ended {
        end_of(self.licentia(arguments).stdin(input))
    }

    /// What it printed, when it ended well and said nothing else.
    #[track_caller]
    pub(crate) fn prints(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
        ended.stdout
    }

    /// What it complained, when it ended with this code. The complaint names no place in the code.
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &[&str], code: i32) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.starts_with("licentia: "), "{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        ended.stderr
    }

    /// Starts `serve` with more arguments, and waits until it is ready.
    pub(crate) fn serve(&self, more: &[&str]) -> Serving<'_> {
        self.serve_into(&self.folder.path().join("output"), &self.folder.path().join("errors"), more)
    }

    /// The same, with files that take what it writes.
    pub(crate) fn serve_into(&self, output: &Path, errors: &Path, more: &[&str]) -> Serving<'_> {
        let (output, errors) = (output.to_owned(), errors.to_owned());
        let child = self
            .licentia(&[&["serve"], more].concat())
            .stdout(File::create(&output).unwrap())
            .stderr(File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        let mut serving = Serving { installation: self, child, output, errors };
        let until = Instant::now() + PATIENCE;
        while serving.health() != Some(200) {
            let ended = serving.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended: {}{}", serving.output(), serving.errors());
            assert!(Instant::now() < until, "the server was not ready in time: {}", serving.output());
            std::thread::sleep(Duration::from_millis(20));
        }
        serving
    }
}

pub(crate) fn end_of(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Devices have no end.
fn read_at_most(path: &Path) -> String {
    const MOST: u64 = 64 * 1024 * 1024;
    let mut text = String::new();
    File::open(path).unwrap().take(MOST).read_to_string(&mut text).unwrap();
    text
}

/// Below the ports that connections take by themselves.
pub(crate) fn free_port() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new();
    (0..10_000)
        .map(|n| 20_000 + u16::try_from(random.hash_one(n) % 12_000).unwrap())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

/// A running server; killed when dropped.
pub(crate) struct Serving<'a> {
    installation: &'a Installation,
    child: Child,
    output: PathBuf,
    errors: PathBuf,
}

impl Serving<'_> {
    /// All that it printed so far, logs among it.
    pub(crate) fn output(&self) -> String {
        read_at_most(&self.output)
    }

    fn errors(&self) -> String {
        read_at_most(&self.errors)
    }

    /// The lines that are no log.
    pub(crate) fn greeting(&self) -> String {
        let output = self.output();
        output.split_inclusive('\n').filter(|line| !line.starts_with('{')).collect()
    }

    /// The log, line by line.
    pub(crate) fn log(&self) -> Vec<Value> {
        let output = self.output();
        let lines = output.lines().filter(|line| line.starts_with('{'));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The API key of the greeting.
    pub(crate) fn admin_key(&self) -> Option<String> {
        let greeting = self.greeting();
        let key = greeting.split_whitespace().find(|word| word.starts_with("lsk_"))?;
        Some(key.to_owned())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.installation.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn health(&self) -> Option<u16> {
        if self.installation.variables.contains_key("LICENTIA__SERVER__TLS_KEY_FILE") {
            let is_well = self.installation.run(&["healthcheck"]).code == Some(0);
            return is_well.then_some(200);
        }
        let mut stream = TcpStream::connect(("127.0.0.1", self.installation.port)).ok()?;
        stream
            .write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split(' ').nth(1)?.parse().ok()
    }

    /// The status of an admin's request with this key.
    pub(crate) async fn status_with(&self, key: &str) -> u16 {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/api/v1/license-keys", self.installation.url());
        let answer = http.request(Method::GET, url).bearer_auth(key).send().await.unwrap();
        answer.status().as_u16()
    }

    /// Memory that it holds, in KB.
    pub(crate) fn resident_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// SIGHUP, and waits until the log says this.
    pub(crate) fn hang_up(&self, message: &str) {
        self.signal("-HUP");
        let until = Instant::now() + PATIENCE;
        while !self.log().iter().any(|line| line["message"] == message) {
            assert!(Instant::now() < until, "the server does not hear: {}", self.output());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Its exit code, once it has ended.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < until, "the server does not end: {}", self.output());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGTERM, and exit code 0.
    pub(crate) fn stop(mut self) {
        self.terminate();
        assert_eq!(self.exit_code(), Some(0), "{}", self.errors());
        assert_eq!(self.errors(), "");
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
