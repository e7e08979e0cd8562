//! `licentia admin` for people, and the token that a start prints while there is none.

use std::process::Stdio;

use reqwest::Client;
use serde_json::{Value, json};

use super::installation::{Installation, Serving, end_of};
use crate::sessions::PASSWORD;

/// The word of a text that begins so, without what surrounds it in JSON.
fn word(text: &str, start: &str) -> Option<String> {
    let at = text.find(start)?;
    Some(text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
}

async fn post(serving: &Serving<'_>, place: &Installation, path: &str, body: Value) -> (u16, Value) {
    let http = Client::builder().no_proxy().build().unwrap();
    let answer = http.post(format!("{}/api/v1{path}", place.url())).json(&body).send().await.unwrap();
    let status = answer.status().as_u16();
    assert!(serving.log().iter().all(|line| !line.to_string().contains(PASSWORD)));
    (status, answer.json().await.unwrap_or_default())
}

async fn login(serving: &Serving<'_>, place: &Installation, email: &str) -> u16 {
    post(serving, place, "/auth/login", json!({"email": email, "password": PASSWORD})).await.0
}

#[tokio::test]
async fn each_start_prints_a_setup_token_until_there_is_an_admin() {
    let place = Installation::for_production();
    let first = place.serve(&[]);
    let former = word(&first.greeting(), "lst_").unwrap();
    first.stop();
    let serving = place.serve(&[]);
    let token = word(&serving.greeting(), "lst_").unwrap();
    assert_ne!(token, former);
    assert!(serving.log().iter().all(|line| !line.to_string().contains(&token)), "it is no log");
    let body = |token: &str| json!({"token": token, "email": "ada@example.com", "name": "Ada", "password": PASSWORD});
    assert_eq!(post(&serving, &place, "/setup", body(&token)).await.0, 201);
    assert_eq!(post(&serving, &place, "/setup", body(&former)).await.0, 409);
    assert_eq!(login(&serving, &place, "ada@example.com").await, 200);
    serving.stop();
    assert_eq!(place.serve(&[]).greeting(), "");
}

#[tokio::test]
async fn the_printed_line_makes_the_first_admin() {
    let place = Installation::new();
    let serving = place.serve(&[]);
    let greeting = serving.greeting();
    let line = greeting.lines().find(|line| line.starts_with("curl ")).unwrap();
    let line = line.replace("12 characters or more that nobody guesses", PASSWORD);
    let mut shell = place.program("sh");
    let ended = end_of(shell.args(["-c", &line]));
    assert!(ended.stdout.contains("\"role\":\"super_admin\""), "{} {}", ended.stdout, ended.stderr);
    assert_eq!(login(&serving, &place, "you@example.com").await, 200);
    serving.stop();
}

#[tokio::test]
async fn admins_are_made_listed_and_let_in_again() {
    let place = Installation::for_production();
    let printed = place.prints(&["admin", "create", "--email", "ada@example.com", "--name", "Ada"]);
    let token = word(&printed, "lpt_").unwrap();
    let file = place.write("secrets/password", &format!("{PASSWORD}\n"));
    let with_file =
        ["admin", "create", "--email", "grace@example.com", "--role", "support", "--password-file"];
    let printed = place.prints(&[with_file.as_slice(), &[file.to_str().unwrap()]].concat());
    assert!(printed.contains("  active  support  -  grace@example.com  grace@example.com"), "{printed}");

    let serving = place.serve(&[]);
    assert_eq!(serving.greeting(), "");
    assert_eq!(login(&serving, &place, "grace@example.com").await, 200);
    assert_eq!(login(&serving, &place, "ada@example.com").await, 401);
    let set = json!({"token": token, "password": PASSWORD});
    assert_eq!(post(&serving, &place, "/auth/password/reset", set).await.0, 204);
    assert_eq!(login(&serving, &place, "ada@example.com").await, 200);
    let listed = place.prints(&["admin", "list"]);
    assert!(listed.contains("  active  super_admin  -  ada@example.com  Ada"), "{listed}");

    let printed = place.prints(&["admin", "reset-password", "ADA@example.com", "--remove-totp"]);
    assert!(word(&printed, "lpt_").is_some() && printed.contains("  invited  super_admin  "), "{printed}");
    assert_eq!(login(&serving, &place, "ada@example.com").await, 401);
    serving.stop();
}

#[test]
fn what_makes_no_admin_is_refused() {
    let place = Installation::for_production();
    let weak = place.write("secrets/weak", "password1234\n");
    let weak = weak.to_str().unwrap();
    for (arguments, named) in [
        (&["--email", "ada@example.com", "--password-file", weak][..], "guessed first"),
        (&["--email", "ada@example.com", "--password-file", "/nowhere/at-all"], "password file"),
        (&["--email", "ada@example.com", "--role", "root-of-all"], "no such role"),
    ] {
        let complaint = place.refuses(&[&["admin", "create"], arguments].concat(), 1);
        assert!(complaint.contains(named), "{complaint}");
    }
    assert!(place.refuses(&["admin", "reset-password", "nobody@example.com"], 1).contains("no such admin"));
    let ended = place
        .run_with(&["admin", "create", "--email", "a@example.com", "--password-file", "-"], Stdio::null());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(place.prints(&["admin", "list"]), "");
}
