//! What can become of a licence: transitions that consume the row as it was, and give it as it is
//! then, or refuse.
//!
//! `active ⇄ suspended`; `active | suspended → revoked`, for good: only a revocation by a sibling
//! can be taken back. Expiry is never written; it follows from the clock.

use licentia_entity::license;
use licentia_types::ids::LicenseId;
use licentia_types::licenses::Term;
use licentia_types::text::Note;
use licentia_types::time::Timestamp;

use super::owners::Belonging;
use super::terms::own_term;

/// What a transition made of a licence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Next {
    /// Another one, with a version of its own.
    Changed(license::Model),
    /// It was there already.
    Same(license::Model),
}

/// Why a transition is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A revoked licence stays as it is.
    Revoked,
    /// It has no end that could be moved.
    Perpetual,
    /// Its time has not begun, so none of it is used up.
    NotStarted,
    /// It would end before it does now, or after the year 9999.
    EndOutOfRange,
}

/// How a licence is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revocation {
    pub(crate) by: String,
    pub(crate) reason: Option<Note>,
    /// Until when its machines are told before they stop; none: at once. A licence on hold has none,
    /// whatever is said: its machines stand still already.
    pub(crate) grace_until: Option<Timestamp>,
    /// The licence that takes its place.
    pub(crate) superseded_by: Option<LicenseId>,
}

/// How long a renewal reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// So much longer than now, or than its end.
    By(Term),
    /// Until then.
    Until(Timestamp),
}

/// Last instant that an answer can show: the end of the year 9999.
const LAST: Timestamp = Timestamp::from_seconds(253_402_300_799);

/// The same licence, edited at `now`.
pub(crate) fn edited(license: license::Model, now: Timestamp) -> Result<license::Model, Refused> {
    if license.status == license::Status::Revoked { Err(Refused::Revoked) } else { Ok(raised(license, now)) }
}

pub(crate) fn suspend(
    license: license::Model,
    reason: Option<Note>,
    now: Timestamp,
) -> Result<Next, Refused> {
    match license.status {
        license::Status::Revoked => Err(Refused::Revoked),
        license::Status::Suspended => Ok(Next::Same(license)),
        license::Status::Active => Ok(Next::Changed(license::Model {
            status: license::Status::Suspended,
            suspended_at: Some(now),
            suspension_reason: reason,
            ..raised(license, now)
        })),
    }
}

/// Ends a suspension, or takes the revocation by a sibling back: what was on hold before it is on
/// hold again.
pub(crate) fn reinstate(license: license::Model, now: Timestamp) -> Result<Next, Refused> {
    match (license.status, license.superseded_by) {
        (license::Status::Active, _) => Ok(Next::Same(license)),
        (license::Status::Suspended, _) => Ok(Next::Changed(license::Model {
            status: license::Status::Active,
            suspended_at: None,
            suspension_reason: None,
            ..raised(license, now)
        })),
        (license::Status::Revoked, None) => Err(Refused::Revoked),
        (license::Status::Revoked, Some(_)) => Ok(Next::Changed(license::Model {
            status: match license.suspended_at {
                Some(_) => license::Status::Suspended,
                None => license::Status::Active,
            },
            revoked_at: None,
            revoked_by: None,
            revocation_reason: None,
            grace_until: None,
            superseded_by: None,
            ..raised(license, now)
        })),
    }
}

/// Takes a licence back. One that was taken back stays as it was, but that a grace can be cut, and
/// that the revocation by a sibling becomes one for good.
pub(crate) fn revoke(license: license::Model, how: Revocation, now: Timestamp) -> Next {
    let sooner = match (license.grace_until.filter(|until| *until > now), how.grace_until) {
        (None, _) => None,
        (Some(former), wanted) => Some(wanted.map_or(now, |wanted| wanted.min(former))),
    };
    match license.status {
        license::Status::Active | license::Status::Suspended => Next::Changed(license::Model {
            status: license::Status::Revoked,
            revoked_at: Some(now),
            revoked_by: Some(how.by),
            revocation_reason: how.reason,
            grace_until: how.grace_until.filter(|_| license.suspended_at.is_none()),
            superseded_by: how.superseded_by,
            ..raised(license, now)
        }),
        license::Status::Revoked if license.superseded_by.is_some() && how.superseded_by.is_none() => {
            Next::Changed(license::Model {
                revoked_by: Some(how.by),
                revocation_reason: how.reason,
                grace_until: sooner.filter(|until| *until > now),
                superseded_by: None,
                ..raised(license, now)
            })
        }
        license::Status::Revoked if sooner.is_some() && sooner != license.grace_until => {
            Next::Changed(license::Model {
                grace_until: sooner.filter(|until| *until > now),
                ..raised(license, now)
            })
        }
        license::Status::Revoked => Next::Same(license),
    }
}

/// When a licence ends that can be renewed.
pub(crate) fn renewable(license: &license::Model) -> Result<Timestamp, Refused> {
    match (license.status, license.expires_at) {
        (license::Status::Revoked, _) => Err(Refused::Revoked),
        (_, Some(end)) => Ok(end),
        (_, None) if license.awaits_start => Err(Refused::NotStarted),
        (_, None) => Err(Refused::Perpetual),
    }
}

/// Lets a licence run for longer: from its end, or from now when that has passed.
pub(crate) fn renew(
    license: license::Model,
    renewal: Renewal,
    now: Timestamp,
) -> Result<license::Model, Refused> {
    let from = renewable(&license)?.max(now);
    let expires_at = match renewal {
        Renewal::By(term) => term.after(from),
        Renewal::Until(at) => at,
    };
    if expires_at <= from || expires_at > LAST {
        return Err(Refused::EndOutOfRange);
    }
    Ok(license::Model { expires_at: Some(expires_at), ..raised(license, now) })
}

pub(crate) fn transfer(license: license::Model, to: Belonging, now: Timestamp) -> Result<Next, Refused> {
    match license.status {
        license::Status::Revoked => Err(Refused::Revoked),
        _ if license.customer_id == to.customer => Ok(Next::Same(license)),
        license::Status::Active | license::Status::Suspended => {
            Ok(Next::Changed(belonging(raised(license, now), to, now)))
        }
    }
}

/// The same licence, in other hands. What was done to it in another group is not told in this one.
pub(crate) fn belonging(license: license::Model, to: Belonging, now: Timestamp) -> license::Model {
    let crosses = license.group_id != to.group;
    license::Model {
        customer_id: to.customer,
        group_id: to.group,
        group_since: if crosses { Some(now) } else { license.group_since },
        ..license
    }
}

/// Its first machine comes: its time begins, unless it did when it was issued. What a licence
/// claims changes only then, so only then its version rises.
pub(crate) fn first_activated(license: license::Model, now: Timestamp) -> license::Model {
    let license = license::Model { first_activated_at: Some(now), ..license };
    if !license.awaits_start {
        return license;
    }
    let counted = own_term(&license).map(|term| term.after(now).min(LAST));
    license::Model {
        awaits_start: false,
        starts_at: now,
        expires_at: license.expires_at.or(counted),
        ..raised(license, now)
    }
}

fn raised(license: license::Model, now: Timestamp) -> license::Model {
    license::Model { updated_at: now, version: license.version + 1, ..license }
}

#[cfg(test)]
mod tests;
