//! Tokens that are good once: for the first admin of all (`lst_…`), and for setting a password (`lpt_…`), an admin's or a
//! customer's. Only their digests are kept.

use licentia_crypto::digests::bearer_secret;
use licentia_entity::admin;
use licentia_entity::one_time_token::{Column, Entity, Model};
use licentia_types::text::RoleName;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use secrecy::{ExposeSecret, SecretString};

use crate::actors::Person;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;

const SETUP: &str = "lst_";
const PASSWORD: &str = "lpt_";
/// So many tokens that come by letters somebody has at once: within an hour, nobody fills his box.
pub(crate) const MOST_MAILED: u64 = 3;
/// How long a token is good that somebody hands over.
pub(crate) const HANDED_OVER: Seconds = Seconds::constant(86_400);
/// How long a token is good that was asked for and comes by a letter.
pub(crate) const MAILED: Seconds = Seconds::constant(3_600);

/// A token for the first admin of all.
pub(crate) async fn for_setup(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
) -> Result<SecretString, Failure> {
    let token = bearer_secret(SETUP, moment.random()?);
    insert(tx, moment.now, (setup_digest(ctx, token.expose_secret()), None), HANDED_OVER).await?;
    Ok(token)
}

/// A token by which somebody sets his password, and its end.
pub(crate) async fn for_password(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    owner: Person,
    life: Seconds,
) -> Result<(SecretString, Timestamp), Failure> {
    let token = bearer_secret(PASSWORD, moment.random()?);
    let digest = password_digest(ctx, token.expose_secret());
    insert(tx, moment.now, (digest, Some(owner)), life).await?;
    Ok((token, moment.now + life))
}

async fn insert(
    tx: &WriteTx,
    now: Timestamp,
    (digest, owner): (Vec<u8>, Option<Person>),
    life: Seconds,
) -> Result<(), DbErr> {
    // Few are made: whoever makes one clears away what nobody used.
    Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(tx).await?;
    let (admin_id, customer_id) = match owner {
        None => (None, None),
        Some(Person::Admin(id)) => (Some(id), None),
        Some(Person::Customer(id)) => (None, Some(id)),
    };
    let token = Model { digest, admin_id, customer_id, expires_at: now + life };
    Entity::insert(token.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

pub(crate) fn setup_digest(ctx: &Context, token: &str) -> Vec<u8> {
    ctx.secrets.digests.digest("setup_token", token.as_bytes()).to_vec()
}

pub(crate) fn password_digest(ctx: &Context, token: &str) -> Vec<u8> {
    ctx.secrets.digests.digest("password_token", token.as_bytes()).to_vec()
}

/// For whom the token is.
pub(crate) fn owner(token: &Model) -> Option<Person> {
    token.admin_id.map(Person::Admin).or(token.customer_id.map(Person::Customer))
}

/// The token, while it is good.
pub(crate) async fn find(
    db: &impl ConnectionTrait,
    digest: &[u8],
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(digest.to_vec()).filter(Column::ExpiresAt.gt(now)).one(db).await
}

/// Uses a token up; false when somebody else did, or its time is over.
pub(crate) async fn take(
    tx: &WriteTx,
    digest: &[u8],
    owner: Option<Person>,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let delete = Entity::delete_many().filter(Column::Digest.eq(digest)).filter(Column::ExpiresAt.gt(now));
    Ok(delete.filter(of(owner)).exec(tx).await?.rows_affected == 1)
}

/// Those of somebody; of nobody are those for the first admin.
fn of(owner: Option<Person>) -> Condition {
    let all = Condition::all();
    match owner {
        None => all.add(Column::AdminId.is_null()).add(Column::CustomerId.is_null()),
        Some(Person::Admin(id)) => all.add(Column::AdminId.eq(id)),
        Some(Person::Customer(id)) => all.add(Column::CustomerId.eq(id)),
    }
}

/// How many tokens somebody has that are good.
pub(crate) async fn count_of(db: &impl ConnectionTrait, owner: Person, now: Timestamp) -> Result<u64, DbErr> {
    Entity::find().filter(of(Some(owner))).filter(Column::ExpiresAt.gt(now)).count(db).await
}

/// When the youngest of somebody's tokens ends, if he has any.
pub(crate) async fn youngest(db: &impl ConnectionTrait, owner: Person) -> Result<Option<Timestamp>, DbErr> {
    let ends = Entity::find().select_only().column(Column::ExpiresAt).filter(of(Some(owner)));
    ends.order_by_desc(Column::ExpiresAt).into_tuple().one(db).await
}

/// Ends every token of somebody.
pub(crate) async fn delete_of(tx: &WriteTx, owner: Person) -> Result<(), DbErr> {
    Entity::delete_many().filter(of(Some(owner))).exec(tx).await?;
    Ok(())
}

/// Ends every token of admins who have this role.
pub(crate) async fn delete_of_role(tx: &WriteTx, role: &RoleName) -> Result<(), DbErr> {
    let of_role = admin::Entity::find()
        .select_only()
        .column(admin::Column::Id)
        .filter(admin::Column::Role.eq(role.clone()))
        .into_query();
    Entity::delete_many().filter(Column::AdminId.in_subquery(of_role)).exec(tx).await?;
    Ok(())
}

/// Ends every token for the first admin.
pub(crate) async fn delete_for_setup(tx: &WriteTx) -> Result<(), DbErr> {
    Entity::delete_many().filter(of(None)).exec(tx).await?;
    Ok(())
}
