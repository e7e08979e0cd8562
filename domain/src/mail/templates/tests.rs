use serde_json::json;

use super::*;

fn ours() -> Templates {
    Templates::read(|_| None).unwrap()
}

fn with(file: &'static str, text: &'static str) -> Result<Templates, TemplateInvalid> {
    Templates::read(move |name| (name == file).then(|| text.to_owned()))
}

fn rendered(templates: &Templates, template: Template, values: &Value) -> Rendered {
    templates.render(template, values, None, "https://licences.example").unwrap()
}

#[test]
fn each_of_ours_says_what_its_letter_is_about() {
    for template in Template::ALL {
        let values = samples::of(*template);
        let letter = rendered(&ours(), *template, &values);
        assert!(letter.subject.len() > 5 && letter.html.contains("<html"), "{template:?}");
        for secret in ["token", "code", "key"].iter().filter_map(|name| values.get(name)?.as_str()) {
            assert!(letter.text.contains(secret) && letter.html.contains(secret), "{template:?}");
        }
    }
}

#[test]
fn values_are_escaped_in_html_and_only_there() {
    let mut values = samples::of(Template::LicenseIssued);
    values["product"] = json!("<script>alert('x')</script> & \"Sons\"");
    let letter = rendered(&ours(), Template::LicenseIssued, &values);
    assert!(!letter.html.contains("<script>") && letter.html.contains("&lt;script&gt;"));
    assert!(letter.text.contains("<script>"));
}

#[test]
fn a_value_begins_no_header() {
    let mut values = samples::of(Template::LicenseIssued);
    values["product"] = json!("Desk\r\nBcc: all@victims.example\r\n\r\nbody\u{2028}x\u{85}y");
    let letter = rendered(&ours(), Template::LicenseIssued, &values);
    assert!(!letter.subject.contains(|c: char| c.is_control() || c == '\u{2028}'), "{:?}", letter.subject);
    assert!(letter.subject.contains("Desk Bcc: all@victims.example body x y"));
}

#[test]
fn a_subject_stays_short() {
    let mut values = samples::of(Template::LicenseIssued);
    values["product"] = json!("x".repeat(5_000));
    assert_eq!(rendered(&ours(), Template::LicenseIssued, &values).subject.chars().count(), LONGEST_SUBJECT);
}

#[test]
fn a_link_stands_where_the_token_stood() {
    let values = samples::of(Template::AdminInvited);
    let link = Some("https://vendor.example/set?token=a&b=\"c\"");
    let letter = ours().render(Template::AdminInvited, &values, link, "https://licences.example").unwrap();
    assert!(letter.text.contains("https://vendor.example/set?token=a&b=\"c\""));
    assert!(letter.html.contains("token=a&amp;b=&quot;c&quot;"));
}

#[test]
fn the_vendors_own_take_the_place_of_ours() {
    let own = with("test.txt", "Subject:  From {{ server }}\n\nHello.\n").unwrap();
    let letter = rendered(&own, Template::Test, &json!({}));
    assert_eq!((letter.subject.as_str(), letter.text.trim()), ("From https://licences.example", "Hello."));
    let branded = with("layout.html", "<html><b>ACME</b>{% block body %}{% endblock %}</html>").unwrap();
    assert!(rendered(&branded, Template::Test, &json!({})).html.contains("ACME"));
}

#[test]
fn a_template_that_cannot_work_is_refused_before_it_is_needed() {
    let cause = |file, text| with(file, text).unwrap_err().to_string();
    assert!(cause("test.txt", "Hello.").contains("first line"));
    assert!(cause("test.txt", "Subject: x\n{{ unknown }}").contains("test.txt"));
    assert!(cause("license_issued.html", "{% if %}").contains("license_issued.html"));
    // What may be missing is missing in one of the tries.
    assert!(with("license_issued.txt", "Subject: x\n{{ key|length }}").is_err());
    assert!(with("license_issued.txt", "Subject: x\n{% if key %}{{ key|length }}{% endif %}").is_ok());
}

#[test]
fn files_are_known_by_their_names() {
    for file in ["layout.html", "test.txt", "license_issued.html"] {
        assert!(Templates::is_known(file), "{file}");
    }
    for file in ["licence_issued.html", "test", "test.md", ".txt", "README"] {
        assert!(!Templates::is_known(file), "{file}");
    }
}
