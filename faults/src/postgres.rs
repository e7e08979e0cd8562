//! A PostgreSQL server of our own, to be stopped and started as we like.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use licentia_bench::process::free_address;

use crate::shim::Shim;

/// How long it may take to recover.
const RECOVERY: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(50);
/// Where packages put its programs, if not on the PATH.
const PLACES: [&str; 2] = ["/usr/lib/postgresql", "/usr"];

/// A cluster in a folder, which goes with the value.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    /// Whose the server is: somebody else, when we are root, whom it refuses.
    user: Option<(u32, u32)>,
    /// What bends what the operating system tells it.
    shim: Option<Shim>,
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// As if its power failed.
    Immediate,
    /// As an operator does it.
    Fast,
}

impl Cluster {
    /// Makes and starts one, under a shim where there is one.
    pub(crate) fn make(shim: Option<Shim>) -> anyhow::Result<Self> {
        let programs =
            programs().context("there is no PostgreSQL: install it (Debian: apt-get install postgresql)")?;
        let folder = tempfile::Builder::new().prefix("licentia-faults-postgres.").tempdir()?;
        let user = server_user()?;
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid))?;
        }
        let cluster = Self { programs, folder, port: free_address()?.port(), user, shim };
        let data = cluster.data();
        cluster
            .run("initdb", &["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"])?;
        let config = format!(
            "\nport = {}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nmax_connections = 200\n",
            cluster.port,
            cluster.folder.path().display()
        );
        let file = cluster.folder.path().join("data/postgresql.conf");
        fs::write(&file, fs::read_to_string(&file)? + &config)?;
        cluster.start()?;
        Ok(cluster)
    }

    pub(crate) fn start(&self) -> anyhow::Result<()> {
        let (data, log) = (self.data(), self.folder.path().join("server.log").display().to_string());
        self.run("pg_ctl", &["-D", &data, "-l", &log, "-w", "-t", "60", "start"])
    }

    pub(crate) fn stop(&self, how: Stop) -> anyhow::Result<()> {
        let mode = match how {
            Stop::Immediate => "immediate",
            Stop::Fast => "fast",
        };
        self.run("pg_ctl", &["-D", &self.data(), "-m", mode, "-w", "-t", "60", "stop"])
    }

    /// Whatever became of it: it is started again where it has ended, as a service manager does, until it answers.
    pub(crate) fn recover(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.ask("pg_isready", &["-q"]).is_err() {
            ensure!(begun.elapsed() < RECOVERY, "PostgreSQL does not recover");
            if self.run("pg_ctl", &["-D", &self.data(), "status"]).is_err() {
                // Its recovery may fail once more.
                let _ = self.start();
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Makes an empty database, and gives its address.
    pub(crate) fn make_database(&self) -> anyhow::Result<String> {
        let name = format!("faults_{:08x}", fastrand::u32(..));
        self.ask("createdb", &[&name])?;
        Ok(self.url(&name))
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// A dump of the database as it is at this instant.
    pub(crate) fn dump(&self, url: &str, file: &Path) -> anyhow::Result<()> {
        let name = url.rsplit('/').next().unwrap_or_default();
        fs::write(file, "")?;
        if let Some((uid, gid)) = self.user {
            chown(file, Some(uid), Some(gid))?;
        }
        self.ask("pg_dump", &["--format=custom", "--file", &file.display().to_string(), name])
    }

    /// Puts the database back to what it was when it was dumped; nobody uses it meanwhile.
    pub(crate) fn restore(&self, url: &str, file: &Path) -> anyhow::Result<()> {
        let name = url.rsplit('/').next().unwrap_or_default();
        self.ask("dropdb", &["--force", name])?;
        self.ask("createdb", &[name])?;
        self.ask("pg_restore", &["--exit-on-error", "--dbname", name, &file.display().to_string()])
    }

    fn ask(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let port = self.port.to_string();
        self.run(program, &[&["-h", "127.0.0.1", "-p", &port, "-U", "postgres"][..], arguments].concat())
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let log = self.folder.path().join(format!("{program}.log"));
        let output = File::create(&log)?;
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        if let Some(shim) = &self.shim {
            command.envs(shim.variables());
        }
        let status = command.status().with_context(|| format!("{program} cannot be run"))?;
        if !status.success() {
            let server = fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
            let last = server.get(server.len().saturating_sub(1_000)..).unwrap_or_default();
            bail!("{program} {arguments:?}: {}\n{last}", fs::read_to_string(log)?);
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.stop(Stop::Immediate);
    }
}

/// The folder of its programs: the newest that a package installed.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut found: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for place in PLACES {
        let versions = fs::read_dir(place).into_iter().flatten().flatten();
        let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
        versions.sort_by_key(|path| std::cmp::Reverse(version(path)));
        found.extend(versions);
    }
    // Some programs may be linked from elsewhere: all of them are where this one really is.
    let initdb = found.into_iter().find_map(|folder| folder.join("initdb").canonicalize().ok())?;
    initdb.parent().map(Path::to_owned)
}

fn version(bin: &Path) -> u32 {
    let name = bin.parent().and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or_default();
    name.trim_start_matches("pgsql-").parse().unwrap_or_default()
}

/// None when we may run it ourselves.
fn server_user() -> anyhow::Result<Option<(u32, u32)>> {
    use std::os::unix::fs::MetadataExt;
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    for wanted in ["postgres", "nobody"] {
        let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let user = fields.into_iter().find(|fields| fields.first() == Some(&wanted));
        if let Some([_, _, uid, gid, ..]) = user.as_deref() {
            return Ok(Some((uid.parse()?, gid.parse()?)));
        }
    }
    ensure!(false, "root cannot run PostgreSQL, and there is no other user");
    Ok(None)
}
