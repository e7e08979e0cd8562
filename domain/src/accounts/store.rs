//! Queries on accounts, and on what was asked about addresses.

use licentia_entity::{
    account_request, customer, customer_account, mail, registration, session, sign_in_code,
};
use licentia_types::ids::{AccountRequestId, CustomerId};
use licentia_types::text::Email;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{Expr, Func, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};

use super::rules::folded;
use crate::database::WriteTx;

/// Customers with one address, of whom so many are looked at.
const MOST_NAMESAKES: u64 = 100;

pub(crate) async fn find(
    db: &impl ConnectionTrait,
    id: CustomerId,
) -> Result<Option<customer_account::Model>, DbErr> {
    customer_account::Entity::find_by_id(id).one(db).await
}

/// Those of these customers that there are.
pub(crate) async fn find_all(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = CustomerId>,
) -> Result<Vec<customer_account::Model>, DbErr> {
    let own = customer_account::Column::CustomerId.is_in(ids);
    customer_account::Entity::find().filter(own).all(db).await
}

pub(crate) async fn find_locked(
    tx: &WriteTx,
    id: CustomerId,
) -> Result<Option<customer_account::Model>, DbErr> {
    customer_account::Entity::find_by_id(id).lock_exclusive().one(tx).await
}

pub(crate) async fn find_by_email(
    db: &impl ConnectionTrait,
    email: &Email,
) -> Result<Option<customer_account::Model>, DbErr> {
    of_address(email).one(db).await
}

pub(super) async fn find_by_email_locked(
    tx: &WriteTx,
    email: &Email,
) -> Result<Option<customer_account::Model>, DbErr> {
    of_address(email).lock_exclusive().one(tx).await
}

fn of_address(email: &Email) -> Select<customer_account::Entity> {
    customer_account::Entity::find().filter(customer_account::Column::EmailFolded.eq(folded(email)))
}

pub(super) async fn insert(tx: &WriteTx, account: customer_account::Model) -> Result<(), DbErr> {
    let row = account.into_active_model().reset_all();
    customer_account::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Signing in is no edit: the version stays.
pub(crate) async fn mark_login(tx: &WriteTx, id: CustomerId, at: Timestamp) -> Result<(), DbErr> {
    customer_account::Entity::update_many()
        .col_expr(customer_account::Column::LastLoginAt, at.into())
        .filter(customer_account::Column::CustomerId.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Notes when somebody was given last all that is kept about him: no edit either.
pub(super) async fn mark_export(tx: &WriteTx, id: CustomerId, at: Option<Timestamp>) -> Result<(), DbErr> {
    customer_account::Entity::update_many()
        .col_expr(customer_account::Column::ExportedAt, at.into())
        .filter(customer_account::Column::CustomerId.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Where somebody is signed in, or was lately, the oldest first.
pub(super) async fn sessions(
    db: &impl ConnectionTrait,
    id: CustomerId,
) -> Result<Vec<session::Model>, DbErr> {
    let own = session::Entity::find().filter(session::Column::CustomerId.eq(id));
    own.order_by_asc(session::Column::Id).all(db).await
}

/// What was written to a customer and is not forgotten, the oldest first.
pub(super) async fn letters(db: &impl ConnectionTrait, id: CustomerId) -> Result<Vec<mail::Model>, DbErr> {
    let own = mail::Entity::find().filter(mail::Column::CustomerId.eq(id));
    own.order_by_asc(mail::Column::Id).all(db).await
}

/// Whether anybody is known by this address.
pub(super) async fn is_known(db: &impl ConnectionTrait, email: &Email) -> Result<bool, DbErr> {
    let named = customer::Entity::find().filter(has_address(email)).limit(MOST_NAMESAKES);
    Ok(named.all(db).await?.iter().any(|customer| is_his(customer, email)))
}

/// The customer who is known by this address and has no account: the first who was made, held until the transaction
/// ends.
pub(super) async fn hold_known(tx: &WriteTx, email: &Email) -> Result<Option<customer::Model>, DbErr> {
    let with_account = customer_account::Entity::find()
        .select_only()
        .column(customer_account::Column::CustomerId)
        .into_query();
    let named = customer::Entity::find()
        .filter(has_address(email))
        .filter(customer::Column::Id.not_in_subquery(with_account))
        .order_by_asc(customer::Column::Id)
        .limit(MOST_NAMESAKES)
        .lock_exclusive();
    Ok(named.all(tx).await?.into_iter().find(|customer| is_his(customer, email)))
}

/// As far as the database compares: what it takes for the same is looked at again.
/// Both sides are folded by the database: where it knows more capitals than those of ASCII, it knows them of both.
fn has_address(email: &Email) -> Expr {
    let asked = Func::lower(Expr::val(email.as_str()));
    Expr::expr(Func::lower(Expr::col((customer::Entity, customer::Column::Email)))).eq(asked)
}

/// Whether a customer is known by this address.
pub(crate) fn is_his(customer: &customer::Model, email: &Email) -> bool {
    customer.email.as_ref().is_some_and(|own| folded(own) == folded(email))
}

pub(super) async fn insert_request(tx: &WriteTx, request: account_request::Model) -> Result<(), DbErr> {
    let row = request.into_active_model().reset_all();
    account_request::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

pub(super) async fn any_request(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(account_request::Entity::find().limit(1).count(db).await? > 0)
}

/// The oldest, at most so many.
pub(super) async fn requests(
    db: &impl ConnectionTrait,
    most: u64,
) -> Result<Vec<account_request::Model>, DbErr> {
    account_request::Entity::find().order_by_asc(account_request::Column::Id).limit(most).all(db).await
}

/// Takes a request up; false when somebody else did.
pub(super) async fn take_request(tx: &WriteTx, id: AccountRequestId) -> Result<bool, DbErr> {
    Ok(account_request::Entity::delete_by_id(id).exec(tx).await?.rows_affected == 1)
}

pub(super) async fn insert_registration(tx: &WriteTx, row: registration::Model) -> Result<(), DbErr> {
    forget_registrations_over(tx, row.made_at).await?;
    registration::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Whether any registration is over.
pub(crate) async fn any_registration_over(db: &impl ConnectionTrait, now: Timestamp) -> Result<bool, DbErr> {
    let over = registration::Entity::find().filter(registration::Column::ExpiresAt.lte(now));
    Ok(over.limit(1).count(db).await? > 0)
}

/// Forgets who registered and did not confirm it in time.
pub(crate) async fn forget_registrations_over(tx: &WriteTx, now: Timestamp) -> Result<(), DbErr> {
    registration::Entity::delete_many().filter(registration::Column::ExpiresAt.lte(now)).exec(tx).await?;
    Ok(())
}

pub(super) async fn find_registration(
    db: &impl ConnectionTrait,
    token_digest: &[u8],
    now: Timestamp,
) -> Result<Option<registration::Model>, DbErr> {
    let good = registration::Column::ExpiresAt.gt(now);
    registration::Entity::find_by_id(token_digest.to_vec()).filter(good).one(db).await
}

/// When those registrations of an address were made that can be confirmed still.
pub(super) async fn registrations(
    db: &impl ConnectionTrait,
    address_digest: &[u8],
    now: Timestamp,
) -> Result<Vec<Timestamp>, DbErr> {
    registration::Entity::find()
        .select_only()
        .column(registration::Column::MadeAt)
        .filter(registration::Column::AddressDigest.eq(address_digest))
        .filter(registration::Column::ExpiresAt.gt(now))
        .into_tuple()
        .all(db)
        .await
}

/// Holds the registrations of an address, in an order, so that two who show two tokens of it wait for each other.
pub(super) async fn hold_registrations(
    tx: &WriteTx,
    address_digest: &[u8],
) -> Result<Vec<registration::Model>, DbErr> {
    registration::Entity::find()
        .filter(registration::Column::AddressDigest.eq(address_digest))
        .order_by_asc(registration::Column::TokenDigest)
        .lock_exclusive()
        .all(tx)
        .await
}

/// Ends every registration of an address.
pub(super) async fn forget_registrations(tx: &WriteTx, address_digest: &[u8]) -> Result<(), DbErr> {
    let of_address = registration::Column::AddressDigest.eq(address_digest);
    registration::Entity::delete_many().filter(of_address).exec(tx).await?;
    Ok(())
}

pub(super) async fn find_code_locked(
    tx: &WriteTx,
    address_digest: &[u8],
) -> Result<Option<sign_in_code::Model>, DbErr> {
    sign_in_code::Entity::find_by_id(address_digest.to_vec()).lock_exclusive().one(tx).await
}

/// The code of an address takes the place of the one before.
pub(super) async fn put_code(tx: &WriteTx, code: sign_in_code::Model) -> Result<(), DbErr> {
    use sign_in_code::Column::{AddressDigest, CodeDigest, ExpiresAt, Failures, FailuresInRow, MadeAt};
    sign_in_code::Entity::insert(code.into_active_model().reset_all())
        .on_conflict(
            OnConflict::column(AddressDigest)
                .update_columns([CodeDigest, MadeAt, ExpiresAt, Failures, FailuresInRow])
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

pub(super) async fn forget_code(tx: &WriteTx, address_digest: &[u8]) -> Result<(), DbErr> {
    sign_in_code::Entity::delete_by_id(address_digest.to_vec()).exec(tx).await?;
    Ok(())
}

pub(crate) async fn any_code_before(db: &impl ConnectionTrait, at: Timestamp) -> Result<bool, DbErr> {
    let before = sign_in_code::Entity::find().filter(sign_in_code::Column::MadeAt.lt(at));
    Ok(before.limit(1).count(db).await? > 0)
}

/// Forgets codes that were made before, with what was guessed then.
pub(crate) async fn forget_codes_before(tx: &WriteTx, at: Timestamp) -> Result<(), DbErr> {
    sign_in_code::Entity::delete_many().filter(sign_in_code::Column::MadeAt.lt(at)).exec(tx).await?;
    Ok(())
}
