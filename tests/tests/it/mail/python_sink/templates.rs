//! The vendor's own templates, and what values cannot do in any.

use std::fs;

use licentia_tests::{Backend, Shop};
use serde_json::json;

use super::{Sink, post};

#[tokio::test(flavor = "multi_thread")]
async fn a_vendors_templates_take_the_place_of_ours() {
    let mut sink = Sink::open();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("README.md", "These are ours.");
    write("layout.html", "<html><h1>ACME</h1>{% block body %}{% endblock %}</html>");
    write("license_issued.txt", "Subject: Willkommen bei {{ product }}\n\nSchlüssel: {{ key }}\n");
    let settings = [("MAIL__TEMPLATES_DIR", folder.path().to_str().unwrap())];
    let server = sink.server_with(Backend::Sqlite, &settings).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"customer": {"email": "ada@example.com"}})).await;
    post(&server).await;
    let letter = sink.letters().remove(0);
    assert!(letter.subject.starts_with("Willkommen bei "), "{}", letter.subject);
    assert_eq!(letter.text.trim(), format!("Schlüssel: {}", issued["licenseKey"].as_str().unwrap()));
    assert!(letter.html.contains("<h1>ACME</h1>") && letter.html.contains("Licence key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_do_nothing_in_letters() {
    let mut sink = Sink::open();
    let server = sink.server(Backend::Sqlite).await;
    let shop = Shop::open(&server).await;
    let product = format!("/products/{}", shop.product);
    let version = server.admin_get(&product).await.expect(200)["version"].to_string();
    let name = "<img src=x onerror=alert(1)> {{ key }} =?utf-8?q?x?= \u{2028}Bcc: eve@example.com";
    let edit = server.admin(reqwest::Method::PUT, &product).header("if-match", format!("\"{version}\""));
    licentia_tests::Reply::of(edit.json(&json!({"name": name}))).await.expect(200);
    shop.issue(&server, json!({"customer": {"email": "ada@example.com"}})).await;
    post(&server).await;
    let letter = sink.letters().remove(0);
    assert_eq!(letter.to, ["ada@example.com"]);
    assert!(!letter.headers.iter().any(|(name, _)| name == "Bcc"), "{:?}", letter.headers);
    assert!(letter.subject.contains("{{ key }}") && !letter.subject.contains('\n'), "{}", letter.subject);
    assert!(letter.html.contains("&lt;img src=x") && !letter.html.contains("<img"), "{}", letter.html);
}
