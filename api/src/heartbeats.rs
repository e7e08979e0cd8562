//! The thread that commits heartbeats, a batch at a time.

use std::time::Duration;

use actix_web::web;
use licentia_domain::context::Context;
use licentia_domain::heartbeats;
use tokio::sync::oneshot;

/// After a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// Commits heartbeats until it is dropped, on a thread of its own: nothing else is to hold them up, and a
/// runtime of one thread wakes nobody in vain. When something panicked in a batch, those who waited
/// in it are told that it failed, and the next ones are served.
pub(crate) async fn serve(ctx: web::Data<Context>) {
    loop {
        match begin(ctx.clone()) {
            Ok(thread) => {
                thread.ended().await;
                tracing::error!("a batch of heartbeats was lost");
            }
            Err(error) => {
                tracing::error!(error = %error, "the thread that commits heartbeats does not start");
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// A thread that ends when this is dropped.
struct Thread {
    _stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

fn begin(ctx: web::Data<Context>) -> std::io::Result<Thread> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let (end, ended) = oneshot::channel::<()>();
    std::thread::Builder::new().name("heartbeats".to_owned()).spawn(move || {
        // Dropped with the thread, however it ends.
        let _end = end;
        runtime.block_on(async {
            tokio::select! {
                () = heartbeats::serve(&ctx) => {}
                _ = stopped => {}
            }
        });
    })?;
    Ok(Thread { _stop: stop, ended })
}

impl Thread {
    async fn ended(self) {
        // Nothing is ever sent.
        drop(self.ended.await);
    }
}
