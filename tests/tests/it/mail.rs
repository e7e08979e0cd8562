//! Letters: written with what they are about, sent once, whatever happens on the way.

mod python_sink;

use licentia_domain::database::Lane;
use licentia_domain::mail::Template;
use licentia_entity::mail;
use licentia_tests::{Backend, Shop, TestServer, on_both};
use licentia_types::ids::MailId;
use licentia_types::mails::MailStatus;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::json;

on_both![without_mail_nothing_is_written_and_nothing_is_missing];

/// Where a server would have to be reached, and nobody is. A port that was free a moment ago may be another test's by now.
pub(crate) fn nobody_there() -> String {
    "1".to_owned()
}

/// The configuration of a server that sends letters to this port of this machine, with more.
pub(crate) fn settings(port: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let common = [
        ("MAIL__SENDER", "smtp"),
        ("MAIL__FROM", "Vendor <licences@vendor.example>"),
        ("MAIL__SMTP__HOST", "localhost"),
        ("MAIL__SMTP__PORT", port),
        ("MAIL__SMTP__TLS", "none"),
    ];
    common.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The same as the harness takes it. What comes later counts.
pub(crate) fn borrowed(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// A letter that nobody sends any more; its id.
pub(crate) async fn given_up(server: &TestServer) -> String {
    let moment = server.context.moment();
    let id = MailId::new(moment.new_uuid().unwrap());
    let letter = mail::Model {
        id,
        template: Template::Test,
        recipient: "ada@example.com".parse().unwrap(),
        customer_id: None,
        event_id: None,
        status: MailStatus::Failed,
        urgent: false,
        letter: None,
        attempts: 1,
        doubtful: 0,
        last_error: Some("no such mailbox".to_owned()),
        created_at: moment.now,
        due_at: moment.now,
        give_up_at: moment.now,
        sent_at: None,
    };
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    letter.into_active_model().reset_all().insert(&tx).await.unwrap();
    tx.commit().await.unwrap();
    id.to_string()
}

async fn without_mail_nothing_is_written_and_nothing_is_missing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    shop.issue(&server, json!({"customer": {"email": "ada@example.com"}})).await;
    let ada = json!({"email": "ada@example.com", "name": "Ada", "role": "viewer"});
    let made = server.admin_post("/admins", ada).await.expect(201);
    assert!(made["passwordToken"].as_str().unwrap().starts_with("lpt_"));
    server.clock.advance(60);
    server.run_jobs().await;
    assert_eq!(server.admin_get("/mails").await.expect(200)["total"], 0);
    assert!(mail::Entity::find().one(&server.context.db).await.unwrap().is_none());
    for (path, body) in [
        ("/auth/password/forgot", json!({"email": "ada@example.com"})),
        ("/settings/mail/test", json!({"to": "ada@example.com"})),
    ] {
        server.admin_post(path, body).await.expect_problem(409, "STATE_CONFLICT");
    }
}
