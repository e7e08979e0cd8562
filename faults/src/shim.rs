//! What the operating system tells a server, bent: `shim.c`, compiled where it is used, and its control.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

const SOURCE: &str = include_str!("shim.c");

/// What can be bent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bent {
    /// By so many seconds the clock is off.
    Clock,
    /// Syncs fail.
    Syncs,
    /// The disk is full.
    Full,
}

impl Bent {
    const fn place(self) -> u64 {
        match self {
            Self::Clock => 0,
            Self::Syncs => 8,
            Self::Full => 16,
        }
    }
}

/// A library to be preloaded, and the file that tells it what to do.
#[derive(Clone, Debug)]
pub(crate) struct Shim {
    library: PathBuf,
    control: PathBuf,
}

impl Shim {
    /// Compiles it into `folder`, where anybody may read it.
    pub(crate) fn compile(folder: &Path) -> anyhow::Result<Self> {
        let (source, library) = (folder.join("shim.c"), folder.join("shim.so"));
        std::fs::write(&source, SOURCE)?;
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let mut command = Command::new(compiler);
        command.args(["-shared", "-fPIC", "-O2", "-Wall", "-o"]).arg(&library).arg(&source).arg("-ldl");
        let output = command.output().context("there is no C compiler")?;
        ensure!(output.status.success(), "shim.c: {}", String::from_utf8_lossy(&output.stderr));
        let shim = Self { library, control: folder.join("control") };
        std::fs::write(&shim.control, [0; 24])?;
        Ok(shim)
    }

    /// Seen by every process under it at once.
    pub(crate) fn bend(&self, what: Bent, value: i64) -> anyhow::Result<()> {
        let control = File::options().write(true).open(&self.control)?;
        Ok(control.write_all_at(&value.to_ne_bytes(), what.place())?)
    }

    /// Of the processes that it is for.
    pub(crate) fn variables(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("FAULTS_CONTROL", &self.control)]
    }
}
