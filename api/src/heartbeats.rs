//! The task that commits heartbeats, a batch at a time.

use actix_web::web;
use licentia_domain::context::Context;
use licentia_domain::heartbeats;

/// Commits heartbeats until it is dropped, on a task of its own: nothing else is to hold them up. Those
/// of a batch in which something panicked are told that they failed, and the next ones are served.
pub(crate) async fn serve(ctx: web::Data<Context>) {
    loop {
        let ctx = ctx.clone();
        let task = Task(tokio::spawn(async move { heartbeats::serve(&ctx).await }));
        if task.ended().await {
            tracing::error!("a batch of heartbeats was lost");
        }
    }
}

/// A task that ends with whoever waits for it.
struct Task(tokio::task::JoinHandle<()>);

impl Task {
    /// Whether it was lost.
    async fn ended(mut self) -> bool {
        (&mut self.0).await.is_err()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
