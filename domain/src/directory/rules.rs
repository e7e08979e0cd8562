//! Whom a directory's word lets in, and as what. Pure functions.

use std::str::FromStr;

use licentia_entity::admin::Model;
use licentia_types::roles::Role;
use licentia_types::text::{Email, RoleName};

use super::{DistinguishedName, Entry, NameInvalid, knows};

/// Which group of the directory gives which role. The first one that somebody is in counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRoles(Vec<(DistinguishedName, RoleName)>);

/// Why a text names no groups and roles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupRolesInvalid {
    /// Nobody would have any role.
    #[error("names no group: write a role and a group, as `admin: cn=admins,ou=groups,dc=example,dc=com`")]
    Empty,
    /// One of them.
    #[error("`{0}` is no role with a group, as `admin: cn=admins,ou=groups,dc=example,dc=com`")]
    Line(String),
    /// A group.
    #[error("`{0}` {1}")]
    Name(String, NameInvalid),
}

impl FromStr for GroupRoles {
    type Err = GroupRolesInvalid;

    /// `role: group`, one a line, or divided by semicolons.
    fn from_str(text: &str) -> Result<Self, GroupRolesInvalid> {
        let lines = text.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty());
        let pairs = lines.map(pair).collect::<Result<Vec<_>, _>>()?;
        if pairs.is_empty() { Err(GroupRolesInvalid::Empty) } else { Ok(Self(pairs)) }
    }
}

fn pair(line: &str) -> Result<(DistinguishedName, RoleName), GroupRolesInvalid> {
    let wrong = || GroupRolesInvalid::Line(line.to_owned());
    let (role, group) = line.split_once(':').ok_or_else(wrong)?;
    let role = role.trim().parse().map_err(|_| wrong())?;
    let group = group.trim();
    Ok((group.parse().map_err(|error| GroupRolesInvalid::Name(group.to_owned(), error))?, role))
}

impl GroupRoles {
    /// The role of somebody who is in these groups; none: he is no admin.
    #[must_use]
    pub fn role(&self, groups: &[String]) -> Option<&RoleName> {
        let groups: Vec<DistinguishedName> = groups.iter().filter_map(|group| group.parse().ok()).collect();
        self.0.iter().find(|(group, _)| groups.contains(group)).map(|(_, role)| role)
    }
}

/// Why somebody whom the directory let in does not come in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// The directory found him by another address than he has: it compares more loosely than we do.
    Address,
    /// An account of our own has his address.
    Local,
    /// Somebody disabled him here.
    Disabled,
    /// None of his groups gives a role.
    Group,
    /// His groups make him a `super_admin`, and somebody bounded him here.
    Bounded,
}

impl Unfit {
    /// What it is called in the audit log.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Local => "local",
            Self::Disabled => "disabled",
            Self::Group => "group",
            Self::Bounded => "bounded",
        }
    }
}

/// The role with which somebody comes in whom the directory let in under this address.
pub(super) fn judge<'a>(
    known: Option<&Model>,
    (entry, email): (&Entry, &Email),
    roles: &'a GroupRoles,
) -> Result<&'a RoleName, Unfit> {
    let is_known_so = |admin: &Model| admin.email.as_str().eq_ignore_ascii_case(email.as_str());
    if !has_address(&entry.addresses, email) || !known.is_none_or(is_known_so) {
        return Err(Unfit::Address);
    }
    if known.is_some_and(|admin| !knows(admin)) {
        return Err(Unfit::Local);
    }
    if known.is_some_and(|admin| admin.disabled_at.is_some()) {
        return Err(Unfit::Disabled);
    }
    let role = roles.role(&entry.groups).ok_or(Unfit::Group)?;
    let is_bounded = known.is_some_and(|admin| admin.bounded);
    if is_bounded && role.as_str() == Role::SuperAdmin.as_str() { Err(Unfit::Bounded) } else { Ok(role) }
}

/// Whether it is one of these addresses. Capitals beyond ASCII count: `K` (U+212A) is not `k`, and whoever may write the one
/// into his entry must not become who has the other.
#[must_use]
pub fn has_address(addresses: &[String], email: &Email) -> bool {
    addresses.iter().any(|address| address.trim().eq_ignore_ascii_case(email.as_str()))
}

#[cfg(test)]
mod tests {
    use licentia_types::admins::AdminOrigin;
    use licentia_types::ids::AdminId;
    use licentia_types::time::Timestamp;

    use super::*;

    fn roles() -> GroupRoles {
        "super_admin: cn=roots,dc=example\n admin: cn=Admins, dc=example ; viewer:cn=staff,dc=example"
            .parse()
            .unwrap()
    }

    fn entry(groups: &[&str]) -> Entry {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Entry { addresses: vec!["Ada@Example.com".to_owned()], name: None, groups }
    }

    fn known(origin: AdminOrigin) -> Model {
        let at = Timestamp::from_seconds(0);
        Model {
            id: AdminId::new(uuid::Uuid::nil()),
            email: "ada@example.com".parse().unwrap(),
            email_folded: "ada@example.com".to_owned(),
            name: "Ada".parse().unwrap(),
            role: "viewer".parse().unwrap(),
            password_hash: None,
            credentials_version: 1,
            totp_sealed: None,
            totp_confirmed_at: None,
            totp_last_step: None,
            last_login_at: None,
            disabled_at: None,
            created_at: at,
            updated_at: at,
            version: 1,
            bounded: false,
            totp_failures: 0,
            origin,
        }
    }

    fn judged(known: Option<&Model>, entry: &Entry) -> Result<String, Unfit> {
        let email = "ada@example.com".parse().unwrap();
        judge(known, (entry, &email), &roles()).map(ToString::to_string)
    }

    #[test]
    fn the_first_group_of_the_map_counts_however_it_is_spelt() {
        let both = entry(&["cn=staff,dc=example", "CN=admins,DC=Example"]);
        assert_eq!(judged(None, &both), Ok("admin".to_owned()));
        assert_eq!(judged(None, &entry(&["cn=staff,dc=example"])), Ok("viewer".to_owned()));
        for strange in [&[][..], &["cn=others,dc=example"], &["cn=admins"], &["no name"]] {
            assert_eq!(judged(None, &entry(strange)), Err(Unfit::Group), "{strange:?}");
        }
    }

    #[test]
    fn whoever_has_another_address_is_somebody_else() {
        let other =
            Entry { addresses: vec!["adá@example.com".to_owned()], ..entry(&["cn=staff,dc=example"]) };
        assert_eq!(judged(None, &other), Err(Unfit::Address));
        let none = Entry { addresses: Vec::new(), ..other };
        assert_eq!(judged(None, &none), Err(Unfit::Address));
        // The sign of the kelvin, which becomes a `k` in small letters.
        let kelvin = "\u{212a}ate@example.com";
        let entry = Entry { addresses: vec![kelvin.to_owned()], ..entry(&["cn=staff,dc=example"]) };
        let kate = Model { email: "kate@example.com".parse().unwrap(), ..known(AdminOrigin::Directory) };
        for email in [kelvin, "kate@example.com"] {
            let judged = judge(Some(&kate), (&entry, &email.parse().unwrap()), &roles()).cloned();
            assert_eq!(judged, Err(Unfit::Address), "{email}");
        }
    }

    #[test]
    fn what_was_decided_here_stays() {
        let staff = entry(&["cn=staff,dc=example"]);
        assert_eq!(judged(Some(&known(AdminOrigin::Local)), &staff), Err(Unfit::Local));
        let mut admin = known(AdminOrigin::Directory);
        assert_eq!(judged(Some(&admin), &staff), Ok("viewer".to_owned()));
        admin.bounded = true;
        assert_eq!(judged(Some(&admin), &staff), Ok("viewer".to_owned()));
        assert_eq!(judged(Some(&admin), &entry(&["cn=roots,dc=example"])), Err(Unfit::Bounded));
        admin.disabled_at = Some(Timestamp::from_seconds(1));
        assert_eq!(judged(Some(&admin), &staff), Err(Unfit::Disabled));
    }

    #[test]
    fn a_map_that_is_none_is_refused() {
        for text in
            ["", " \n;", "cn=admins,dc=example", "Admin: cn=a", "admin cn=a", "admin: admins", "admin:"]
        {
            assert!(text.parse::<GroupRoles>().is_err(), "{text}");
        }
    }
}
