//! Queries on the last tokens of a licence's machines, many at once.

use std::collections::BTreeSet;

use licentia_entity::{activation, consumer_key};
use licentia_types::activations::{ActivationKind, ActivationStatus};
use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, LockType, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::database::WriteTx;

/// The last token of a machine, as far as it is kept.
pub(super) struct LiveToken {
    pub(super) activation: ActivationId,
    pub(super) claim_set: i64,
    pub(super) kid: String,
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) encrypted: bool,
}

type Row = (ActivationId, i64, String, Timestamp, Timestamp, Option<String>);

/// The last tokens of active machines that have not ended.
pub(super) async fn live_tokens(
    db: &impl ConnectionTrait,
    license: LicenseId,
    now: Timestamp,
) -> Result<Vec<LiveToken>, DbErr> {
    use activation::Column::{ClaimSetId, ConsumerKey, Id, Kid, LicenseId, Status, TokenExp, TokenIat};
    let rows: Vec<Row> = activation::Entity::find()
        .select_only()
        .columns([Id, ClaimSetId, Kid, TokenIat, TokenExp, ConsumerKey])
        .filter(LicenseId.eq(license))
        .filter(Status.eq(ActivationStatus::Active))
        .filter(TokenExp.gt(now))
        .order_by_asc(Id)
        .into_tuple()
        .all(db)
        .await?;
    let token = |(activation, claim_set, kid, issued, expires, consumer_key): Row| LiveToken {
        activation,
        claim_set,
        kid,
        issued,
        expires,
        encrypted: consumer_key.is_some(),
    };
    Ok(rows.into_iter().map(token).collect())
}

/// The active machines of a licence, held until the transaction ends; those whose lease has ended
/// are about to lapse, and are none; nor are those that have nothing but a licence file. The licence's row
/// is held by the caller.
pub(super) async fn hold_active(
    tx: &WriteTx,
    license: LicenseId,
    now: Timestamp,
    most: u64,
) -> Result<Vec<activation::Model>, DbErr> {
    use activation::Column::{Id, Kind, LeaseUntil, LicenseId, Status};
    activation::Entity::find()
        .filter(LicenseId.eq(license))
        .filter(Status.eq(ActivationStatus::Active))
        .filter(Kind.eq(ActivationKind::Online))
        .filter(Condition::any().add(LeaseUntil.is_null()).add(LeaseUntil.gt(now)))
        .order_by_asc(Id)
        .limit(most)
        .lock(LockType::NoKeyUpdate)
        .all(tx)
        .await
}

/// The same machines again, as they were written.
pub(super) async fn read_again(
    tx: &WriteTx,
    license: LicenseId,
    machines: &[ActivationId],
) -> Result<Vec<activation::Model>, DbErr> {
    activation::Entity::find()
        .filter(activation::Column::LicenseId.eq(license))
        .filter(activation::Column::Id.is_in(machines.iter().copied()))
        .order_by_asc(activation::Column::Id)
        .all(tx)
        .await
}

/// What is kept of tokens that are about to be signed.
pub(super) struct Signing<'a> {
    pub(super) claim_set: i64,
    pub(super) kid: &'a str,
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
}

/// Writes down that each of these machines is given a token; one of a floating machine ends with its
/// lease.
pub(super) async fn write_tokens(
    tx: &WriteTx,
    license: LicenseId,
    machines: &[ActivationId],
    signing: &Signing<'_>,
) -> Result<(), DbErr> {
    use activation::Column::{ClaimSetId, Id, Kid, LeaseUntil, LicenseId, TokenExp, TokenIat};
    const SECOND: i64 = 1_000_000;
    let whole: SimpleExpr = Expr::col(LeaseUntil).sub(Expr::col(LeaseUntil).modulo(SECOND));
    let ends =
        Expr::case(Expr::col(LeaseUntil).lt(signing.expires), whole).finally(Expr::value(signing.expires));
    activation::Entity::update_many()
        .col_expr(ClaimSetId, signing.claim_set.into())
        .col_expr(Kid, signing.kid.into())
        .col_expr(TokenIat, signing.issued.into())
        .col_expr(TokenExp, ends.into())
        .filter(LicenseId.eq(license))
        .filter(Id.is_in(machines.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}

/// The consumers' keys that have these thumbprints.
pub(super) async fn consumer_keys(
    db: &impl ConnectionTrait,
    thumbprints: BTreeSet<String>,
) -> Result<Vec<consumer_key::Model>, DbErr> {
    consumer_key::Entity::find().filter(consumer_key::Column::Thumbprint.is_in(thumbprints)).all(db).await
}
