//! What is not to be believed any more, for those who ask us nothing: generations of it, and a
//! signed list.

use std::sync::Arc;

use licentia_entity::revocation_generation::{Column, Entity};
use licentia_types::revocation::{REVOCATION_LIST_AUDIENCE, REVOCATION_LIST_TYP, RevocationListClaims};
use licentia_types::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{EntityTrait, ExprTrait};

use crate::changes;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::signed_lists::{self, SignedList};

pub(crate) mod grace;
mod store;

/// Says that this transaction, which records an event of it, changes what is revoked or suspended. To be
/// called last in it: all such transactions wait here for each other.
///
/// # Errors
/// When the database fails.
pub(crate) async fn raise_generation(tx: &WriteTx, moment: &Moment<'_>) -> Result<(), Failure> {
    Entity::update_many()
        .col_expr(Column::Generation, Expr::col(Column::Generation).add(1))
        .col_expr(Column::ChangedAt, moment.now.into())
        .exec(tx)
        .await?;
    Ok(())
}

/// The list as it was signed last.
#[derive(Debug)]
pub(crate) struct Kept {
    list: Arc<SignedList>,
    kid: String,
    generation: i64,
    signed_at: Timestamp,
}

/// The signed revocation list: of the present generation, by a key that is believed, and never older
/// than its time.
///
/// # Errors
/// When the database fails, or nothing can be signed, and no list is at hand that is still good.
pub async fn list(ctx: &Context) -> Result<Arc<SignedList>, Failure> {
    let now = ctx.moment().now;
    let looked = newest(ctx, now).await;
    let mut kept = ctx.lists.revocations.lock().await;
    let made = match looked {
        Ok((generation, kid)) => {
            let good = |kept: &&Kept| {
                kept.generation >= generation
                    && kept.kid == kid
                    && signed_lists::is_recent(kept.signed_at, now, ctx.settings.list_ttl)
            };
            if let Some(kept) = kept.as_ref().filter(good) {
                return Ok(Arc::clone(&kept.list));
            }
            make(ctx, generation, now).await
        }
        Err(failure) => Err(failure),
    };
    match made {
        Ok(made) => Ok(Arc::clone(&kept.insert(made).list)),
        Err(failure) => {
            let good = kept.as_ref().filter(|kept| signed_lists::is_good(kept.signed_at, now));
            good.map(|kept| Arc::clone(&kept.list)).ok_or(failure)
        }
    }
}

/// What a list that is at hand has to be of: generation and key.
async fn newest(ctx: &Context, now: Timestamp) -> Result<(i64, String), Failure> {
    let generation = changes::generation(ctx, now).await?;
    Ok((generation, ctx.document_key(now).await?.kid().to_owned()))
}

async fn make(ctx: &Context, generation: i64, now: Timestamp) -> Result<Kept, Failure> {
    let key = signed_lists::present_key(ctx, now).await?;
    let standing = store::standing(&ctx.db).await?;
    let (iat, exp) = signed_lists::life(ctx, now);
    let claims = RevocationListClaims {
        iss: ctx.settings.issuer.clone(),
        aud: REVOCATION_LIST_AUDIENCE.to_owned(),
        iat,
        exp,
        // Read before the rest: what is listed is at least as new.
        generation,
        revoked: standing.revoked,
        suspended: standing.suspended,
        revoked_kids: standing.revoked_kids,
    };
    let kid = key.kid().to_owned();
    let list = signed_lists::sign(ctx, key, REVOCATION_LIST_TYP, claims, now).await?;
    Ok(Kept { list, kid, generation, signed_at: now })
}
