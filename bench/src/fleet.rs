//! The seeded machines as clients: who they are, and the nonce that each of them holds.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use licentia_crypto::nonces::Nonce;
use secrecy::ExposeSecret;

use crate::names::{self, Names};
use crate::seeding::Seeded;
use crate::signature::Verifier;

/// All machines of one database.
pub(crate) struct Fleet {
    seeded: Rc<Seeded>,
    /// Nonces of those that have called already.
    nonces: RefCell<HashMap<u32, String>>,
    newcomers: Cell<u32>,
    verifier: RefCell<Verifier>,
}

impl Fleet {
    pub(crate) fn of(seeded: Rc<Seeded>, verifier: Verifier) -> Self {
        Self { seeded, nonces: RefCell::default(), newcomers: Cell::new(0), verifier: RefCell::new(verifier) }
    }

    pub(crate) fn names(&self) -> Names {
        self.seeded.names
    }

    /// One of the machines that this connection of so many speaks for.
    pub(crate) fn any(&self, connection: u32, connections: u32) -> u32 {
        let own = (self.names().machines - connection).div_ceil(connections);
        connection + fastrand::u32(..own) * connections
    }

    /// The nonce that a machine holds.
    pub(crate) fn nonce(&self, machine: u32) -> String {
        let held = self.nonces.borrow().get(&machine).cloned();
        held.unwrap_or_else(|| {
            let Nonce { epoch, generation } = self.seeded.chain;
            let id = self.names().activation(machine).uuid();
            self.seeded.nonces.mint(id.as_bytes(), Nonce { epoch, generation })
        })
    }

    /// The machine keeps the nonce that it was given.
    pub(crate) fn keep(&self, machine: u32, nonce: &str) {
        self.nonces.borrow_mut().insert(machine, nonce.to_owned());
    }

    /// A machine that was not there before, and the key of a licence with a free seat for it; none
    /// when all seats are taken.
    pub(crate) fn newcomer(&self) -> Option<(String, String)> {
        let number = self.newcomers.get();
        let license = self.names().license_for(number)?;
        self.newcomers.set(number + 1);
        Some((names::new_fingerprint(number), self.key(license)))
    }

    /// The key of the licence of a machine.
    pub(crate) fn key_of(&self, machine: u32) -> String {
        self.key(names::license_of(machine))
    }

    fn key(&self, license: u32) -> String {
        names::license_key(&self.seeded.prefix, license).canonical().to_owned()
    }

    /// A header line that lets an admin in.
    pub(crate) fn authorization(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.seeded.admin_key.expose_secret())
    }

    /// Refuses a token that the server did not sign.
    pub(crate) fn verify(&self, token: &str) -> anyhow::Result<()> {
        self.verifier.borrow_mut().verify(token)
    }
}
