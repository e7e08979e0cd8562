//! Whether the clock is right, as far as that can be known: the latest time that any instance has seen is stored, and a
//! clock that is far behind it, or far ahead of it, is not trusted with what it would do by itself.
//!
//! Machines are served all the same. Until the clock is right again, or somebody confirms it, jobs stop and the instance
//! is not ready.

use licentia_entity::clock_mark::{ActiveModel, Column, Entity};
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use serde_json::json;

use crate::actors::Caller;
use crate::audit;
use crate::context::Context;
use crate::database::Lane;
use crate::failure::Failure;

/// So far behind the mark a clock may be.
const BEHIND: Seconds = Seconds::constant(300);
/// So far ahead of it a clock is not believed any more.
const AHEAD: Seconds = Seconds::constant(86_400);
/// An older mark is raised: an idle server is to write little.
const RAISED_EVERY: Seconds = Seconds::constant(60);
/// Of the one row.
const ROW: i32 = 1;

/// What a clock is beside the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As far as can be known.
    Right,
    /// It went back, by so many seconds.
    Behind(i64),
    /// It leapt, by so many seconds.
    Ahead(i64),
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Right => f.write_str("the clock is right"),
            Self::Behind(seconds) => write!(f, "the clock is {seconds} s behind what it was"),
            Self::Ahead(seconds) => write!(f, "the clock is {seconds} s ahead of what it was"),
        }
    }
}

/// The rule. Deadlines are half-open.
fn judge(now: Timestamp, mark: Timestamp) -> Standing {
    let ahead = now.seconds() - mark.seconds();
    if now + BEHIND < mark {
        Standing::Behind(-ahead)
    } else if now >= mark + AHEAD {
        Standing::Ahead(ahead)
    } else {
        Standing::Right
    }
}

/// Compares the clock with the mark.
///
/// # Errors
/// When the database does not answer.
pub async fn look(ctx: &Context) -> Result<Standing, Failure> {
    let now = ctx.moment().now;
    Ok(find(&ctx.db).await?.map_or(Standing::Right, |mark| judge(now, mark)))
}

/// The same, and raises the mark while the clock is right. The first time of all is taken as it is.
///
/// # Errors
/// When the database does not answer.
pub async fn keep(ctx: &Context) -> Result<Standing, Failure> {
    let now = ctx.moment().now;
    let mark = find(&ctx.db).await?;
    let standing = mark.map_or(Standing::Right, |mark| judge(now, mark));
    let due = mark.is_none_or(|mark| now >= mark + RAISED_EVERY);
    if standing != Standing::Right || !due {
        return Ok(standing);
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    match mark {
        None => insert(&tx, now, OnConflict::column(Column::Id).do_nothing().to_owned()).await?,
        Some(mark) => {
            // Another instance may have raised it, or somebody have confirmed another time.
            let raise = Entity::update_many().col_expr(Column::At, now.into()).filter(Column::At.eq(mark));
            raise.exec(&tx).await?;
        }
    }
    tx.commit().await?;
    Ok(standing)
}

/// Takes the clock for right, whatever the mark says; gives the time that it shows.
///
/// # Errors
/// When the database fails.
pub async fn confirm(ctx: &Context, caller: &Caller) -> Result<Timestamp, Failure> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let before = find(&tx).await?;
    insert(&tx, moment.now, OnConflict::column(Column::Id).update_column(Column::At).to_owned()).await?;
    let detail = json!({"before": before.map(|mark| mark.to_string()), "now": moment.now.to_string()});
    audit::record(&tx, &moment, caller, audit::Event::new("clock.confirmed", &"clock", detail)).await?;
    tx.commit().await?;
    Ok(moment.now)
}

async fn find(db: &impl ConnectionTrait) -> Result<Option<Timestamp>, DbErr> {
    Ok(Entity::find_by_id(ROW).one(db).await?.map(|row| row.at))
}

async fn insert(db: &impl ConnectionTrait, at: Timestamp, or: OnConflict) -> Result<(), DbErr> {
    let row = ActiveModel { id: Set(ROW), at: Set(at) };
    Entity::insert(row).on_conflict(or).exec_without_returning(db).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_minutes_back_and_a_day_ahead_are_wrong() {
        let mark = Timestamp::from_seconds(1_000_000);
        let at = |seconds: i64| judge(Timestamp::from_seconds(1_000_000 + seconds), mark);
        assert_eq!((at(-300), at(-301)), (Standing::Right, Standing::Behind(301)));
        assert_eq!(
            (at(0), at(86_399), at(86_400)),
            (Standing::Right, Standing::Right, Standing::Ahead(86_400))
        );
    }
}
