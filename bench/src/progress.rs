//! How far a long step has come, on standard error: a bar on a terminal, else a line for each tenth.

use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// What takes no longer is not worth a line.
const SHORT: Duration = Duration::from_secs(1);
const STYLE: &str = "{msg} {bar:40} {percent:>3} %  {eta} left";

/// A step under way.
pub(crate) struct Progress {
    what: String,
    total: u64,
    done: u64,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn begin(what: &str, total: u64) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(STYLE).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(total).with_style(style).with_message(what.to_owned())
        });
        Self { what: what.to_owned(), total, done: 0, begun: Instant::now(), bar }
    }

    pub(crate) fn advance(&mut self, by: u64) {
        let before = self.tenths();
        self.done += by;
        match &self.bar {
            Some(bar) => bar.inc(by),
            None if self.tenths() > before && self.begun.elapsed() > SHORT => {
                eprintln!("{}: {} %", self.what, self.tenths() * 10);
            }
            None => {}
        }
    }

    fn tenths(&self) -> u64 {
        self.done.saturating_mul(10) / self.total.max(1)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
