//! What letters look like: a text and its HTML for each template, ours or the vendor's.
//!
//! Of a text the first line is the subject. In HTML every value is escaped; a subject is one line, whatever stands in
//! its values. All are tried with an example when they are read, so that a mistake is found at the start and not when
//! somebody waits for a letter.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::Value;

use super::{Template, samples};

const SUBJECT: &str = "Subject:";
/// What all HTML stands in.
const LAYOUT: &str = "layout.html";
/// RFC 5322 §2.1.1: a line has 998 octets at most, and subjects are encoded.
const LONGEST_SUBJECT: usize = 200;

macro_rules! built_in {
    ($($name:ident = $text:literal;)*) => {
        /// The texts that come with the server.
        const fn built_in(template: Template) -> (&'static str, &'static str) {
            match template {
                $(Template::$name => (
                    include_str!(concat!("templates/", $text, ".txt")),
                    include_str!(concat!("templates/", $text, ".html")),
                ),)*
            }
        }
    };
}

built_in! {
    MailConfirmation = "mail_confirmation";
    SignInCode = "sign_in_code";
    PasswordReset = "password_reset";
    ClaimNoticed = "claim_noticed";
    AdminInvited = "admin_invited";
    AdminPasswordReset = "admin_password_reset";
    AdminPasswordForgotten = "admin_password_forgotten";
    LicenseIssued = "license_issued";
    LicenseExpiring = "license_expiring";
    LicenseExpired = "license_expired";
    LicenseRevoked = "license_revoked";
    SeatsFull = "seats_full";
    CloneSuspected = "clone_suspected";
    MachineWaiting = "machine_waiting";
    Test = "test";
}

/// A template cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the mail template {file} cannot be used: {cause}")]
pub struct TemplateInvalid {
    /// Which file.
    file: String,
    /// What is wrong with it.
    cause: String,
}

/// All templates.
pub struct Templates(Environment<'static>);

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Templates")
    }
}

/// What a letter says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl Templates {
    /// Ours, but for those that `other` gives by the name of their file (`license_issued.txt`, `layout.html`).
    ///
    /// # Errors
    /// When one cannot be read, has no subject, or uses what its letters do not have.
    pub fn read(other: impl Fn(&str) -> Option<String>) -> Result<Self, TemplateInvalid> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| {
            if name.rsplit_once('.').is_some_and(|(_, end)| end == "html") {
                AutoEscape::Html
            } else {
                AutoEscape::None
            }
        });
        let layout = other(LAYOUT).unwrap_or_else(|| include_str!("templates/layout.html").to_owned());
        add(&mut environment, LAYOUT.to_owned(), layout)?;
        for template in Template::ALL {
            let name = template.as_str();
            let (text, html) = built_in(*template);
            let file = format!("{name}.txt");
            let text = other(&file).unwrap_or_else(|| text.to_owned());
            let (subject, text) = divide(&file, &text)?;
            add(&mut environment, format!("{name}.subject"), subject)?;
            add(&mut environment, file, text)?;
            let file = format!("{name}.html");
            let html = other(&file).unwrap_or_else(|| html.to_owned());
            add(&mut environment, file, html)?;
        }
        let templates = Self(environment);
        templates.try_all()?;
        Ok(templates)
    }

    /// Whether a file of this name has any say: another one is a mistake.
    #[must_use]
    pub fn is_known(file: &str) -> bool {
        let of_template = |stem: &str| Template::ALL.iter().any(|template| template.as_str() == stem);
        file == LAYOUT || file.strip_suffix(".txt").or(file.strip_suffix(".html")).is_some_and(of_template)
    }

    /// With whatever may be there, and without.
    fn try_all(&self) -> Result<(), TemplateInvalid> {
        for template in Template::ALL {
            let samples = [samples::of(*template), samples::least_of(*template)];
            for values in samples {
                for link in [Some("https://vendor.example/?token=lxt_0123456789"), None] {
                    self.render(*template, &values, link, "https://licences.vendor.example")?;
                }
            }
        }
        Ok(())
    }

    /// Writes a letter out.
    pub(super) fn render(
        &self,
        template: Template,
        values: &Value,
        link: Option<&str>,
        server: &str,
    ) -> Result<Rendered, TemplateInvalid> {
        let mut values = values.clone();
        if let Some(members) = values.as_object_mut() {
            members.insert("link".to_owned(), link.into());
            members.insert("server".to_owned(), server.into());
        }
        let name = template.as_str();
        let part = |suffix: &str| {
            let file = format!("{name}.{suffix}");
            let rendered = self.0.get_template(&file).and_then(|one| one.render(Serde(&values)));
            rendered.map_err(|error| invalid(file, &error))
        };
        Ok(Rendered { subject: one_line(&part("subject")?), text: part("txt")?, html: part("html")? })
    }
}

fn add(environment: &mut Environment<'static>, file: String, text: String) -> Result<(), TemplateInvalid> {
    environment.add_template_owned(file.clone(), text).map_err(|error| invalid(file, &error))
}

/// The values that a template was tried with are examples; a letter's own are not told.
fn invalid(file: String, error: &minijinja::Error) -> TemplateInvalid {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    TemplateInvalid { file, cause: format!("{}{line}", error.kind()) }
}

/// The subject's line, and what follows it.
fn divide(file: &str, text: &str) -> Result<(String, String), TemplateInvalid> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let subject = first.strip_prefix(SUBJECT).map(str::trim).filter(|subject| !subject.is_empty());
    match subject {
        Some(subject) => Ok((subject.to_owned(), rest.trim_start_matches(['\r', '\n']).to_owned())),
        None => Err(TemplateInvalid {
            file: file.to_owned(),
            cause: format!("its first line has to be `{SUBJECT} …`"),
        }),
    }
}

/// No value of a subject begins another header.
fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_SUBJECT).collect()
}

#[cfg(test)]
mod tests;
