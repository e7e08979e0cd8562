//! Letters to admins: an invitation, another password, one that was forgotten.

use licentia_domain::jobs::{self, Job};
use licentia_tests::{Backend, Shop, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Arrived, Sink, after, outbox, post};

on_both![
    whoever_is_made_an_admin_gets_his_token_and_nobody_else_does,
    a_forgotten_password_is_set_by_the_letter,
    nothing_tells_whether_an_address_is_known,
    nobodys_box_is_filled,
    what_somebody_waits_for_goes_before_the_rest,
    however_many_wait_for_theirs_the_oldest_goes_too,
    a_link_stands_where_one_is_configured,
];

const PASSWORD: &str = "plum violin gravel sunday";

async fn make(server: &TestServer, email: &str) -> Value {
    let body = json!({"email": email, "name": "Ada", "role": "viewer"});
    server.admin_post("/admins", body).await.expect(201)
}

async fn set(server: &TestServer, token: &str, password: &str) -> u16 {
    server.post("/auth/password/reset", json!({"token": token, "password": password})).await.status
}

async fn login(server: &TestServer, password: &str) -> u16 {
    server.post("/auth/login", json!({"email": "ada@example.com", "password": password})).await.status
}

async fn forget(server: &TestServer, email: &str) {
    server.post("/auth/password/forgot", json!({"email": email})).await.expect(204);
}

fn token(text: &str) -> &str {
    after(text, "token:")
}

async fn whoever_is_made_an_admin_gets_his_token_and_nobody_else_does(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let made = make(&server, "ada@example.com").await;
    assert!(made.get("passwordToken").is_none() && made["passwordTokenExpiresAt"].is_string(), "{made}");
    post(&server).await;
    let first = sink.letters().remove(0);
    assert_eq!(first.to, ["ada@example.com"]);
    assert!(first.text.contains("Hello Ada") && first.html.contains(token(&first.text)));
    assert_eq!(set(&server, token(&first.text), PASSWORD).await, 204);
    assert_eq!(login(&server, PASSWORD).await, 200);

    let reset = format!("/admins/{}/reset-password", made["id"].as_str().unwrap());
    let answer = server.admin_post(&reset, json!({})).await.expect(200);
    assert!(answer.get("passwordToken").is_none());
    assert_eq!(login(&server, PASSWORD).await, 401);
    post(&server).await;
    let second = sink.letters().remove(1);
    assert_eq!(set(&server, token(&second.text), "another violin gravel").await, 204);
}

async fn a_forgotten_password_is_set_by_the_letter(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    make(&server, "ada@example.com").await;
    post(&server).await;
    assert_eq!(set(&server, token(&sink.letters()[0].text), PASSWORD).await, 204);

    forget(&server, "ADA@example.com").await;
    post(&server).await;
    // Until somebody uses the token, nothing has changed.
    assert_eq!(login(&server, PASSWORD).await, 200);
    let letter = sink.letters().remove(1);
    assert_eq!(letter.to, ["ada@example.com"]);
    assert_eq!(set(&server, token(&letter.text), "another violin gravel").await, 204);
    assert_eq!(set(&server, token(&letter.text), "a third violin gravel").await, 401);
    assert_eq!((login(&server, PASSWORD).await, login(&server, "another violin gravel").await), (401, 200));

    forget(&server, "ada@example.com").await;
    post(&server).await;
    let late = sink.letters().remove(2);
    server.clock.advance(3_600);
    assert_eq!(set(&server, token(&late.text), "a third violin gravel").await, 401);
}

async fn nothing_tells_whether_an_address_is_known(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let made = make(&server, "ada@example.com").await;
    let disabled = make(&server, "eve@example.com").await["id"].as_str().unwrap().to_owned();
    server.admin_delete(&format!("/admins/{disabled}")).await.expect(204);
    post(&server).await;
    let before = sink.letters().len();
    let mut costs = Vec::new();
    for email in ["ada@example.com", "nobody@example.com", "eve@example.com"] {
        let statements = server.context.db.statements();
        let reply = server.post("/auth/password/forgot", json!({"email": email})).await;
        costs.push((reply.status, reply.text, server.context.db.statements() - statements));
    }
    assert!(costs.windows(2).all(|two| two[0] == two[1]), "{costs:?}");
    post(&server).await;
    let letters = sink.letters().split_off(before);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].to, ["ada@example.com"]);
    let events = server.admin_get("/audit-events?action=admin.password_forgotten").await.expect(200);
    assert_eq!((events["total"].as_i64(), &events["items"][0]["subject"]), (Some(1), &made["id"]));
}

async fn nobodys_box_is_filled(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    make(&server, "ada@example.com").await;
    for _ in 0..10 {
        forget(&server, "ada@example.com").await;
        post(&server).await;
    }
    // The invitation's token is one of the three.
    assert_eq!(sink.letters().len(), 3);
    server.clock.advance(3_600);
    forget(&server, "ada@example.com").await;
    post(&server).await;
    assert_eq!(sink.letters().len(), 4);
    assert_eq!(outbox(&server, "&template=admin_password_forgotten").await.len(), 3);
}

async fn what_somebody_waits_for_goes_before_the_rest(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    make(&server, "ada@example.com").await;
    post(&server).await;
    let shop = Shop::open(&server).await;
    for number in 0..5 {
        shop.issue(&server, json!({"customer": {"email": format!("buyer-{number}@example.com")}})).await;
    }
    // They are written, and due, before she says that she forgot her password.
    jobs::run(&server.context, Job::WriteMail).await.unwrap();
    assert_eq!(outbox(&server, "&status=waiting").await.len(), 5);
    server.clock.advance(30);
    forget(&server, "ada@example.com").await;
    jobs::run(&server.context, Job::WriteMail).await.unwrap();
    jobs::run(&server.context, Job::SendMail).await.unwrap();
    let sent = sink.letters().split_off(1);
    assert_eq!(sent.len(), 6);
    assert_eq!(sent[0].to, ["ada@example.com"]);
    assert!(sent[1..].iter().all(|letter| letter.to[0].starts_with("buyer-")));
}

async fn however_many_wait_for_theirs_the_oldest_goes_too(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let shop = Shop::open(&server).await;
    for number in 0..2 {
        shop.issue(&server, json!({"customer": {"email": format!("buyer-{number}@example.com")}})).await;
    }
    jobs::run(&server.context, Job::WriteMail).await.unwrap();
    server.clock.advance(30);
    // Invitations, which somebody waits for.
    for number in 0..8 {
        make(&server, &format!("admin-{number}@example.com")).await;
    }
    jobs::run(&server.context, Job::SendMail).await.unwrap();
    let sent = sink.letters();
    let bought = |letter: &Arrived| letter.to[0].starts_with("buyer-");
    let places: Vec<usize> = (0..sent.len()).filter(|place| bought(&sent[*place])).collect();
    assert_eq!((sent.len(), places), (10, vec![3, 7]));
}

async fn a_link_stands_where_one_is_configured(backend: Backend) {
    let mut sink = Sink::open();
    let link = [("MAIL__ADMIN_PASSWORD_LINK", "https://vendor.example/password?a=1&b=2#token={token}")];
    let server = sink.server_with(backend, &link).await;
    make(&server, "ada@example.com").await;
    post(&server).await;
    let letter = sink.letters().remove(0);
    let url = after(&letter.text, "here:");
    let token = url.strip_prefix("https://vendor.example/password?a=1&b=2#token=").unwrap();
    assert!(letter.html.contains(&format!("a=1&amp;b=2#token={token}\"")), "{}", letter.html);
    assert_eq!(set(&server, token, PASSWORD).await, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_runs_the_server_is_shown_the_token() {
    use licentia_domain::actors::Caller;
    let mut sink = Sink::open();
    let server = sink.server(Backend::Sqlite).await;
    let id = make(&server, "ada@example.com").await["id"].as_str().unwrap().parse().unwrap();
    post(&server).await;
    let shown = licentia_domain::admins::reset_password(&server.context, &Caller::operator(), id).await;
    let token = shown.unwrap().password_token.unwrap();
    post(&server).await;
    assert_eq!(sink.letters().len(), 1);
    assert_eq!(set(&server, &token, PASSWORD).await, 204);
    let page = server.request(Method::GET, "/api/v1/mails");
    assert_eq!(licentia_tests::Reply::of(page).await.status, 401);
}
