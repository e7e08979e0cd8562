//! What runs by itself: a closed table of jobs, each run by one instance at a time.
//!
//! A job is due at a time that stands in its row. Whoever runs it has a [`Turn`], a lease; an
//! instance that dies lets go of it by the clock. A job may run twice, so whatever it does is safe
//! to repeat.

use licentia_entity::job;
use licentia_types::time::Seconds;
use sea_orm::{Condition, EntityTrait};

use crate::activations;
use crate::audit::{checkpoints, sealing};
use crate::clock_mark::{self, Standing};
use crate::context::Context;
use crate::failure::Failure;
use crate::{accounts, expiry_notices, imports, mail, purging, signing_keys};

pub(crate) use turn::{Left, Turn};

mod due;
mod turn;

/// A job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Signing keys rotate and retire, and one always waits.
    RotateKeys,
    /// Chains what the audit log has got since.
    SealAudit,
    /// Signs the head of that chain.
    Checkpoint,
    /// Tells of licences that expire soon, or have expired.
    ExpiryNotices,
    /// Forgets what has been kept for long enough.
    Purge,
    /// Frees the seats of floating machines that fell silent.
    LapseFloating,
    /// Takes in what was sent to be imported.
    Import,
    /// Answers by letter what was asked about addresses.
    Accounts,
    /// Writes letters of what happened.
    WriteMail,
    /// Sends letters.
    SendMail,
}

impl Job {
    /// Every job.
    pub const ALL: &'static [Self] = &[
        Self::RotateKeys,
        Self::LapseFloating,
        Self::SealAudit,
        Self::Checkpoint,
        Self::ExpiryNotices,
        Self::Purge,
        Self::Import,
        Self::Accounts,
        Self::WriteMail,
        Self::SendMail,
    ];

    /// Its name in the table and in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RotateKeys => "rotate_keys",
            Self::SealAudit => "seal_audit",
            Self::Checkpoint => "checkpoint",
            Self::ExpiryNotices => "expiry_notices",
            Self::Purge => "purge",
            Self::LapseFloating => "lapse_floating",
            Self::Import => "import",
            Self::Accounts => "accounts",
            Self::WriteMail => "write_mail",
            Self::SendMail => "send_mail",
        }
    }

    /// Whether it waits for others, who may take their time: no other job is to wait for that.
    #[must_use]
    pub const fn reaches_out(self) -> bool {
        matches!(self, Self::SendMail)
    }

    /// How long after one run the next is due.
    #[must_use]
    #[expect(clippy::match_same_arms, reason = "one line a job")]
    pub const fn every(self) -> Seconds {
        match self {
            Self::RotateKeys => Seconds::constant(60),
            Self::SealAudit => Seconds::constant(1),
            Self::Checkpoint => Seconds::constant(3_600),
            Self::ExpiryNotices => Seconds::constant(60),
            Self::Purge => Seconds::constant(3_600),
            Self::LapseFloating => Seconds::constant(15),
            Self::Import => Seconds::constant(1),
            Self::Accounts => Seconds::constant(1),
            Self::WriteMail => Seconds::constant(1),
            Self::SendMail => Seconds::constant(1),
        }
    }

    /// How long after a run that failed the next is due: soon, but no storm of failures.
    #[must_use]
    pub fn retry(self) -> Seconds {
        self.every().clamp(Seconds::constant(10), Seconds::constant(60))
    }

    /// Whether there is anything to do: a cheap read, so that an idle server writes nothing.
    #[expect(clippy::match_same_arms, reason = "one line a job")]
    async fn has_work(self, ctx: &Context) -> Result<bool, Failure> {
        match self {
            Self::RotateKeys => Ok(true),
            Self::SealAudit => sealing::has_work(ctx).await,
            Self::Checkpoint => checkpoints::has_work(ctx).await,
            Self::ExpiryNotices => Ok(true),
            Self::Purge => Ok(true),
            Self::LapseFloating => Ok(true),
            Self::Import => imports::has_work(ctx).await,
            Self::Accounts => accounts::has_work(ctx).await,
            Self::WriteMail => mail::writing::has_work(ctx).await,
            Self::SendMail => mail::sending::has_work(ctx).await,
        }
    }

    /// Does what is due since `turn.since`, as of `turn.now`.
    async fn work(self, ctx: &Context, turn: &Turn) -> Result<Left, Failure> {
        match self {
            Self::RotateKeys => signing_keys::keep_up(ctx).await?,
            Self::SealAudit => return sealing::seal(ctx, turn).await,
            Self::Checkpoint => checkpoints::write(ctx).await?,
            Self::ExpiryNotices => expiry_notices::tell(ctx, turn).await?,
            Self::Purge => return purging::purge(ctx, turn.now).await,
            Self::LapseFloating => activations::lapse_floating(ctx).await?,
            Self::Import => return imports::work(ctx, turn).await,
            Self::Accounts => return accounts::work(ctx).await,
            Self::WriteMail => return mail::writing::work(ctx, turn).await,
            Self::SendMail => return mail::sending::work(ctx, turn).await,
        }
        Ok(Left::Nothing)
    }
}

/// What came of a look at the jobs.
#[derive(Debug)]
pub enum Ticked {
    /// What was due was run; those that failed.
    Ran(Vec<(Job, Failure)>),
    /// The clock is not to be trusted with any of them.
    Stopped(Standing),
}

/// Runs what is due of some of the jobs, if the clock is right.
///
/// # Errors
/// When that cannot be known.
pub async fn tick(ctx: &Context, some: fn(Job) -> bool) -> Result<Ticked, Failure> {
    match clock_mark::keep(ctx).await? {
        Standing::Right => Ok(Ticked::Ran(run_due_among(ctx, some).await)),
        wrong => Ok(Ticked::Stopped(wrong)),
    }
}

/// Runs every job that is due and that no other instance is at. Gives those that failed; one
/// that does keeps no other from running.
pub async fn run_due(ctx: &Context) -> Vec<(Job, Failure)> {
    run_due_among(ctx, |_| true).await
}

/// The same for some of them.
pub async fn run_due_among(ctx: &Context, some: fn(Job) -> bool) -> Vec<(Job, Failure)> {
    let mut failed = Vec::new();
    for job in Job::ALL.iter().filter(|job| some(**job)) {
        if let Err(failure) = run_if_due(ctx, *job).await {
            failed.push((*job, failure));
        }
    }
    failed
}

/// Runs `job` now, due or not, unless another instance is at it.
///
/// # Errors
/// When it fails.
pub async fn run(ctx: &Context, job: Job) -> Result<(), Failure> {
    run_when(ctx, job, Condition::all()).await
}

async fn run_if_due(ctx: &Context, job: Job) -> Result<(), Failure> {
    let now = ctx.moment().now;
    // A job without a row never ran: it is run at once, so that its row says since when it runs.
    let row = job::Entity::find_by_id(job.name().to_owned()).one(&ctx.db).await?;
    if let Some(row) = row
        && (!due::is_due(job, &row, now) || !due::is_free(&row, now) || !job.has_work(ctx).await?)
    {
        return Ok(());
    }
    // Between that look and the lease another instance may have run it.
    run_when(ctx, job, due::due(job, now)).await
}

async fn run_when(ctx: &Context, job: Job, condition: Condition) -> Result<(), Failure> {
    let Some(turn) = Turn::take(ctx, job, condition).await? else { return Ok(()) };
    match job.work(ctx, &turn).await {
        Ok(Left::Nothing) => turn.done(ctx).await,
        Ok(Left::More) => turn.pause(ctx).await,
        Err(failure) => {
            // When not even this is written, the lease ends by the clock; the first failure tells more.
            let _ = turn.failed(ctx).await;
            Err(failure)
        }
    }
}
