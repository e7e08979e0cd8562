//! The second factor is ours, whoever knows the password.

use licentia_tests::{Backend, on_both};
use reqwest::Method;
use serde_json::json;

use super::{ADA, Slapd, login, me, refused, sign_in};
use crate::totp::App;

on_both![
    where_codes_are_demanded_the_directory_lets_nobody_in_without,
    an_app_is_enrolled_and_taken_away_with_the_password_of_the_directory,
];

async fn where_codes_are_demanded_the_directory_lets_nobody_in_without(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server_with(backend, &[("ADMIN__REQUIRE_TOTP", "true")]).await;
    let begun = login(&server, ADA).await.expect(200);
    assert_eq!(begun["status"], "totp_enrollment_required");
    let enrolled = json!({"challenge": begun["challenge"]});
    let app = App::of(&server.post("/auth/totp/enroll", enrolled).await.expect(200));
    let confirm = json!({"challenge": begun["challenge"], "code": app.code(&server)});
    let confirmed = server.post("/auth/totp/confirm", confirm).await.expect(200);
    assert!(confirmed["signedIn"]["accessToken"].is_string(), "{confirmed}");
    server.clock.advance(30);
    let begun = login(&server, ADA).await.expect(200);
    assert_eq!(begun["status"], "totp_required");
    assert!(begun.get("accessToken").is_none());
    let code = json!({"challenge": begun["challenge"], "code": app.code(&server)});
    server.post("/auth/totp", code).await.expect(200);
    // A role that changed since the password was shown asks for the password again.
    server.clock.advance(30);
    let begun = login(&server, ADA).await.expect(200);
    slapd.change_group("add", "roots", "ada");
    login(&server, ADA).await.expect(200);
    let code = json!({"challenge": begun["challenge"], "code": app.code(&server)});
    server.post("/auth/totp", code).await.expect_problem(401, "CREDENTIALS_INVALID");
}

async fn an_app_is_enrolled_and_taken_away_with_the_password_of_the_directory(backend: Backend) {
    let mut slapd = Slapd::start();
    let server = slapd.server(backend).await;
    let session = sign_in(&server, ADA).await;
    let enroll = async |password: &str| {
        session.send(&server, Method::POST, "/auth/totp/enroll", json!({"password": password})).await
    };
    enroll("analytical engines").await.expect_problem(401, "CREDENTIALS_INVALID");
    enroll("").await.expect_problem(401, "CREDENTIALS_INVALID");
    let app = App::of(&enroll(ADA.1).await.expect(200));
    let code = json!({"code": app.code(&server)});
    session.send(&server, Method::POST, "/auth/totp/confirm", code).await.expect(200);
    assert_eq!(me(&server, &session).await["totp"], true);
    assert_eq!(login(&server, ADA).await.expect(200)["status"], "totp_required");
    refused(&server, (ADA.0, "analytical engines")).await;
    server.clock.advance(30);
    let disable = json!({"password": ADA.1, "code": app.code(&server)});
    slapd.stop();
    let asked = session.send(&server, Method::POST, "/auth/totp/disable", disable.clone()).await;
    asked.expect_problem(503, "DIRECTORY_UNAVAILABLE");
    slapd.start_again();
    session.send(&server, Method::POST, "/auth/totp/disable", disable).await.expect(204);
    sign_in(&server, ADA).await;
}
