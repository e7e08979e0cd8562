//! The threads that serve batches: heartbeats, machines that come for the first time, keys that are looked up, and
//! tokens that are signed together.

use std::io;
use std::num::NonZeroUsize;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::web;
use licentia_domain::context::Context;
use licentia_domain::failure::Failure;
use licentia_domain::lanes::Signer;
use licentia_domain::{activations, heartbeats, lanes, validation};
use tokio::sync::oneshot;

use crate::signer;

/// After a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// Serves batches until it is dropped.
pub(crate) async fn serve(ctx: web::Data<Context>) {
    let heartbeats = keep("heartbeats", &ctx, async |ctx| heartbeats::serve(ctx).await);
    let arrivals = keep("arrivals", &ctx, async |ctx| activations::serve(ctx).await);
    let keys = keep("keys", &ctx, async |ctx| validation::serve(ctx).await);
    let signing = async {
        if lanes::signer(&ctx) == Signer::Lanes {
            let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
            let each = (0..processors).map(|_| keep("signing", &ctx, sign));
            futures_util::future::join_all(each).await;
        }
    };
    tokio::join!(heartbeats, arrivals, keys, signing);
}

async fn sign(ctx: &Context) -> Result<(), Failure> {
    lanes::serve(ctx, |faults| signer::tell_fault(ctx, faults)).await;
    Ok(())
}

/// What a thread serves.
trait Service: AsyncFn(&Context) -> Result<(), Failure> + Copy + Send + 'static {}

impl<S: AsyncFn(&Context) -> Result<(), Failure> + Copy + Send + 'static> Service for S {}

/// Each kind of batch has a thread of its own, and signing one for each processor: nothing else is to hold it up, and a runtime of one thread
/// wakes nobody in vain. When something panicked in a batch, those who waited in it are told that it failed,
/// and the next ones are served.
async fn keep(name: &'static str, ctx: &web::Data<Context>, service: impl Service) {
    loop {
        match Thread::begin(name, ctx.clone(), service) {
            Ok(mut thread) => {
                thread.ended().await;
                tracing::error!(thread = name, "a batch was lost");
            }
            Err(error) => {
                tracing::error!(thread = name, error = %error, "a thread does not start");
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// A thread that ends when this is dropped.
struct Thread {
    stop: Option<oneshot::Sender<()>>,
    ended: oneshot::Receiver<()>,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    fn begin(name: &str, ctx: web::Data<Context>, service: impl Service) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel::<()>();
        let handle = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Dropped with the thread, however it ends.
            let _end = end;
            runtime.block_on(async {
                tokio::select! {
                    served = service(&ctx) => {
                        if let Err(failure) = served {
                            tracing::error!(error = %failure, "batches are not served");
                        }
                    }
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { stop: Some(stop), ended, handle: Some(handle) })
    }

    async fn ended(&mut self) {
        // Nothing is ever sent.
        drop((&mut self.ended).await);
    }
}

impl Drop for Thread {
    /// Waits for it: the database is closed next. It ends wherever it waits for something.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(handle) = self.handle.take() {
            // That it panicked was told already.
            drop(handle.join());
        }
    }
}
