//! What stands in each letter, by an example: the members that a template may use, and whoever posts has to give.

use serde_json::{Value, json};

use super::Template;

/// An example of what a letter is written from. Members that may be null are in [`may_be_null`].
pub(super) fn of(template: Template) -> Value {
    match template {
        Template::MailConfirmation | Template::PasswordReset => {
            json!({"token": "lxt_0123456789", "minutes": 60})
        }
        Template::SignInCode => json!({"code": "123456", "minutes": 10}),
        Template::ClaimNoticed => json!({"product": "Example", "license": "lic_0123456789"}),
        Template::AdminInvited | Template::AdminPasswordReset => {
            json!({"name": "Ada", "token": "lpt_0123456789", "hours": 24})
        }
        Template::AdminPasswordForgotten => json!({"name": "Ada", "token": "lpt_0123456789", "minutes": 60}),
        Template::LicenseIssued => json!({
            "product": "Example", "license": "lic_0123456789", "key": "EXAMPLE-0123-4567", "expiresOn": "2030-01-31",
            "trial": false,
        }),
        Template::LicenseExpiring => json!({
            "product": "Example", "license": "lic_0123456789", "maskedKey": "EXAMPLE-…-4567", "days": 30,
            "expiresOn": "2030-01-31",
        }),
        Template::LicenseExpired => json!({
            "product": "Example", "license": "lic_0123456789", "maskedKey": "EXAMPLE-…-4567",
            "expiresOn": "2030-01-31",
        }),
        Template::LicenseRevoked => json!({
            "product": "Example", "license": "lic_0123456789", "maskedKey": "EXAMPLE-…-4567",
        }),
        Template::SeatsFull => json!({
            "product": "Example", "license": "lic_0123456789", "maskedKey": "EXAMPLE-…-4567", "seats": 5,
        }),
        Template::CloneSuspected | Template::MachineWaiting => json!({
            "product": "Example", "license": "lic_0123456789", "maskedKey": "EXAMPLE-…-4567", "hostname": "pc-1",
        }),
        Template::Test => json!({}),
    }
}

/// Members that a letter may do without.
const fn may_be_null(template: Template) -> &'static [&'static str] {
    match template {
        Template::LicenseIssued => &["key", "expiresOn"],
        Template::LicenseExpiring | Template::LicenseExpired => &["expiresOn"],
        Template::SeatsFull => &["seats"],
        Template::CloneSuspected | Template::MachineWaiting => &["hostname"],
        Template::MailConfirmation
        | Template::SignInCode
        | Template::PasswordReset
        | Template::ClaimNoticed
        | Template::AdminInvited
        | Template::AdminPasswordReset
        | Template::AdminPasswordForgotten
        | Template::LicenseRevoked
        | Template::Test => &[],
    }
}

/// The same without whatever a letter may do without.
pub(super) fn least_of(template: Template) -> Value {
    let mut sample = of(template);
    for member in may_be_null(template) {
        if let Some(value) = sample.get_mut(*member) {
            *value = Value::Null;
        }
    }
    sample
}

/// Whether `values` has the members of the template's letters: all of them, and no others.
pub(super) fn has_members_of(template: Template, values: &Value) -> bool {
    let sample = of(template);
    let (Some(sample), Some(values)) = (sample.as_object(), values.as_object()) else { return false };
    let known = values.iter().all(|(name, value)| {
        sample.contains_key(name) && (!value.is_null() || may_be_null(template).contains(&name.as_str()))
    });
    known && values.len() == sample.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_their_own_members_and_those_that_may_be_missing() {
        for template in Template::ALL {
            assert!(has_members_of(*template, &of(*template)));
            assert!(has_members_of(*template, &least_of(*template)));
            assert!(may_be_null(*template).iter().all(|member| of(*template).get(member).is_some()));
        }
    }

    #[test]
    fn what_is_missing_null_or_too_much_is_seen() {
        let fits = |values| has_members_of(Template::SignInCode, &values);
        assert!(fits(json!({"code": "000000", "minutes": 5})));
        assert!(!fits(json!({"code": "000000"})));
        assert!(!fits(json!({"code": null, "minutes": 5})));
        assert!(!fits(json!({"code": "000000", "minutes": 5, "name": "Ada"})));
    }
}
