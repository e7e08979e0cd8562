//! What an API key is worth, and what may be made of it. Pure functions.

use std::collections::BTreeSet;
use std::net::IpAddr;

use licentia_entity::api_key::{Model, Origin};
use licentia_types::api_keys::{ApiKeyOrigin, ApiKeyResponse, ApiKeyStatus, MOST_RANGES};
use licentia_types::ids::GroupId;
use licentia_types::ip_ranges::IpRange;
use licentia_types::permissions::Permission;
use licentia_types::time::Timestamp;

use super::{ApiKeyError, Uses};
use crate::actors::Actor;
use crate::scope::Groups;

/// What the key is worth now.
pub(super) fn status(key: &Model, now: Timestamp) -> ApiKeyStatus {
    if key.revoked_at.is_some() {
        ApiKeyStatus::Revoked
    } else if key.expires_at.is_some_and(|at| at <= now) {
        ApiKeyStatus::Expired
    } else {
        ApiKeyStatus::Active
    }
}

/// Whether the secret with this digest opens the key now: its own, or for a while the former one.
pub(super) fn opens(key: &Model, digest: &[u8], now: Timestamp) -> bool {
    let own = key.secret_digest == digest;
    let former =
        || key.former_digest.as_deref() == Some(digest) && key.former_until.is_some_and(|at| now < at);
    status(key, now) == ApiKeyStatus::Active && (own || former())
}

/// Whether the key may be used from there. What has no address is not on the network.
pub(super) fn comes_from_within(key: &Model, ip: Option<IpAddr>) -> bool {
    let Some(ranges) = &key.ip_ranges else {
        return true;
    };
    ip.is_some_and(|ip| ranges.0.iter().any(|range| range.contains(ip)))
}

/// The one group, where there is but one: the record of a key that acts in several is for those without groups.
pub(super) fn only(groups: &BTreeSet<GroupId>) -> Option<GroupId> {
    Groups::of(groups.clone()).only()
}

/// Nobody gives what he lacks.
pub(super) fn expect_given(actor: &Actor, permissions: &BTreeSet<Permission>) -> Result<(), ApiKeyError> {
    let lacking = actor.lacks(permissions);
    if lacking.is_empty() { Ok(()) } else { Err(ApiKeyError::Lacking(lacking)) }
}

/// The caller may change this key: it stands, no file says otherwise, and it may do nothing that he may not. Whoever
/// could rotate a stronger key would have its permissions.
pub(super) fn expect_changeable(key: &Model, actor: &Actor) -> Result<(), ApiKeyError> {
    expect_given(actor, &key.permissions.0)?;
    match (key.origin, key.revoked_at) {
        (Origin::File, _) => Err(ApiKeyError::Declared),
        (_, Some(_)) => Err(ApiKeyError::Revoked),
        (_, None) => Ok(()),
    }
}

pub(super) fn expect_future(expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), ApiKeyError> {
    if expires_at.is_some_and(|at| at <= now) { Err(ApiKeyError::ExpiryPast) } else { Ok(()) }
}

pub(super) fn expect_few(ranges: &BTreeSet<IpRange>) -> Result<(), ApiKeyError> {
    if ranges.len() > MOST_RANGES { Err(ApiKeyError::TooManyRanges) } else { Ok(()) }
}

/// The ranges as they are kept; none: from everywhere.
pub(super) fn kept(ranges: BTreeSet<IpRange>) -> Option<BTreeSet<IpRange>> {
    (!ranges.is_empty()).then_some(ranges)
}

/// A key as the API shows it. This instance knows of uses that are not written yet.
pub(super) fn render(
    key: Model,
    groups: Option<BTreeSet<GroupId>>,
    uses: &Uses,
    now: Timestamp,
) -> ApiKeyResponse {
    ApiKeyResponse {
        id: key.id,
        status: status(&key, now),
        origin: origin(key.origin),
        overlap_until: key.former_until.filter(|at| key.revoked_at.is_none() && now < *at),
        last_used_at: key.last_used_at.max(uses.last(key.id)),
        name: key.name,
        permissions: key.permissions.0,
        ip_ranges: key.ip_ranges.unwrap_or_default().0,
        groups,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        created_at: key.created_at,
        updated_at: key.updated_at,
        version: key.version,
    }
}

const fn origin(origin: Origin) -> ApiKeyOrigin {
    match origin {
        Origin::Operator => ApiKeyOrigin::Operator,
        Origin::FirstStart => ApiKeyOrigin::FirstStart,
        Origin::Demo => ApiKeyOrigin::Demo,
        Origin::Api => ApiKeyOrigin::Api,
        Origin::File => ApiKeyOrigin::File,
    }
}
