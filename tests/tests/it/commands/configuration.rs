//! `licentia config check`, and what stops a start.

use super::installation::{Installation, KEK, PUBLIC_URL};

#[test]
fn config_check_shows_every_key_and_masks_secrets() {
    let place = Installation::new()
        .with("DATABASE__URL", "postgres://app:canary-password@127.0.0.1/app")
        .with("ENCRYPTION__KEY", KEK);
    let shown = place.prints(&["config", "check"]);
    for line in [
        "environment = \"development\"",
        "[server]",
        "shutdown_grace_seconds = 20",
        "url = \"postgres://app:***@127.0.0.1/app\"",
        "key = \"***\"",
        "# public_url is not set",
        "filter = \"info,actix_server=warn,sea_orm_migration=warn,sqlx=warn\"",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is missing in:\n{shown}");
    }
    assert!(!shown.contains("canary") && !shown.contains(KEK), "{shown}");
    assert!(place.is_empty(), "looking changes nothing");
}

#[test]
fn an_unknown_key_stops_every_command_and_is_named_with_its_place() {
    let place = Installation::new().with("SERVER__BINDD", "127.0.0.1:1");
    for command in [
        &["config", "check"][..],
        &["serve"],
        &["migrate"],
        &["demo"],
        &["admin", "list-keys"],
        &["healthcheck"],
    ] {
        let complaint = place.refuses(command, 2);
        assert!(complaint.contains("LICENTIA__SERVER__BINDD"), "{complaint}");
        assert!(complaint.contains("did you mean `LICENTIA__SERVER__BIND`?"), "{complaint}");
    }
    assert!(place.is_empty());

    let place = Installation::new();
    place.write("work/licentia.toml", "[server]\nworker = 2\n");
    let complaint = place.refuses(&["serve"], 2);
    assert!(complaint.contains("licentia.toml") && complaint.contains("`server.workers`"), "{complaint}");
    let other = place.write("secrets/other.toml", "[nothing]\nof = \"this\"\n");
    let complaint = place.refuses(&["--config", other.to_str().unwrap(), "config", "check"], 2);
    assert!(complaint.contains("other.toml") && complaint.contains("nothing.of"), "{complaint}");
}

#[test]
fn config_check_says_how_to_mend_all_that_production_refuses() {
    let place = Installation::new().with("ENVIRONMENT", "production");
    let ended = place.run(&["config", "check"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.stderr, "licentia: the server does not start with this configuration: see above\n");
    for key in ["server.public_url", "encryption.key"] {
        let refused = ended.stdout.lines().find(|line| line.starts_with(&format!("# refused: `{key}`: ")));
        let refused = refused.unwrap_or_else(|| panic!("{key}: {}", ended.stdout));
        assert!(refused.contains("To mend it: ") && refused.contains("LICENTIA__"), "{refused}");
    }
    Installation::for_production().prints(&["config", "check"]);
}

#[test]
fn config_check_refuses_a_key_that_the_start_would_refuse() {
    for weak in ["secret", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
        let place = Installation::new().with("ENCRYPTION__KEY", weak);
        let ended = place.run(&["config", "check"]);
        assert_eq!(ended.code, Some(2));
        assert!(
            ended.stdout.contains("# refused: `encryption.key`: ")
                && ended.stdout.contains("openssl rand -base64 32"),
            "{}",
            ended.stdout
        );
        place.refuses(&["serve"], 1);
    }
}

#[test]
fn production_does_not_start_on_what_is_unsafe() {
    let fit = Installation::for_production;
    let beside = |place: Installation| {
        let kek = place.write("work/kek", KEK);
        place.with("ENCRYPTION__KEY_FILE", kek.to_str().unwrap())
    };
    let of_development = |place: Installation| {
        let kek = place.write("secrets/kek", &format!("dev-{KEK}\n"));
        place.with("ENCRYPTION__KEY_FILE", kek.to_str().unwrap())
    };
    let cases = [
        ("server.public_url", fit().with("SERVER__PUBLIC_URL", "http://licenses.example.com")),
        ("server.public_url", fit().without("SERVER__PUBLIC_URL")),
        ("encryption.key", fit().without("ENCRYPTION__KEY_FILE")),
        ("encryption.key_file", beside(fit())),
        ("encryption.key", of_development(fit())),
        ("database.url", fit().with("DATABASE__URL", "postgres://licentia:licentia@127.0.0.1/licentia")),
    ];
    for (key, place) in cases {
        for command in [&["serve"][..], &["admin", "list-keys"]] {
            let complaint = place.refuses(command, 2);
            assert!(complaint.contains(&format!("`{key}`: ")), "{key}: {complaint}");
            assert!(complaint.contains("To mend it: "), "{complaint}");
            assert!(!complaint.contains(KEK), "{complaint}");
        }
        assert!(!place.file("licentia.db").exists());
    }
}

#[tokio::test]
async fn production_does_not_start_with_a_key_that_was_printed_for_trying() {
    let place = Installation::for_production().with("ENVIRONMENT", "development");
    let serving = place.serve(&[]);
    let printed = serving.admin_key().unwrap();
    serving.stop();

    let place = place.with("ENVIRONMENT", "production");
    let complaint = place.refuses(&["serve"], 1);
    assert!(complaint.contains("licentia admin revoke-key"), "{complaint}");
    let id = complaint.split_whitespace().find(|word| word.starts_with("key_")).unwrap();
    place.prints(&["admin", "revoke-key", id]);

    let serving = place.serve(&[]);
    assert_eq!(serving.status_with(&printed).await, 401);
    serving.stop();
}

#[test]
fn a_changed_issuer_stops_the_start() {
    let place = Installation::for_production();
    place.serve(&[]).stop();
    let place = place.with("SERVER__PUBLIC_URL", "https://other.example.com");
    let complaint = place.refuses(&["serve"], 1);
    assert!(complaint.contains("https://other.example.com") && complaint.contains(PUBLIC_URL), "{complaint}");
    place.with("SERVER__PUBLIC_URL", PUBLIC_URL).serve(&[]).stop();
}

#[test]
fn another_key_encryption_key_stops_the_start() {
    let place = Installation::for_production();
    place.serve(&[]).stop();
    place.write("secrets/kek", "8tA1kXcGm0rQ4vU9wZ2yB6eN7sJ5hLpD3fRiTgKoMxE=");
    let complaint = place.refuses(&["serve"], 1);
    assert!(complaint.contains("sealed under key-encryption key"), "{complaint}");
}
