//! Letters: what the server writes to people.

use serde::{Deserialize, Serialize};

use crate::ids::{CustomerId, MailId};
use crate::text::Email;
use crate::time::Timestamp;

macro_rules! templates {
    ($($(#[$doc:meta])* $name:ident = $text:tt;)*) => {
        /// What a letter is about. A template of its own is written for each, which a vendor may replace.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
        #[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum MailTemplate {
            $(
                $(#[$doc])*
                #[serde(rename = $text)]
                #[cfg_attr(feature = "orm", sea_orm(string_value = $text))]
                $name,
            )*
        }

        impl MailTemplate {
            /// Every template.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name, which its files have too.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

templates! {
    /// A customer shows that the address is his.
    MailConfirmation = "mail_confirmation";
    /// Six digits with which a customer signs in.
    SignInCode = "sign_in_code";
    /// A customer sets another password.
    PasswordReset = "password_reset";
    /// Somebody else tried to take a customer's licence over.
    ClaimNoticed = "claim_noticed";
    /// An admin was made, and sets his password.
    AdminInvited = "admin_invited";
    /// An admin's password was taken away, and he sets another one.
    AdminPasswordReset = "admin_password_reset";
    /// An admin said that he forgot his password.
    AdminPasswordForgotten = "admin_password_forgotten";
    /// A licence was issued.
    LicenseIssued = "license_issued";
    /// A licence expires soon.
    LicenseExpiring = "license_expiring";
    /// A licence has expired.
    LicenseExpired = "license_expired";
    /// A licence was taken back.
    LicenseRevoked = "license_revoked";
    /// The last seat of a licence was taken.
    SeatsFull = "seats_full";
    /// Two machines share one installation.
    CloneSuspected = "clone_suspected";
    /// A machine waits until somebody lets it in.
    MachineWaiting = "machine_waiting";
    /// An operator looks whether letters arrive.
    Test = "test";
}

/// How far a letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MailStatus {
    /// It will be sent, or sent again.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "waiting"))]
    Waiting,
    /// It is being handed to the mail server. When it stays so, whoever did that died over it; it is sent again.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "sending"))]
    Sending,
    /// The mail server took it.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "sent"))]
    Sent,
    /// It was refused for good, or too late. Nobody sends it any more, unless somebody asks for it.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "failed"))]
    Failed,
}

/// A letter; what stands in it is shown to nobody.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MailResponse {
    /// `mail_…`; part of its `Message-ID`.
    pub id: MailId,
    /// What it is about.
    pub template: MailTemplate,
    /// To whom.
    pub to: Email,
    /// The customer whom it concerns.
    pub customer_id: Option<CustomerId>,
    /// How far it is.
    pub status: MailStatus,
    /// How often it was tried.
    pub attempts: i32,
    /// How often nobody knows whether the mail server took it: so often it may have arrived besides.
    pub doubtful: i32,
    /// Why it was not taken the last time.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it is tried next; null: it is not.
    pub due_at: Option<Timestamp>,
    /// When the mail server took it.
    pub sent_at: Option<Timestamp>,
}

/// To whom a letter goes that only shows that letters arrive.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestMailRequest {
    /// The address.
    pub to: Email,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_are_what_is_written() {
        let names: std::collections::BTreeSet<_> = MailTemplate::ALL.iter().map(|one| one.as_str()).collect();
        assert_eq!(names.len(), MailTemplate::ALL.len());
        for template in MailTemplate::ALL {
            assert_eq!(serde_json::to_value(template).unwrap(), template.as_str());
        }
    }
}
