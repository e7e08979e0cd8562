//! Background jobs: what is due is run once a second, by whichever instance gets the lease; and what
//! each instance does for itself.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::web;
use licentia_domain::api_keys;
use licentia_domain::changes;
use licentia_domain::clock_mark::Standing;
use licentia_domain::context::Context;
use licentia_domain::failure::Failure;
use licentia_domain::jobs::{self, Job, Ticked};
use licentia_domain::refusals;
use licentia_domain::sessions;
use licentia_domain::system_events::{self, SystemEvent};
use licentia_domain::usage;
use licentia_types::system_events::SystemEventLevel;
use licentia_types::time::{Seconds, Timestamp};
use serde_json::json;

use crate::problem;

const TICK: Duration = Duration::from_secs(1);
/// How often usage is written: a crash is to cost less than a second of it, however busy the database is.
const USAGE_TICK: Duration = Duration::from_millis(250);
/// How often it is written when API keys were used last.
const KEY_USES_TICK: Duration = Duration::from_mins(1);
const TICK_SECONDS: Seconds = Seconds::constant(1);
/// The source of what is told of the clock, and after how long that is told again.
const CLOCK: &str = "clock";
const CLOCK_AGAIN: Seconds = Seconds::constant(10);

/// Runs jobs until it is dropped. A job that fails is told of, and tried again soon.
pub(crate) async fn run(ctx: web::Data<Context>) {
    tokio::join!(run_among(&ctx, |job| !job.reaches_out()), run_among(&ctx, Job::reaches_out));
}

async fn run_among(ctx: &Context, some: fn(Job) -> bool) {
    let mut timer = tokio::time::interval(TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = Told::default();
    loop {
        timer.tick().await;
        let now = ctx.moment().now;
        match jobs::tick(ctx, some).await {
            Ok(Ticked::Ran(failed)) => {
                for (job, failure) in failed {
                    if told.is_news(job.name(), job.retry(), now) {
                        let error = problem::causes(&failure);
                        tracing::error!(job.name = job.name(), error, "a job failed");
                        tell(ctx, job, &failure).await;
                    }
                }
            }
            Ok(Ticked::Stopped(standing)) => tell_of_clock(ctx, standing).await,
            // Without a database: it could not be told there either.
            Err(failure) => {
                if told.is_news(CLOCK, CLOCK_AGAIN, now) {
                    let error = problem::causes(&failure);
                    tracing::error!(error, "the clock cannot be compared: jobs wait");
                }
            }
        }
    }
}

/// Once a minute: nothing runs by itself until somebody has seen to it.
async fn tell_of_clock(ctx: &Context, standing: Standing) {
    let event = SystemEvent {
        level: SystemEventLevel::Error,
        source: CLOCK,
        message: "the clock cannot be right: jobs are stopped".to_owned(),
        detail: json!({"found": standing.to_string()}),
        request_id: None,
    };
    if system_events::record(ctx, event).await {
        tracing::error!(
            found = %standing,
            "the clock cannot be right: jobs are stopped. Set it, or run `licentia clock confirm`"
        );
    }
}

/// When it was last told that something failed. Without a database it fails before it has a turn, so
/// nothing says that it is not to be tried again before long.
#[derive(Debug, Default)]
struct Told(HashMap<&'static str, Timestamp>);

impl Told {
    /// Whether it is time to tell this; remembers that it was.
    fn is_news(&mut self, name: &'static str, again: Seconds, now: Timestamp) -> bool {
        // A tick less than the time after which it is tried again: such a failure is always told.
        let told = self.0.get(name).is_some_and(|at| *at <= now && now + TICK_SECONDS < *at + again);
        if !told {
            self.0.insert(name, now);
        }
        !told
    }
}

/// Operators read of it with its class alone: the causes are in the log.
async fn tell(ctx: &Context, job: Job, failure: &Failure) {
    let event = SystemEvent {
        level: SystemEventLevel::Error,
        source: "job",
        message: format!("the job {} failed: {failure}", job.name()),
        detail: json!({"job": job.name()}),
        request_id: None,
    };
    system_events::record(ctx, event).await;
}

/// Writes down what this instance keeps in memory, until it is dropped. Runs wherever requests are
/// answered, whoever runs the jobs.
pub(crate) async fn keep_notes(ctx: web::Data<Context>) {
    let mut timer = tokio::time::interval(TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        write_notes(&ctx).await;
    }
}

/// Writes down when API keys were used last, until it is dropped.
pub(crate) async fn keep_key_uses(ctx: web::Data<Context>) {
    let mut timer = tokio::time::interval(KEY_USES_TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        write_key_uses(&ctx).await;
    }
}

/// The same, once.
pub(crate) async fn write_key_uses(ctx: &Context) {
    if let Err(failure) = api_keys::write_uses(ctx).await {
        tracing::error!(error = %failure, "the last uses of API keys were not written; they will be tried again");
    }
}

/// Hears of what other instances change, until it is dropped.
pub(crate) async fn hear_of_changes(ctx: web::Data<Context>) {
    let failed = |error: &(dyn std::error::Error + 'static)| {
        tracing::warn!(
            error = problem::causes(error),
            "changes of other instances are not heard, and looked for"
        );
    };
    changes::listen(&ctx, failed).await;
}

/// The same as [`keep_notes`], once.
pub(crate) async fn write_notes(ctx: &Context) {
    if let Err(failure) = sessions::write_refusals(ctx).await {
        tracing::error!(error = %failure, "refused sign-ins were not written; they will be tried again");
    }
    match refusals::flush(ctx).await {
        Ok(0) => {}
        Ok(lost) => tracing::warn!(lost, "more was refused at once than is kept for support"),
        Err(failure) => {
            tracing::error!(error = %failure, "refusals were not written; they will be tried again");
        }
    }
}

/// Writes down what was used, until it is dropped. While the database goes on not taking it this is tried once a second.
pub(crate) async fn keep_usage(ctx: web::Data<Context>) {
    let mut timer = tokio::time::interval(USAGE_TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failed = false;
    loop {
        timer.tick().await;
        let fails = write_usage(&ctx).await.is_err();
        if fails && failed {
            tokio::time::sleep(TICK).await;
        }
        failed = fails;
    }
}

/// The same at the end, when nothing is tried again.
pub(crate) async fn write_last_usage(ctx: &Context) {
    if write_usage(ctx).await.is_err() {
        tracing::error!(lost = usage::unwritten(ctx), "usage was lost");
    }
}

/// The same, once. What was lost is told, when it can be.
async fn write_usage(ctx: &Context) -> Result<(), Failure> {
    let written = usage::flush(ctx).await;
    if let Err(failure) = &written {
        tracing::error!(
            error = problem::causes(failure),
            "usage was not written; what is surely not written will be tried again"
        );
    }
    let lost = usage::lost(ctx);
    if lost > 0 && tell_of_loss(ctx, lost).await {
        tracing::warn!(lost, "usage was lost");
        usage::told(ctx, lost);
    }
    written
}

/// Whether it could be told.
async fn tell_of_loss(ctx: &Context, lost: u64) -> bool {
    let event = SystemEvent {
        level: SystemEventLevel::Warning,
        source: "usage",
        message: "usage was counted that could not be written".to_owned(),
        detail: json!({"lost": lost}),
        request_id: None,
    };
    system_events::record(ctx, event).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_fails_every_second_is_told_of_once_in_each_period() {
        let (mut told, at) = (Told::default(), Timestamp::from_seconds);
        let news = |told: &mut Told, job: Job, range: std::ops::Range<i64>| {
            range.filter(|second| told.is_news(job.name(), job.retry(), at(*second))).collect::<Vec<_>>()
        };
        // Tried again after 10 s, and after 60.
        assert_eq!(news(&mut told, Job::SealAudit, 0..20), [0, 9, 18]);
        assert_eq!(news(&mut told, Job::RotateKeys, 5..125), [5, 64, 123]);
        assert_eq!(news(&mut told, Job::SealAudit, 28..29), [28]);
    }

    #[test]
    fn a_clock_that_went_back_silences_nothing() {
        let mut told = Told::default();
        assert!(told.is_news(CLOCK, CLOCK_AGAIN, Timestamp::from_seconds(1_000_000)));
        assert!(told.is_news(CLOCK, CLOCK_AGAIN, Timestamp::from_seconds(5)));
    }
}
