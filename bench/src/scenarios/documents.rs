//! Documents that everybody may read, and lists.

use anyhow::ensure;

use crate::http::{Answer, Request};
use crate::load::Visitor;

/// What is prepared once and served to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Document {
    Jwks,
    Discovery,
    StatusList,
}

impl Document {
    pub(crate) const ALL: [Self; 3] = [Self::Jwks, Self::Discovery, Self::StatusList];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Jwks => "jwks",
            Self::Discovery => "discovery",
            Self::StatusList => "status_list",
        }
    }

    /// The same from the server of static bytes.
    pub(crate) const fn static_name(self) -> &'static str {
        match self {
            Self::Jwks => "static_jwks",
            Self::Discovery => "static_discovery",
            Self::StatusList => "static_status_list",
        }
    }

    /// Where it is; a status list has its number in its path.
    pub(crate) const fn path(self) -> Option<&'static str> {
        match self {
            Self::Jwks => Some("/.well-known/jwks.json"),
            Self::Discovery => Some("/.well-known/license-configuration"),
            Self::StatusList => None,
        }
    }
}

/// Asks for the same again and again.
pub(crate) struct Get {
    path: String,
    headers: String,
}

impl Get {
    /// `headers` are whole lines.
    pub(crate) fn of(path: &str, headers: &str) -> Self {
        Self { path: path.to_owned(), headers: headers.to_owned() }
    }
}

impl Visitor for Get {
    fn ask(&mut self, request: &mut Request) -> bool {
        request.get(&self.path, &self.headers);
        true
    }

    fn check(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        answer.expect(200)?;
        ensure!(!answer.body.is_empty(), "the answer is empty");
        Ok(())
    }
}
