//! Ids: a `UUIDv7` inside, a `TypeID` outside (`lic_` + 26 symbols of Crockford base32, lower case).
//!
//! The first 48 bits are the creation time in milliseconds, so ids sort by age and a page of a
//! list can be continued from an id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Symbols of an encoded id: 26 × 5 = 130 bits hold 128.
const SYMBOLS: usize = 26;

/// The text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_… (26 symbols)")]
pub struct IdInvalid {
    prefix: &'static str,
}

fn encode(id: Uuid) -> String {
    let mut rest = id.as_u128();
    let mut symbols = [0_u8; SYMBOLS];
    for symbol in symbols.iter_mut().rev() {
        let low = usize::try_from(rest & 31).unwrap_or_default();
        *symbol = ALPHABET.get(low).copied().unwrap_or_default();
        rest >>= 5;
    }
    symbols.iter().copied().map(char::from).collect()
}

fn decode(text: &str) -> Option<Uuid> {
    if text.len() != SYMBOLS || !text.starts_with(|first| ('0'..='7').contains(&first)) {
        return None;
    }
    text.bytes()
        .try_fold(0_u128, |bits, byte| {
            let symbol = ALPHABET.iter().position(|known| *known == byte)?;
            Some(bits << 5 | u128::try_from(symbol).ok()?)
        })
        .map(Uuid::from_u128)
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "orm", derive(sea_orm::DeriveValueType))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a `UUIDv7` made by the caller's clock and randomness.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The id as the database stores it.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", Self::PREFIX, encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdInvalid;

            fn from_str(text: &str) -> Result<Self, IdInvalid> {
                text.strip_prefix(Self::PREFIX)
                    .and_then(|rest| rest.strip_prefix('_'))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(IdInvalid { prefix: Self::PREFIX })
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdInvalid;

            fn try_from(text: String) -> Result<Self, IdInvalid> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        #[cfg(feature = "orm")]
        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-hjkmnp-tv-z]{26}$")))
                    .examples([concat!($prefix, "_01h455vb4pex5vsknk084sn02q")])
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}

typed_id!(
    /// A product.
    ProductId, "prod"
);
typed_id!(
    /// A feature of a product.
    FeatureId, "feat"
);
typed_id!(
    /// A pricing tier of a product.
    TierId, "tier"
);
typed_id!(
    /// A customer.
    CustomerId, "cus"
);
typed_id!(
    /// A licence.
    LicenseId, "lic"
);
typed_id!(
    /// One machine on a licence.
    ActivationId, "act"
);
typed_id!(
    /// A machine that waits until somebody lets it in.
    ActivationClaimId, "acl"
);
typed_id!(
    /// A licence file.
    LicenseFileId, "file"
);
typed_id!(
    /// An approved build.
    AssemblyApprovalId, "asm"
);
typed_id!(
    /// An API key (not its secret).
    ApiKeyId, "key"
);
typed_id!(
    /// Somebody who administers the server.
    AdminId, "adm"
);
typed_id!(
    /// What begins when somebody signs in, and ends at the latest when he signs out.
    SessionId, "ses"
);
typed_id!(
    /// An entry of the audit log.
    AuditEventId, "aud"
);
typed_id!(
    /// A warning or an error of the server itself.
    SystemEventId, "sys"
);
typed_id!(
    /// An import.
    ImportId, "imp"
);
typed_id!(
    /// What a customer asked for that is answered by a letter.
    AccountRequestId, "acr"
);
typed_id!(
    /// A group of customers and licences.
    GroupId, "grp"
);
typed_id!(
    /// A letter.
    MailId, "mail"
);
typed_id!(
    /// What is to be done for somebody who forgot his password.
    PasswordRequestId, "pwr"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encodes_as_the_typeid_specification_does() {
        let id = Uuid::parse_str("0188bac7-4afa-78aa-bc3b-bd1eef28d881").unwrap();
        assert_eq!(encode(id), "01h2xcejqtf2nbrexx3vqjhp41");
    }

    #[test]
    fn refuses_another_prefix_and_overflow() {
        assert!("cus_01h2xcejqtf2nbrexx3vqjhp41".parse::<LicenseId>().is_err());
        assert!("lic_81h2xcejqtf2nbrexx3vqjhp41".parse::<LicenseId>().is_err());
        assert!("lic_01H2XCEJQTF2NBREXX3VQJHP41".parse::<LicenseId>().is_err());
    }

    proptest! {
        #[test]
        fn every_id_survives_the_round_trip(bits in any::<u128>()) {
            let id = ActivationId::new(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse::<ActivationId>().unwrap(), id);
        }
    }
}
