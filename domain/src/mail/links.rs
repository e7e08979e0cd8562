//! Where what a letter asks for is done: pages of the vendor, who puts the letter's token to work.

use super::Template;

/// Where `{token}` stands in a link.
const TOKEN: &str = "{token}";

/// Links, with `{token}` where the token goes; without one a letter shows the token itself.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// Where a customer shows that an address is his.
    pub confirmation: Option<String>,
    /// Where a customer sets another password.
    pub customer_password: Option<String>,
    /// Where an admin sets his password.
    pub admin_password: Option<String>,
}

impl Links {
    /// Whether a token has its place in a link.
    #[must_use]
    pub fn has_place(link: &str) -> bool {
        link.contains(TOKEN)
    }

    /// The link of a letter with this token.
    pub(super) fn of(&self, template: Template, token: &str) -> Option<String> {
        let link = match template {
            Template::MailConfirmation => &self.confirmation,
            Template::PasswordReset => &self.customer_password,
            Template::AdminInvited | Template::AdminPasswordReset | Template::AdminPasswordForgotten => {
                &self.admin_password
            }
            Template::SignInCode
            | Template::ClaimNoticed
            | Template::LicenseIssued
            | Template::LicenseExpiring
            | Template::LicenseExpired
            | Template::LicenseRevoked
            | Template::SeatsFull
            | Template::CloneSuspected
            | Template::MachineWaiting
            | Template::Test => &None,
        };
        link.as_ref().map(|link| link.replace(TOKEN, token))
    }
}
