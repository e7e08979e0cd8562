//! What is asked of a server.

use std::rc::Rc;

use crate::fleet::Fleet;
use crate::load::Visitor;

pub(crate) use documents::{Document, Get};
pub(crate) use heartbeats::{body as heartbeat_body, token};

mod activations;
mod documents;
mod heartbeats;
mod validation;

/// What is asked of Licentia.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scenario {
    Heartbeat,
    Activate,
    ValidateToken,
    ValidateKey,
    Read(Document),
    ListLicenses,
}

impl Scenario {
    /// All, the most important one first.
    pub(crate) const ALL: [Self; 8] = [
        Self::Heartbeat,
        Self::Activate,
        Self::ValidateToken,
        Self::ValidateKey,
        Self::Read(Document::Jwks),
        Self::Read(Document::Discovery),
        Self::Read(Document::StatusList),
        Self::ListLicenses,
    ];

    /// As it is written in figures.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Activate => "activate",
            Self::ValidateToken => "validate_token",
            Self::ValidateKey => "validate_key",
            Self::Read(document) => document.name(),
            Self::ListLicenses => "list_licenses",
        }
    }

    /// One for each connection.
    pub(crate) fn visitors(self, world: &World, connections: u32) -> Vec<Box<dyn Visitor>> {
        (0..connections).map(|connection| self.visitor(world, connection, connections)).collect()
    }

    fn visitor(self, world: &World, connection: u32, connections: u32) -> Box<dyn Visitor> {
        let fleet = Rc::clone(&world.fleet);
        match self {
            Self::Heartbeat => Box::new(heartbeats::Heartbeats::of(fleet, connection, connections)),
            Self::Activate => Box::new(activations::Activations::of(fleet)),
            Self::ValidateToken => Box::new(validation::ByToken::of(Rc::clone(&world.tokens))),
            Self::ValidateKey => Box::new(validation::ByKey::of(fleet, connection, connections)),
            Self::Read(document) => Box::new(Get::of(world.path(document), "")),
            Self::ListLicenses => {
                Box::new(Get::of("/api/v1/license-keys?limit=50", &world.fleet.authorization()))
            }
        }
    }
}

/// What visitors know of a server.
pub(crate) struct World {
    pub(crate) fleet: Rc<Fleet>,
    /// Of some machines.
    pub(crate) tokens: Rc<[String]>,
    /// Path of the status list in which the first of them has its place.
    pub(crate) status_list: String,
}

impl World {
    pub(crate) fn path(&self, document: Document) -> &str {
        document.path().unwrap_or(&self.status_list)
    }
}
