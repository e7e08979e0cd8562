//! A backup is restored: whoever was there when it was made goes on, whatever his nonce is by now; whoever came later
//! activates again.

use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use licentia_bench::process::Process;
use sea_orm::ConnectionTrait;

use super::Stage;
use crate::checker::{Fault, Finding};
use crate::history::{Ask, Said};
use crate::postgres::Cluster;
use crate::run::Run;
use crate::workload::{self, Held};

const LICENSES: u32 = 10;
const BEATS: u32 = 9;

pub(crate) async fn run(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    for cluster in stage.databases() {
        let (run, process) =
            Run::begin(stage.plan, "a restored backup", cluster.as_ref(), |server| server).await?;
        run.world.set_calm(true);
        let mut findings = Vec::new();
        let mut held = Vec::new();
        let mut client = run.client();
        for number in 0..LICENSES {
            let mut licence =
                workload::fill(&mut client, format!("backup-{number}-{}", run.world.tick())).await?;
            workload::beat_all(&mut client, &mut licence, BEATS, "active", &mut findings).await?;
            held.push(licence);
        }
        let backup = run.folder().join("backup");
        save(&run, cluster.as_ref(), &backup).await?;
        for licence in &mut held {
            workload::beat_all(&mut client, licence, BEATS, "active", &mut findings).await?;
        }
        let late = workload::fill(&mut client, "backup-late".to_owned()).await?;
        restore(&run, cluster.as_ref(), process, &backup)?;
        let (process, _) = run.server.start().await?;

        let before = run.world.history().len();
        for licence in &mut held {
            workload::beat_all(&mut client, licence, BEATS, "active", &mut findings).await?;
        }
        let locked_out =
            run.world.history().split_off(before).into_iter().filter_map(|entry| match entry.said {
                Said::Refused(what) => {
                    Some(Finding::new(Fault::LockedOut, format!("after a restore: {what}")))
                }
                _ => None,
            });
        findings.extend(locked_out);
        late_ones_come_again(&run, late).await?;
        let history = run.world.history().split_off(before);
        let name = run.name.clone();
        stage.tally.checked(&name, &history, findings);
        drop(process);
    }
    Ok(())
}

async fn save(run: &Run<'_>, cluster: Option<&Arc<Cluster>>, backup: &Path) -> anyhow::Result<()> {
    if let Some(cluster) = cluster {
        return cluster.dump(&run.database, backup);
    }
    let file = format!("sqlite://{}", run.database_file().display());
    let connection = sea_orm::Database::connect(file).await?;
    connection.execute_unprepared(&format!("VACUUM INTO '{}'", backup.display())).await?;
    Ok(connection.close().await?)
}

fn restore(
    run: &Run<'_>,
    cluster: Option<&Arc<Cluster>>,
    process: Process,
    backup: &Path,
) -> anyhow::Result<()> {
    drop(process);
    if let Some(cluster) = cluster {
        return cluster.restore(&run.database, backup);
    }
    let file = run.database_file();
    for end in ["-wal", "-shm"] {
        let beside = file.with_extension(format!("db{end}"));
        if beside.exists() {
            std::fs::remove_file(beside)?;
        }
    }
    std::fs::copy(backup, file)?;
    Ok(())
}

/// Their licence went with the restore: the shop sells it again, under the same Idempotency-Key, and they come in.
async fn late_ones_come_again(run: &Run<'_>, late: Held) -> anyhow::Result<()> {
    let mut client = run.client();
    let issue = Ask::Issue { once: format!("{}-issue", late.name), seats: 3 };
    let Said::Issued { license, .. } = client.settle(issue).await? else {
        bail!("no licence was issued again");
    };
    for machine in late.machines {
        let ask = Ask::Activate { license, fingerprint: machine.fingerprint };
        if !matches!(client.settle(ask).await?, Said::Seated { .. }) {
            bail!("a machine that came after the backup was not let in again");
        }
    }
    Ok(())
}
