//! A pasted token: whose it is.

use std::sync::Arc;

use licentia_types::time::Timestamp;
use licentia_types::tokens::LicenseClaims;

use super::LookupError;
use crate::context::Context;
use crate::tokens::{NotOurs, Parsed, TokenFault, genuine, parse};

/// A token that this server made, as far as can be told.
pub(super) enum Token {
    /// Signed by us; its time may be over.
    Signed(Arc<LicenseClaims>),
    /// Encrypted to the key with this thumbprint; only its owner can open it.
    Encrypted { consumer_key: String },
}

impl Token {
    pub(super) async fn read(ctx: &Context, text: &str, now: Timestamp) -> Result<Self, LookupError> {
        match parse(text).map_err(refused)? {
            Parsed::Encrypted(header) => Ok(Self::Encrypted { consumer_key: header.kid }),
            Parsed::Signed(_) => {
                let claims = genuine(ctx, text, now).await.map_err(refused)?;
                Ok(Self::Signed(claims))
            }
        }
    }
}

pub(super) fn refused(fault: TokenFault) -> LookupError {
    NotOurs::from(fault).into()
}
