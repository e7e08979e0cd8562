//! A slow network that cuts connections, in the midst of requests and of answers.

use std::net::SocketAddr;
use std::time::Duration;

use licentia_bench::process::free_address;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Stage;
use crate::run::Run;

/// The longest piece that is passed on at once, and the longest wait before it.
const PIECE: usize = 400;
const WAIT: Duration = Duration::from_millis(3);
/// Of so many pieces, one is the last.
const CUT: u32 = 60;

pub(crate) async fn run(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    for cluster in stage.databases() {
        let (run, process) =
            Run::begin(stage.plan, "a cutting network", cluster.as_ref(), |server| server).await?;
        let door = free_address()?;
        let listener = TcpListener::bind(door).await?;
        let proxy = tokio::task::spawn_local(pass_on(listener, run.server.address()));
        run.world.open_doors(vec![door]);
        let mut clients = run.clients();
        // The last ones may wait for calm water.
        let expected = run.expected();
        while run.world.answered() < expected * 9 / 10 && clients.are_at_work()? {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        run.world.open_doors(vec![run.server.address()]);
        run.end(clients, &mut stage.tally).await?;
        proxy.abort();
        drop(process);
    }
    Ok(())
}

async fn pass_on(listener: TcpListener, server: SocketAddr) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::task::spawn_local(async move {
            let Ok(server) = TcpStream::connect(server).await else { return };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            // When one way is cut, the whole connection is.
            tokio::select! {
                () = slowly(from_client, to_server) => {}
                () = slowly(from_server, to_client) => {}
            }
        });
    }
}

/// Until it is cut.
async fn slowly(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let mut piece = [0; PIECE];
    loop {
        let room = fastrand::usize(1..=PIECE);
        let Some(part) = piece.get_mut(..room) else { return };
        let Ok(length @ 1..) = from.read(part).await else { return };
        tokio::time::sleep(WAIT.mul_f64(fastrand::f64())).await;
        if fastrand::u32(..CUT) == 0 {
            return;
        }
        let Some(part) = part.get(..length) else { return };
        if to.write_all(part).await.is_err() {
            return;
        }
    }
}
