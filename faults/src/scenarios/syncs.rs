//! Every acknowledged write was made durable before its answer left: read from the system calls of the server.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::Stage;
use crate::history::{Ask, Said};
use crate::options::Backend;
use crate::run::Run;
use crate::workload::Machine;

/// What makes durable, and what answers.
const CALLS: &str = "trace=fsync,fdatasync,write,writev,sendto,sendmsg";

pub(crate) async fn run(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    if !stage.plan.runs_on(Backend::Sqlite) {
        return Ok(());
    }
    ensure!(Command::new("strace").arg("--version").output().is_ok(), "strace is missing: install it");
    // No job is to sync anything beside the writes.
    let quiet = |server: crate::server::Server| server.with("JOBS__ENABLED", "false");
    let (run, process) = Run::begin(stage.plan, "syncs before answers", None, quiet).await?;
    process.stop().await?;
    let trace = run.folder().join("calls");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-s", "16", "--seccomp-bpf", "-e", CALLS, "-o"]).arg(&trace);
    let process = run.server.start_under(&mut strace).await?;
    run.world.set_calm(true);
    let mut client = run.client();
    let issue = Ask::Issue { once: "watched-issue".to_owned(), seats: 1 };
    let Said::Issued { license, .. } = client.settle(issue).await? else { bail!("no licence was issued") };
    let mut machine = Machine::enter(&mut client, license, "watched".to_owned()).await?.context("no seat")?;
    for _ in 0..stage.plan.watched {
        machine.beat(&mut client).await?;
    }
    client.settle(Ask::Revoke { license, once: "watched-revoke".to_owned() }).await?;
    process.stop().await?;
    let acknowledged = run.world.history().iter().filter(|entry| entry.is_acknowledged()).count();
    let answers = Answers::read(&trace)?;
    eprintln!(
        "  {acknowledged} writes acknowledged, {} answers after a sync of their own",
        answers.after_sync
    );
    stage.tally.expect(
        answers.after_sync >= acknowledged && answers.before_sync == 0,
        format!("{answers:?} of {acknowledged} acknowledged writes"),
    );
    run.compare(Vec::new(), &mut stage.tally).await
}

/// The server's answers to writes, one after another, by whether something was synced since the one before.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answers {
    after_sync: usize,
    before_sync: usize,
}

impl Answers {
    fn read(trace: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(trace).context("strace wrote nothing")?;
        Ok(Self::parse(&text))
    }

    /// Of the lines of `strace -f`, from the first sync on: a start writes, and is then asked whether it is ready.
    fn parse(trace: &str) -> Self {
        let mut answers = Self::default();
        let (mut synced, mut begun) = (false, false);
        for line in trace.lines() {
            let is_sync = line.contains("fsync") || line.contains("fdatasync");
            if is_sync && line.trim_end().ends_with("= 0") {
                (synced, begun) = (true, true);
            } else if line.contains("\"HTTP/1.1 ") && begun {
                *(if synced { &mut answers.after_sync } else { &mut answers.before_sync }) += 1;
                synced = false;
            }
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_held_against_the_syncs_since_the_one_before() {
        let trace = "\
            7 sendto(9, \"HTTP/1.1 200 OK\\r\"..., 400, MSG_NOSIGNAL, NULL, 0) = 400\n\
            8 fdatasync(5 <unfinished ...>\n\
            7 write(3, \"\\1\\0\\0\\0\", 8) = 8\n\
            8 <... fdatasync resumed>) = 0\n\
            7 sendto(9, \"HTTP/1.1 201 Cre\"..., 400, MSG_NOSIGNAL, NULL, 0) = 400\n\
            8 fdatasync(5) = -1 EIO (Input/output error)\n\
            7 writev(9, [{iov_base=\"HTTP/1.1 200 OK\\r\"..., iov_len=400}], 1) = 400\n\
            8 fdatasync(5) = 0\n\
            7 sendto(9, \"HTTP/1.1 200 OK\\r\"..., 400, MSG_NOSIGNAL, NULL, 0) = 400\n";
        assert_eq!(Answers::parse(trace), Answers { after_sync: 2, before_sync: 1 });
    }
}
