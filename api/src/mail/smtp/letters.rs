//! A letter as bytes (RFC 5322, MIME).

use lettre::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mime, MultiPart};
use licentia_domain::mail::Message;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// `Auto-Submitted` (RFC 3834 §5): nobody's absence answers it.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Cause> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The letter, with the same `Message-ID` each time.
pub(super) fn letter(from: &Mailbox, to: &Address, message: &Message) -> Result<Vec<u8>, String> {
    let id = format!("<{}@{}>", message.id, from.email.domain());
    let parts = MultiPart::alternative_plain_html(message.text.clone(), message.html.clone());
    let letter = Mime::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(message.subject.clone())
        .message_id(Some(id))
        .header(AutoSubmitted)
        .multipart(parts);
    letter.map(|letter| letter.formatted()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use licentia_types::ids::MailId;

    use super::*;

    fn written(subject: &str) -> String {
        let id: MailId = "mail_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let message = Message {
            id,
            to: "ada@example.com".parse().unwrap(),
            subject: subject.to_owned(),
            text: "Grüße\n.\nBcc: nobody@example.com".to_owned(),
            html: format!("<p>{}</p>", "long ".repeat(400)),
        };
        let from: Mailbox = "\"Ätna, Ltd.\" <licences@example.com>".parse().unwrap();
        let to = "ada@example.com".parse().unwrap();
        String::from_utf8(letter(&from, &to, &message).unwrap()).unwrap()
    }

    fn headers(letter: &str) -> Vec<&str> {
        letter.split("\r\n\r\n").next().unwrap().split("\r\n").collect()
    }

    #[test]
    fn its_name_is_its_ids() {
        let letter = written("Hello");
        assert!(headers(&letter).contains(&"Message-ID: <mail_01h455vb4pex5vsknk084sn02q@example.com>"));
        assert!(headers(&letter).contains(&"Auto-Submitted: auto-generated"));
    }

    #[test]
    fn a_subject_begins_no_other_header() {
        for subject in ["Hello\r\nBcc: all@example.com", "Hello\nBcc: all@example.com", "Grüße\r\n\r\nBcc: x"]
        {
            let letter = written(subject);
            assert!(!headers(&letter).iter().any(|line| line.starts_with("Bcc")), "{letter}");
        }
    }

    #[test]
    fn it_is_ascii_and_its_lines_are_short() {
        let letter = written("Grüße aus Köln");
        assert!(letter.is_ascii() && letter.split("\r\n").all(|line| line.len() <= 78), "{letter}");
    }
}
