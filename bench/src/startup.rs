//! What the release binary takes before anybody asks it anything.

use std::time::Duration;

use serde::Serialize;

use crate::server::Installation;
use crate::statistics::{median, micros, number};

const STARTS: u32 = 3;
/// Until a server that was asked nothing has settled.
const SETTLING: Duration = Duration::from_secs(2);
/// Of memory, as tools show it.
pub(crate) const MEBIBYTE: f64 = 1_048_576.0;
/// Of a file.
const MEGABYTE: f64 = 1_000_000.0;

/// Of the binary, on a database with its keys.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Startup {
    /// From its start until it is ready; the median of some.
    pub(crate) ready_ms: f64,
    /// Resident memory when nobody asks; MiB.
    pub(crate) idle_rss_mb: f64,
    pub(crate) binary_mb: f64,
}

impl Startup {
    pub(crate) async fn measure(installation: &Installation) -> anyhow::Result<Self> {
        let (mut ready, mut idle) = (Vec::new(), 0);
        for start in 1..=STARTS {
            let (process, took) = installation.start().await?;
            ready.push(micros(took) / 1e3);
            if start == STARTS {
                tokio::time::sleep(SETTLING).await;
                idle = process.resident()?;
            }
            process.stop().await?;
        }
        Ok(Self {
            ready_ms: median(ready).unwrap_or_default(),
            idle_rss_mb: number(idle) / MEBIBYTE,
            binary_mb: number(installation.binary_bytes()?) / MEGABYTE,
        })
    }
}
