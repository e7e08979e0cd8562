//! What Linux tells of processes under `/proc` (proc(5)): processor time, memory, and who belongs to whom.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// Of `/proc/PID/stat`, what is asked for here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Who started it.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// User and system time of all its threads, also of those that have ended. Clock ticks.
    ticks: u64,
}

impl Stat {
    /// Reads the line; the command's name in it may hold anything, also blanks and brackets.
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let small = |at: usize| u32::try_from(field(at)?).ok();
        Some(Self { parent: small(1)?, group: small(2)?, ticks: field(11)? + field(12)? })
    }

    fn cpu(self) -> Duration {
        Duration::from_micros(self.ticks * 1_000_000 / rustix::param::clock_ticks_per_second())
    }
}

/// Of one process; none when it has ended.
#[must_use]
pub fn stat(pid: u32) -> Option<Stat> {
    Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Processor time so far, by process.
#[derive(Clone, Debug, Default)]
pub struct CpuTimes(HashMap<u32, Duration>);

impl CpuTimes {
    /// Of the processes that `belongs` picks.
    ///
    /// # Errors
    /// When this machine has no `/proc`.
    pub fn read(belongs: impl Fn(u32, Stat) -> bool) -> anyhow::Result<Self> {
        let mut times = HashMap::new();
        for entry in fs::read_dir("/proc").context("this machine has no /proc")? {
            let pid = entry?.file_name().to_str().and_then(|name| name.parse().ok());
            let Some((pid, stat)) = pid.and_then(|pid| Some((pid, stat(pid)?))) else {
                continue;
            };
            if belongs(pid, stat) {
                times.insert(pid, stat.cpu());
            }
        }
        Ok(Self(times))
    }

    /// What was used since then. Of a process that has ended meanwhile nothing is known.
    #[must_use]
    pub fn since(&self, then: &Self) -> Duration {
        let used =
            |(pid, now): (&u32, &Duration)| now.saturating_sub(then.0.get(pid).copied().unwrap_or_default());
        self.0.iter().map(used).sum()
    }

    /// Whose they are.
    pub fn pids(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }
}

/// Resident memory in bytes; 0 when the process has ended.
#[must_use]
pub fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    parse_resident(&status).unwrap_or_default()
}

fn parse_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_after_the_last_bracket() {
        let line = "4711 (a) b (c) S 17 23 23 0 -1 4194560 900 0 0 0 1200 345 6 7 20 0 5 0 88 1 2 3\n";
        assert_eq!(Stat::parse(line), Some(Stat { parent: 17, group: 23, ticks: 1545 }));
        assert_eq!(Stat::parse("4711 (cut"), None);
        assert_eq!(Stat::parse("4711 (cut) S 17"), None);
    }

    #[test]
    fn resident_memory_is_in_kibibytes() {
        assert_eq!(parse_resident("Name:\tx\nVmPeak:\t 9 kB\nVmRSS:\t   24680 kB\n"), Some(25_272_320));
        assert_eq!(parse_resident("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn processor_time_counts_those_that_came_and_forgets_those_that_went() {
        let times = |pairs: &[(u32, u64)]| {
            CpuTimes(pairs.iter().map(|(pid, millis)| (*pid, Duration::from_millis(*millis))).collect())
        };
        let (then, now) = (times(&[(1, 100), (2, 900)]), times(&[(1, 150), (3, 30)]));
        assert_eq!(now.since(&then), Duration::from_millis(80));
    }

    #[test]
    fn this_process_is_found() {
        let own = std::process::id();
        let times = CpuTimes::read(|pid, _| pid == own).unwrap();
        assert_eq!(times.pids().collect::<Vec<_>>(), [own]);
        assert!(resident(own) > 0);
    }
}
