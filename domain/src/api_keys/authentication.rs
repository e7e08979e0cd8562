//! Who holds a secret. One statement, by an index, and another one for a key with groups; what follows from it is remembered in memory.

use licentia_entity::api_key;
use serde_json::json;

use super::{ApiKeyError, PREFIX, digest, rules, store};
use crate::actors::{Actor, Caller, Principal};
use crate::audit;
use crate::context::Context;
use crate::database::Lane;
use crate::failure::Failure;
use crate::scope::Groups;

/// Finds out who holds this secret.
///
/// # Errors
/// When it is no key's secret, that key is expired or revoked, or may not be used from there: the answer is the same,
/// and the audit log tells the last apart.
pub async fn authenticate(ctx: &Context, caller: &Caller, secret: &str) -> Result<Actor, ApiKeyError> {
    if !secret.starts_with(PREFIX) {
        return Err(ApiKeyError::Unauthenticated);
    }
    let now = ctx.moment().now;
    let digest = digest(ctx, secret);
    let key = store::find_by_digest(&ctx.db, &digest).await?;
    let key = key.filter(|key| rules::opens(key, &digest, now)).ok_or(ApiKeyError::Unauthenticated)?;
    if !rules::comes_from_within(&key, caller.ip) {
        if ctx.api_key_uses.is_news(key.id, now) {
            tell(ctx, caller, &key).await?;
        }
        return Err(ApiKeyError::Unauthenticated);
    }
    ctx.api_key_uses.used(key.id, now);
    let groups = store::groups_of(&ctx.db, &key).await?.map(Groups::of);
    Ok(Actor::ApiKey { id: key.id, principal: Principal::with(&key.permissions.0).within(groups) })
}

/// A good secret in the wrong place may have been stolen.
async fn tell(ctx: &Context, caller: &Caller, key: &api_key::Model) -> Result<(), Failure> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let groups = store::groups_of(&tx, key).await?.unwrap_or_default();
    let event = audit::Event::new("api_key.refused", &key.id, json!({"reason": "address"}));
    let event = event.in_group(rules::only(&groups));
    audit::record(&tx, &moment, caller, event).await?;
    Ok(tx.commit().await?)
}
