//! Who acts, and from where.

use std::collections::BTreeSet;
use std::sync::Arc;

use licentia_types::ids::{ActivationId, AdminId, ApiKeyId, CustomerId, GroupId, LicenseId, SessionId};
use licentia_types::permissions::{Permission, closure};
use licentia_types::time::Timestamp;

use crate::once::Once;
use crate::scope::{Groups, Scope};

/// Somebody who signed in, and what that allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// With those that they bring along.
    permissions: BTreeSet<Permission>,
    /// Within which groups; none: bounded by none.
    groups: Option<Groups>,
}

impl Principal {
    /// Somebody who was given these permissions, without groups.
    #[must_use]
    pub fn with(permissions: &BTreeSet<Permission>) -> Self {
        Self { permissions: closure(permissions), groups: None }
    }

    /// The same, within these groups only; none: bounded by none.
    #[must_use]
    pub fn within(self, groups: Option<Groups>) -> Self {
        Self { groups, ..self }
    }

    /// What it may see.
    fn scope(&self) -> Scope {
        self.groups.clone().map_or(Scope::Everything, Scope::Groups)
    }

    /// All of them.
    #[must_use]
    pub const fn permissions(&self) -> &BTreeSet<Permission> {
        &self.permissions
    }

    /// Whether the permission is there.
    #[must_use]
    pub fn may(&self, needed: Permission) -> bool {
        self.permissions.contains(&needed)
    }
}

/// Somebody who has an account here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Person {
    /// Who administers.
    Admin(AdminId),
    /// Who owns licences.
    Customer(CustomerId),
}

impl Person {
    /// The same person at work in a session since `since`, for the audit log: what he may do is not looked up.
    #[must_use]
    pub fn in_session(self, session: SessionId, since: Timestamp) -> Actor {
        match self {
            Self::Admin(id) => Actor::Admin { id, session, principal: Principal::default() },
            Self::Customer(id) => Actor::Customer { id, session, since },
        }
    }
}

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Admin(id) => id.fmt(f),
            Self::Customer(id) => id.fmt(f),
        }
    }
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who signed in.
    Admin {
        /// Who.
        id: AdminId,
        /// In which session.
        session: SessionId,
        /// What that allows.
        principal: Principal,
    },
    /// Somebody with an API key.
    ApiKey {
        /// Which key.
        id: ApiKeyId,
        /// What that allows.
        principal: Principal,
    },
    /// A customer who signed in, for what is his own.
    Customer {
        /// Who.
        id: CustomerId,
        /// In which session.
        session: SessionId,
        /// When he signed in.
        since: Timestamp,
    },
    /// Nobody that is known yet: the public, or a machine before it proved anything.
    Anonymous,
    /// A machine that knows the key of a licence.
    Machine(LicenseId),
    /// A machine that knows the nonce of its activation.
    Activation(ActivationId),
    /// Whoever runs the server's own commands.
    Operator,
    /// The server itself: its jobs, and what follows from the clock.
    System,
}

impl Actor {
    /// The kind, for the audit log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Admin { .. } => "admin",
            Self::ApiKey { .. } => "api_key",
            Self::Customer { .. } => "customer",
            Self::Anonymous => "anonymous",
            Self::Machine(_) | Self::Activation(_) => "machine",
            Self::Operator => "operator",
            Self::System => "system",
        }
    }

    /// The id, for the audit log.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Admin { id, .. } => Some(id.to_string()),
            Self::ApiKey { id, .. } => Some(id.to_string()),
            Self::Customer { id, .. } => Some(id.to_string()),
            Self::Machine(id) => Some(id.to_string()),
            Self::Activation(id) => Some(id.to_string()),
            Self::Anonymous | Self::Operator | Self::System => None,
        }
    }

    /// Kind and id in one text, for a row that says who did it.
    #[must_use]
    pub fn name(&self) -> String {
        match self.id() {
            Some(id) => format!("{}:{id}", self.kind()),
            None => self.kind().to_owned(),
        }
    }

    /// Who administers, if anybody does. A customer does not.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Admin { principal, .. } | Self::ApiKey { principal, .. } => Some(principal),
            Self::Customer { .. }
            | Self::Anonymous
            | Self::Machine(_)
            | Self::Activation(_)
            | Self::Operator
            | Self::System => None,
        }
    }

    /// Whether somebody came in by credentials of his own.
    #[must_use]
    pub const fn came_in(&self) -> bool {
        matches!(self, Self::Admin { .. } | Self::ApiKey { .. } | Self::Customer { .. })
    }

    /// In which session, if he signed in.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        match self {
            Self::Admin { session, .. } | Self::Customer { session, .. } => Some(*session),
            _ => None,
        }
    }

    /// Whether somebody signed in who has the permission.
    #[must_use]
    pub fn may(&self, needed: Permission) -> bool {
        self.principal().is_some_and(|principal| principal.may(needed))
    }

    /// What it may give to others: nobody gives what he lacks. The operator has everything.
    #[must_use]
    pub fn lacks(&self, given: &BTreeSet<Permission>) -> Vec<Permission> {
        match self {
            Self::Operator => Vec::new(),
            _ => given.iter().copied().filter(|permission| !self.may(*permission)).collect(),
        }
    }

    /// The groups within which it acts; none: it is bounded by none, or no principal.
    #[must_use]
    pub fn groups(&self) -> Option<&Groups> {
        self.principal()?.groups.as_ref()
    }

    /// Whether what concerns everybody is its to change: nobody who is bounded by groups.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        self.scope() == Scope::Everything
    }

    /// Whether it knows of a principal with these groups: of one that acts within some of its own, and nowhere else.
    #[must_use]
    pub fn reaches(&self, groups: Option<&BTreeSet<GroupId>>) -> bool {
        match (self.groups(), groups) {
            (None, _) => self.is_unbounded(),
            (Some(own), Some(groups)) => groups.is_subset(own.ids()),
            (Some(_), None) => false,
        }
    }

    /// What it may see.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match self {
            Self::Admin { principal, .. } | Self::ApiKey { principal, .. } => principal.scope(),
            Self::Operator | Self::System => Scope::Everything,
            Self::Customer { id, .. } => Scope::Customer(*id),
            Self::Machine(license) => Scope::License(*license),
            Self::Activation(activation) => Scope::Activation(*activation),
            Self::Anonymous => Scope::Nothing,
        }
    }
}

/// Who acts, from where, in which request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// From which address; none for the server's own commands.
    pub ip: Option<std::net::IpAddr>,
    /// The id that the answer carries.
    pub request_id: Option<String>,
    /// What is to be done once, however often it is asked for.
    pub once: Option<Arc<Once>>,
}

impl Caller {
    /// Whoever runs the server's own commands.
    #[must_use]
    pub const fn operator() -> Self {
        Self { actor: Actor::Operator, ip: None, request_id: None, once: None }
    }

    /// The server itself.
    #[must_use]
    pub const fn system() -> Self {
        Self { actor: Actor::System, ip: None, request_id: None, once: None }
    }

    /// The same call, once it is known who acts.
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self { actor, ip: self.ip, request_id: self.request_id.clone(), once: self.once.clone() }
    }
}
