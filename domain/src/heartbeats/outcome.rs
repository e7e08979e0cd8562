//! How a heartbeat ended in its batch, and what its caller has to do yet.

use std::sync::Arc;

use licentia_entity::activation;
use licentia_types::time::Timestamp;

use super::contact::Contact;
use super::error::HeartbeatError;
use super::standing::Standing;
use super::worth::Worth;
use crate::lanes::SignedToken;
use crate::licenses::grants::Granted;
use crate::signing_keys::SigningKey;

/// How a heartbeat ended in its batch.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The nonce was rotated and the contact recorded, durably: the answer is to be signed.
    Rotated(Box<Rotated>),
    /// The machine's lease had ended: it needs a seat first, in a transaction of its own.
    Lapsed(Box<(Standing, Contact)>),
    /// The nonce was used before: a copy of the installation, which is to be written down.
    Reused(Box<Standing>),
    /// Nothing was written.
    Refused(HeartbeatError, Option<Box<activation::Model>>),
}

/// A heartbeat that was committed.
#[derive(Debug)]
pub(super) struct Rotated {
    /// When it was judged.
    pub(super) now: Timestamp,
    /// As it is stored now.
    pub(super) machine: activation::Model,
    pub(super) granted: Arc<Granted>,
    pub(super) worth: Worth,
    pub(super) contact: Contact,
    /// What the machine's row says that its token is signed with.
    pub(super) signing_key: Arc<SigningKey>,
    /// Its token, where it was signed together with others.
    pub(super) token: Option<SignedToken>,
}
