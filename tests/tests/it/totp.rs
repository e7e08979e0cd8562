//! The second factor over HTTP: enrolled, shown once, recovered, taken away.

use futures_util::future::join_all;
use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::sessions::{PASSWORD, Person, Session};

on_both![
    an_app_is_enrolled_and_its_codes_are_demanded,
    of_fifty_sign_ins_with_one_code_one_succeeds,
    a_code_with_anything_around_it_is_none,
    recovery_codes_are_good_once_and_renewed,
    a_second_factor_is_taken_away_with_password_and_code,
    where_codes_are_demanded_nobody_comes_in_without,
    what_was_begun_before_a_change_is_over,
    an_admin_takes_the_second_factor_of_another_away,
    after_many_wrong_codes_in_a_row_no_code_is_looked_at,
    a_challenge_is_for_its_own_step_only,
    whoever_began_without_a_code_is_out_when_codes_are_demanded,
];

/// An authenticator app.
pub(crate) struct App(Vec<u8>);

impl App {
    pub(crate) fn of(enrolled: &Value) -> Self {
        let secret = Secret::try_from_base32(enrolled["secret"].as_str().unwrap()).unwrap();
        Self(secret.as_bytes().to_vec())
    }

    pub(crate) fn code(&self, server: &TestServer) -> String {
        let seconds = server.context.moment().now.seconds().unsigned_abs();
        let totp = Builder::new().with_secret(self.0.clone()).with_account_name("any").build().unwrap();
        totp.generate(seconds).to_string()
    }

    /// Enrols an app for somebody who is signed in.
    pub(crate) async fn enroll(server: &TestServer, session: &Session) -> (Self, Vec<String>) {
        let password = json!({"password": PASSWORD});
        let enrolled = session.send(server, Method::POST, "/auth/totp/enroll", password).await.expect(200);
        let app = Self::of(&enrolled);
        let body = json!({"code": app.code(server)});
        let confirmed = session.send(server, Method::POST, "/auth/totp/confirm", body).await.expect(200);
        (app, recovery_codes(&confirmed))
    }
}

fn recovery_codes(body: &Value) -> Vec<String> {
    let codes = body["recoveryCodes"].as_array().unwrap();
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

async fn challenge(server: &TestServer, person: &Person) -> String {
    let reply = person.login(server).await.expect(200);
    assert_eq!(reply["status"], "totp_required", "{reply}");
    assert!(reply.get("accessToken").is_none());
    reply["challenge"].as_str().unwrap().to_owned()
}

async fn show(server: &TestServer, challenge: &str, member: &str, code: &str) -> Reply {
    server.post("/auth/totp", json!({"challenge": challenge, member: code})).await
}

async fn an_app_is_enrolled_and_its_codes_are_demanded(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let session = person.sign_in(&server).await;
    let wrong = json!({"password": "wrong"});
    let refused = session.send(&server, Method::POST, "/auth/totp/enroll", wrong).await;
    refused.expect_problem(401, "CREDENTIALS_INVALID");
    server.post("/auth/totp/enroll", json!({})).await.expect_problem(401, "UNAUTHENTICATED");
    let early = session.send(&server, Method::POST, "/auth/totp/confirm", json!({"code": "123456"})).await;
    early.expect_problem(409, "STATE_CONFLICT");
    let (app, codes) = App::enroll(&server, &session).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(server.admin_get(&format!("/admins/{}", person.id)).await.expect(200)["totp"], true);
    let again = json!({"password": PASSWORD});
    let again = session.send(&server, Method::POST, "/auth/totp/enroll", again).await;
    again.expect_problem(409, "STATE_CONFLICT");

    let challenge = challenge(&server, &person).await;
    // The code of the enrolment was used.
    show(&server, &challenge, "code", &app.code(&server)).await.expect_problem(401, "CREDENTIALS_INVALID");
    server.clock.advance(30);
    let code = app.code(&server);
    let reply = show(&server, &challenge, "code", &code).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    Session::of(&reply).get(&server, "/auth/me").await.expect(200);
    show(&server, &challenge, "code", &code).await.expect_problem(401, "CREDENTIALS_INVALID");
    // The challenge is over after five minutes.
    server.clock.advance(300);
    show(&server, &challenge, "code", &app.code(&server)).await.expect_problem(401, "CREDENTIALS_INVALID");
}

async fn of_fifty_sign_ins_with_one_code_one_succeeds(backend: Backend) {
    let server = TestServer::start(backend).await;
    let another = server.another().await;
    let person = Person::with_role(&server, "viewer").await;
    let (app, _) = App::enroll(&server, &person.sign_in(&server).await).await;
    server.clock.advance(30);
    let code = app.code(&server);
    let challenges = join_all((0..50).map(|_| challenge(&server, &person))).await;
    let all = challenges.iter().enumerate().map(|(number, challenge)| {
        show(if number % 2 == 0 { &server } else { &another }, challenge, "code", &code)
    });
    let replies = join_all(all).await;
    let good = replies.iter().filter(|reply| reply.status == 200).count();
    let refused = replies.iter().filter(|reply| reply.status == 401).count();
    assert_eq!((good, refused), (1, 49));
}

async fn a_code_with_anything_around_it_is_none(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let (app, _) = App::enroll(&server, &person.sign_in(&server).await).await;
    server.clock.advance(30);
    let challenge = challenge(&server, &person).await;
    let code = app.code(&server);
    for wrong in
        [format!(" {code}"), format!("{code} "), format!("{} {}", &code[..3], &code[3..]), String::new()]
    {
        show(&server, &challenge, "code", &wrong).await.expect_problem(422, "VALIDATION_FAILED");
    }
    let both = json!({"challenge": challenge, "code": code, "recoveryCode": "ZZZZ-ZZZZ-ZZZZ-ZZZZ"});
    server.post("/auth/totp", both).await.expect_problem(422, "VALIDATION_FAILED");
    server.post("/auth/totp", json!({"challenge": challenge})).await.expect_problem(422, "VALIDATION_FAILED");
    for wrong in ["", "garbage", &challenge.replace('A', "B")] {
        if wrong != challenge {
            show(&server, wrong, "code", &code).await.expect_problem(401, "CREDENTIALS_INVALID");
        }
    }
    assert_eq!(show(&server, &challenge, "code", &code).await.status, 200);
}

async fn recovery_codes_are_good_once_and_renewed(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let session = person.sign_in(&server).await;
    let (app, codes) = App::enroll(&server, &session).await;
    let typed = codes[0].to_lowercase().replace('-', " ");
    let challenges = [challenge(&server, &person).await, challenge(&server, &person).await];
    // At once: one is in.
    let (one, other) = tokio::join!(
        show(&server, &challenges[0], "recoveryCode", &typed),
        show(&server, &challenges[1], "recoveryCode", &codes[0])
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "{} {}", one.text, other.text);
    // Those of somebody else are none.
    let stranger = Person::with_role(&server, "viewer").await;
    let (_, of_stranger) = App::enroll(&server, &stranger.sign_in(&server).await).await;
    for wrong in ["", "ZZZZ-ZZZZ-ZZZZ-ZZZZ", &of_stranger[0]] {
        let challenge = challenge(&server, &person).await;
        show(&server, &challenge, "recoveryCode", wrong).await.expect_problem(401, "CREDENTIALS_INVALID");
    }
    server.clock.advance(30);
    let body = json!({"code": app.code(&server)});
    let renewed = session.send(&server, Method::POST, "/auth/totp/recovery-codes", body.clone()).await;
    let renewed = recovery_codes(&renewed.expect(200));
    let again = session.send(&server, Method::POST, "/auth/totp/recovery-codes", body).await;
    again.expect_problem(401, "CREDENTIALS_INVALID");
    let challenge = challenge(&server, &person).await;
    show(&server, &challenge, "recoveryCode", &codes[1]).await.expect_problem(401, "CREDENTIALS_INVALID");
    assert_eq!(show(&server, &challenge, "recoveryCode", &renewed[1]).await.status, 200);
}

async fn a_second_factor_is_taken_away_with_password_and_code(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let session = person.sign_in(&server).await;
    let take = |password: &str, code: String| {
        let body = json!({"password": password, "code": code});
        session.send(&server, Method::POST, "/auth/totp/disable", body)
    };
    take(PASSWORD, "123456".to_owned()).await.expect_problem(409, "STATE_CONFLICT");
    let (app, _) = App::enroll(&server, &session).await;
    server.clock.advance(30);
    take("wrong", app.code(&server)).await.expect_problem(401, "CREDENTIALS_INVALID");
    take(PASSWORD, app.code(&server)).await.expect(204);
    person.sign_in(&server).await;
}

async fn where_codes_are_demanded_nobody_comes_in_without(backend: Backend) {
    let server = TestServer::start_with(backend, &[("ADMIN__REQUIRE_TOTP", "true")]).await;
    let person = Person::with_role(&server, "viewer").await;
    let first = person.login(&server).await;
    assert!(first.headers.get("set-cookie").is_none());
    let first = first.expect(200);
    assert_eq!(first["status"], "totp_enrollment_required");
    let challenge = first["challenge"].as_str().unwrap();
    // It is for enrolling only.
    show(&server, challenge, "code", "123456").await.expect_problem(401, "CREDENTIALS_INVALID");
    let enrolled = server.post("/auth/totp/enroll", json!({"challenge": challenge})).await.expect(200);
    let app = App::of(&enrolled);
    let wrong = json!({"challenge": challenge, "code": "000000"});
    server.post("/auth/totp/confirm", wrong).await.expect_problem(401, "CREDENTIALS_INVALID");
    let body = json!({"challenge": challenge, "code": app.code(&server)});
    let confirmed = server.post("/auth/totp/confirm", body).await;
    assert_eq!(recovery_codes(&confirmed.body).len(), 10);
    let signed_in = Reply { body: confirmed.body["signedIn"].clone(), ..confirmed };
    let session = Session::of(&signed_in);
    session.get(&server, "/auth/me").await.expect(200);
    server.clock.advance(30);
    let body = json!({"password": PASSWORD, "code": app.code(&server)});
    let kept = session.send(&server, Method::POST, "/auth/totp/disable", body).await;
    kept.expect_problem(409, "STATE_CONFLICT");
    // Used up.
    let again = json!({"challenge": challenge});
    server.post("/auth/totp/enroll", again).await.expect_problem(401, "CREDENTIALS_INVALID");
}

async fn what_was_begun_before_a_change_is_over(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let session = person.sign_in(&server).await;
    let (app, _) = App::enroll(&server, &session).await;
    let before = challenge(&server, &person).await;
    let change = json!({"currentPassword": PASSWORD, "password": "vexing otter hums low"});
    session.send(&server, Method::POST, "/auth/password/change", change).await.expect(204);
    server.clock.advance(30);
    show(&server, &before, "code", &app.code(&server)).await.expect_problem(401, "CREDENTIALS_INVALID");
}

async fn an_admin_takes_the_second_factor_of_another_away(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let session = person.sign_in(&server).await;
    App::enroll(&server, &session).await;
    let path = format!("/admins/{}/remove-totp", person.id);
    assert_eq!(server.admin_post(&path, Value::Null).await.expect(200)["totp"], false);
    session.get(&server, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    person.sign_in(&server).await;
}

async fn after_many_wrong_codes_in_a_row_no_code_is_looked_at(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let (app, codes) = App::enroll(&server, &person.sign_in(&server).await).await;
    server.clock.advance(30);
    let challenge = challenge(&server, &person).await;
    let wrong = json!({"challenge": challenge, "recoveryCode": "ZZZZ-ZZZZ-ZZZZ-ZZZZ"});
    for _ in 0..19 {
        server.post("/auth/totp", wrong.clone()).await.expect_problem(401, "CREDENTIALS_INVALID");
    }
    // A good one in between, and they are counted anew.
    assert_eq!(show(&server, &challenge, "code", &app.code(&server)).await.status, 200);
    for _ in 0..20 {
        server.post("/auth/totp", wrong.clone()).await.expect_problem(401, "CREDENTIALS_INVALID");
    }
    server.clock.advance(30);
    show(&server, &challenge, "code", &app.code(&server)).await.expect_problem(401, "CREDENTIALS_INVALID");
    assert_eq!(show(&server, &challenge, "recoveryCode", &codes[0]).await.status, 200);
    server.clock.advance(30);
    assert_eq!(show(&server, &challenge, "code", &app.code(&server)).await.status, 200);
}

async fn a_challenge_is_for_its_own_step_only(backend: Backend) {
    let server = TestServer::start(backend).await;
    let strict = server.another_with(&[("ADMIN__REQUIRE_TOTP", "true")]).await;
    let person = Person::with_role(&server, "viewer").await;
    let to_enroll = person.login(&strict).await.expect(200)["challenge"].clone();
    let (app, _) = App::enroll(&server, &person.sign_in(&server).await).await;
    server.clock.advance(30);
    let to_show = challenge(&server, &person).await;
    let code = app.code(&server);
    for path in ["/auth/totp", "/auth/totp/enroll", "/auth/totp/confirm"] {
        for challenge in [&to_enroll, &json!(to_show)] {
            if path == "/auth/totp" && challenge == &json!(to_show) {
                continue;
            }
            let mut body = json!({"challenge": challenge});
            if !path.ends_with("enroll") {
                body["code"] = json!(code);
            }
            strict.post(path, body).await.expect_problem(401, "CREDENTIALS_INVALID");
        }
    }
    assert_eq!(show(&strict, &to_show, "code", &code).await.status, 200);
}

async fn whoever_began_without_a_code_is_out_when_codes_are_demanded(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let (here, elsewhere) = (person.sign_in(&server).await, person.sign_in(&server).await);
    App::enroll(&server, &here).await;
    here.get(&server, "/auth/me").await.expect(200);
    elsewhere.get(&server, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    let without = Session::of_role(&server, "viewer").await;
    let strict = server.another_with(&[("ADMIN__REQUIRE_TOTP", "true")]).await;
    without.refresh(&strict).await.expect_problem(401, "UNAUTHENTICATED");
    assert_eq!(here.refresh(&strict).await.status, 200);
}
