//! The audit log, a page at a time.

use std::collections::HashMap;

use licentia_entity::{audit_event, audit_link};
use licentia_types::audit::{AuditActor, AuditEventResponse};
use licentia_types::ids::{AuditEventId, CustomerId, LicenseId};
use licentia_types::pages::PageResponse;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
};

use crate::context::Context;
use crate::licenses;
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::Scope;

/// Which entries a list shows.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this action.
    pub action: Option<String>,
    /// By actors of this kind.
    pub actor_kind: Option<String>,
    /// By this actor.
    pub actor_id: Option<String>,
    /// On this licence.
    pub license_id: Option<LicenseId>,
    /// Done to this.
    pub subject: Option<String>,
    /// Not before this.
    pub from: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
}

/// A page of the audit log.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    filter: AuditFilter,
    query: &PageQuery,
) -> Result<PageResponse<AuditEventResponse>, PageError> {
    use audit_event::Column::{Action, ActorId, Id, RequestId, Subject};
    let found = chosen(select(scope), filter)
        .filter(search(query.q.as_deref(), &[Action, Subject, ActorId, RequestId]));
    let found = page(&ctx.db, found, Id, |event: &audit_event::Model| event.id.uuid(), query).await?;
    let positions = positions(ctx, &found.items).await?;
    Ok(found.map(|event| render(event, &positions)))
}

/// The part of the log that somebody may see.
pub(crate) fn select(scope: Scope) -> Select<audit_event::Entity> {
    use audit_event::Column::{At, GroupId, LicenseId};
    match scope {
        Scope::Everything => audit_event::Entity::find(),
        Scope::Groups(groups) => {
            let own = |column| Expr::col((audit_event::Entity, column));
            let of_license = licenses::store::is_within_since(&groups, own(LicenseId), own(At));
            let of_group = GroupId.is_in(groups.ids().iter().copied());
            let inside = Condition::any().add(of_group).add(of_license);
            audit_event::Entity::find().filter(inside)
        }
        // The log is for operators.
        Scope::Customer(_) | Scope::License(_) | Scope::Activation(_) | Scope::Nothing => {
            audit_event::Entity::find().filter(Expr::value(false))
        }
    }
}

/// What a customer did, and what was done about him: of each the newest, at most so many. In the words of the partial
/// indexes: with values in their place SQLite would not know that they are meant.
pub(crate) async fn of_customer(
    db: &impl ConnectionTrait,
    id: CustomerId,
    most: u64,
) -> Result<(Vec<audit_event::Model>, Vec<audit_event::Model>), DbErr> {
    Ok((by_customer(id).limit(most).all(db).await?, about_customer(id).limit(most).all(db).await?))
}

/// What is asked for it, with the indexes that answer.
#[must_use]
pub fn statements() -> [(String, &'static str); 2] {
    let id = CustomerId::new(uuid::Uuid::nil());
    [
        (by_customer(id).limit(7).build(DbBackend::Sqlite).to_string(), "audit_event_by_customer"),
        (about_customer(id).limit(7).build(DbBackend::Sqlite).to_string(), "audit_event_about_customer"),
    ]
}

fn by_customer(id: CustomerId) -> Select<audit_event::Entity> {
    audit_event::Entity::find()
        .filter(Expr::cust("actor_kind = 'customer'"))
        .filter(audit_event::Column::ActorId.eq(id.to_string()))
        .order_by_desc(audit_event::Column::Id)
}

fn about_customer(id: CustomerId) -> Select<audit_event::Entity> {
    audit_event::Entity::find()
        .filter(Expr::cust("substr(subject, 1, 4) = 'cus_'"))
        .filter(audit_event::Column::Subject.eq(id.to_string()))
        .order_by_desc(audit_event::Column::Id)
}

/// Whether somebody did the same to a licence since `from`: not each try of many needs an entry of its own.
pub(crate) async fn did_lately(
    db: &impl ConnectionTrait,
    who: CustomerId,
    (action, license): (&str, LicenseId),
    from: Timestamp,
) -> Result<bool, DbErr> {
    use audit_event::Column::{Action, At, LicenseId};
    let same = by_customer(who)
        .filter(Action.eq(action))
        .filter(LicenseId.eq(license))
        .filter(At.gt(from))
        .select_only()
        .column(At);
    Ok(same.into_tuple::<Timestamp>().one(db).await?.is_some())
}

fn chosen(select: Select<audit_event::Entity>, filter: AuditFilter) -> Select<audit_event::Entity> {
    use audit_event::Column::{Action, ActorId, ActorKind, At, LicenseId, Subject};
    let texts = [
        (Action, filter.action),
        (ActorKind, filter.actor_kind),
        (ActorId, filter.actor_id),
        (Subject, filter.subject),
    ];
    texts
        .into_iter()
        .fold(select, |select, (column, text)| {
            // No entry holds control characters, and PostgreSQL refuses to look for NUL.
            let text = text.map(|text| if text.contains(char::is_control) { String::new() } else { text });
            select.apply_if(text, |select, text| select.filter(column.eq(text)))
        })
        .apply_if(filter.license_id, |select, id| select.filter(LicenseId.eq(id)))
        .apply_if(filter.from, |select, from| select.filter(At.gte(from)))
        .apply_if(filter.until, |select, until| select.filter(At.lt(until)))
}

async fn positions(
    ctx: &Context,
    events: &[audit_event::Model],
) -> Result<HashMap<AuditEventId, i64>, DbErr> {
    let ids = events.iter().map(|event| event.id);
    let found: Vec<(AuditEventId, i64)> = audit_link::Entity::find()
        .select_only()
        .columns([audit_link::Column::EventId, audit_link::Column::Position])
        .filter(audit_link::Column::EventId.is_in(ids))
        .into_tuple()
        .all(&ctx.db)
        .await?;
    Ok(found.into_iter().collect())
}

fn render(event: audit_event::Model, positions: &HashMap<AuditEventId, i64>) -> AuditEventResponse {
    AuditEventResponse {
        position: positions.get(&event.id).copied(),
        id: event.id,
        at: event.at,
        actor: AuditActor { kind: event.actor_kind, id: event.actor_id },
        action: event.action,
        subject: event.subject,
        license_id: event.license_id,
        detail: event.detail,
        ip: event.ip,
        request_id: event.request_id,
    }
}
