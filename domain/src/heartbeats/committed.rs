//! A heartbeat that was committed with others, on its way to be signed with them.

use std::sync::Arc;

use licentia_crypto::jws::Unsigned;

use super::outcome::{Outcome, Rotated};
use super::queue::Waiting;
use super::worth::Worth;
use crate::context::Context;
use crate::lanes::{SignedToken, ToSign};
use crate::signing_keys::SigningKey;
use crate::tokens::Window;

/// Whoever waits, and what his token is made of.
pub(super) struct Committed {
    waiting: Waiting,
    rotated: Box<Rotated>,
    window: Window,
}

/// Sends each outcome on its way: by the lanes where a token is to be signed and nothing is to be written before.
pub(super) fn end(ctx: &Context, outcomes: impl Iterator<Item = (Waiting, Outcome)>) {
    let mut committed: Vec<Box<dyn ToSign>> = Vec::new();
    for (waiting, outcome) in outcomes {
        match outcome {
            Outcome::Rotated(rotated) => match rotated.window_to_sign() {
                Some(window) => committed.push(Box::new(Committed { waiting, rotated, window })),
                None => waiting.end(Outcome::Rotated(rotated)),
            },
            outcome => waiting.end(outcome),
        }
    }
    ctx.lanes.take(committed);
}

impl Rotated {
    /// The window of its token, where one is to be signed and the key may sign it.
    fn window_to_sign(&self) -> Option<Window> {
        match self.worth {
            Worth::Token { window, .. } => self.signing_key.is_reserved(window.stale_until).then_some(window),
            _ => None,
        }
    }
}

impl ToSign for Committed {
    fn key(&self) -> &Arc<SigningKey> {
        &self.rotated.signing_key
    }

    fn unsigned(&self, ctx: &Context) -> Option<Unsigned> {
        self.rotated.unsigned(ctx, self.window).ok()
    }

    fn is_awaited(&self) -> bool {
        self.waiting.is_awaited()
    }

    fn end(self: Box<Self>, token: Option<SignedToken>) {
        let Self { waiting, mut rotated, .. } = *self;
        rotated.token = token;
        waiting.end(Outcome::Rotated(rotated));
    }
}
