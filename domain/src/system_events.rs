//! Warnings and errors of the server itself, for operators who do not read its log.
//!
//! Written as well as can be: never twice a minute for the same thing by one instance, and not at
//! all when the database does not take it. Messages are of a small number of kinds, and hold nothing
//! secret; the log has the causes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use licentia_entity::system_event;
use licentia_types::ids::SystemEventId;
use licentia_types::pages::PageResponse;
use licentia_types::system_events::{SystemEventLevel, SystemEventResponse};
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryTrait};
use serde_json::Value;

use crate::context::{Context, Moment};
use crate::database::Lane;
use crate::failure::Failure;
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::Scope;

/// How long the same thing is not told again.
const QUIET: Seconds = Seconds::constant(60);
/// Most things that are remembered to have been told.
const MOST: usize = 256;

/// Something that an operator should know of.
#[derive(Debug)]
pub struct SystemEvent {
    /// How bad it is.
    pub level: SystemEventLevel,
    /// The part of the server.
    pub source: &'static str,
    /// What happened.
    pub message: String,
    /// What else is known of it.
    pub detail: Value,
    /// The request in which it happened.
    pub request_id: Option<String>,
}

/// What this instance told lately.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<HashMap<(&'static str, String), Timestamp>>);

impl Told {
    /// Whether it is time to tell this; remembers that it was.
    fn is_news(&self, source: &'static str, message: &str, now: Timestamp) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| *at <= now && now < *at + QUIET);
        let what = (source, message.to_owned());
        if told.len() >= MOST || told.contains_key(&what) {
            return false;
        }
        told.insert(what, now);
        true
    }
}

/// Writes it down, if it is news and the database takes it; tells whether it did. Whoever cannot write that
/// something failed does not try to write that.
pub async fn record(ctx: &Context, event: SystemEvent) -> bool {
    let moment = ctx.moment();
    ctx.told.is_news(event.source, &event.message, moment.now) && write(ctx, &moment, event).await.is_ok()
}

async fn write(ctx: &Context, moment: &Moment<'_>, event: SystemEvent) -> Result<(), Failure> {
    let row = system_event::ActiveModel {
        id: Set(SystemEventId::new(moment.new_uuid()?)),
        at: Set(moment.now),
        level: Set(event.level.as_str().to_owned()),
        source: Set(event.source.to_owned()),
        message: Set(event.message),
        detail: Set(event.detail),
        request_id: Set(event.request_id),
    };
    let tx = ctx.db.write(Lane::Ordinary).await?;
    system_event::Entity::insert(row).exec_without_returning(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Which of them a list shows.
#[derive(Clone, Debug, Default)]
pub struct SystemEventFilter {
    /// As bad as this.
    pub level: Option<SystemEventLevel>,
    /// From this part of the server.
    pub source: Option<String>,
}

/// A page of them.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    filter: SystemEventFilter,
    query: &PageQuery,
) -> Result<PageResponse<SystemEventResponse>, PageError> {
    use system_event::Column::{Id, Level, Message, RequestId, Source};
    let shown = matches!(scope, Scope::Everything);
    let source = filter.source.map(|text| if text.contains(char::is_control) { String::new() } else { text });
    let found = system_event::Entity::find()
        .apply_if((!shown).then_some(()), |select, ()| select.filter(Expr::value(false)))
        .apply_if(filter.level, |select, level| select.filter(Level.eq(level.as_str())))
        .apply_if(source, |select, source| select.filter(Source.eq(source)))
        .filter(search(query.q.as_deref(), &[Message, Source, RequestId]));
    let found = page(&ctx.db, found, Id, |event: &system_event::Model| event.id.uuid(), query).await?;
    Ok(found.map(render))
}

fn render(event: system_event::Model) -> SystemEventResponse {
    SystemEventResponse {
        id: event.id,
        at: event.at,
        level: if event.level == SystemEventLevel::Warning.as_str() {
            SystemEventLevel::Warning
        } else {
            SystemEventLevel::Error
        },
        source: event.source,
        message: event.message,
        detail: event.detail,
        request_id: event.request_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_news_once_a_minute() {
        let (told, at) = (Told::default(), Timestamp::from_seconds);
        assert!(told.is_news("job", "a failed", at(0)));
        assert!(!told.is_news("job", "a failed", at(59)));
        assert!(told.is_news("job", "b failed", at(59)) && told.is_news("request", "a failed", at(59)));
        assert!(told.is_news("job", "a failed", at(60)));
    }

    #[test]
    fn a_flood_of_different_things_is_cut_off() {
        let (told, at) = (Told::default(), Timestamp::from_seconds);
        let news = (0..1000).filter(|n| told.is_news("job", &n.to_string(), at(0))).count();
        assert_eq!(news, MOST);
        assert!(told.is_news("job", "later", at(60)));
    }

    #[test]
    fn a_clock_that_went_back_silences_nothing() {
        let (told, at) = (Told::default(), Timestamp::from_seconds);
        assert!(told.is_news("job", "a failed", at(1_000_000)));
        assert!(told.is_news("job", "a failed", at(0)));
    }
}
