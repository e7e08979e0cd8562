//! Licence keys: made or chosen, shown once, then masked.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use serde_json::json;

use super::{events, id, issued_count, key, read};

on_both![
    a_made_key_has_the_native_form_and_is_masked_from_then_on,
    a_key_is_revealed_for_the_record,
    a_chosen_key_is_kept_to_the_letter,
    chosen_keys_that_can_be_guessed_are_refused_unless_wanted,
    chosen_keys_with_a_typing_error_are_refused,
    a_key_opens_one_licence,
];

async fn a_made_key_has_the_native_form_and_is_masked_from_then_on(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    let groups: Vec<&str> = key(&issued).split('-').collect();
    assert_eq!((groups.len(), groups[0]), (6, "ACME"));
    let symbol = |c: char| c.is_ascii_digit() || (c.is_ascii_uppercase() && !"ILOU".contains(c));
    // The last symbol checks the others, and may be one more letter.
    assert!(groups[1..].iter().all(|group| group.len() == 5));
    assert!(groups[1..5].iter().all(|group| group.chars().all(symbol)));
    let masked = format!("ACME-…-{}", groups[5]);
    let path = format!("/license-keys/{}", id(&issued));
    for path in [path.as_str(), "/license-keys", &format!("/license-keys?q={}", groups[5])] {
        let reply = server.admin_get(path).await;
        assert!(!reply.text.contains(key(&issued)) && reply.text.contains(&masked));
        assert!(!reply.text.contains("licenseKey"));
    }
    let edited = super::edit(&server, &issued, json!({"notes": "x"})).await;
    assert!(!edited.text.contains(key(&issued)));
}

async fn a_key_is_revealed_for_the_record(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    assert!(events(&server, "license.revealed").await.is_empty());
    let path = format!("/license-keys/{}/reveal", id(&issued));
    let revealed = server.admin_post(&path, json!({})).await.expect(200);
    assert_eq!(revealed, json!({"licenseKey": key(&issued)}));
    let [event] = events(&server, "license.revealed").await.try_into().unwrap();
    assert_eq!(event.subject, id(&issued));
    assert!(event.actor_id.unwrap().starts_with("key_"));
    assert!(!event.detail.to_string().contains(key(&issued)));
    let nobody = "/license-keys/lic_01h455vb4pex5vsknk084sn02q/reveal";
    server.admin_post(nobody, json!({})).await.expect_problem(404, "NOT_FOUND");
    assert_eq!(events(&server, "license.revealed").await.len(), 1);
}

async fn a_chosen_key_is_kept_to_the_letter(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for chosen in [
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "Ключ от чужой системы № 17, длинный",
        &"q7Zr2LmXw9TbKc4V".repeat(32),
    ] {
        let issued = shop.issue(&server, json!({"key": chosen})).await;
        assert_eq!(key(&issued), chosen);
        assert!(issued["maskedKey"].as_str().unwrap().chars().count() <= 5);
        Machine::activate(&server, chosen, "fp-1").await;
        let path = format!("/license-keys/{}/reveal", id(&issued));
        let revealed = server.admin_post(&path, json!({})).await.expect(200);
        assert_eq!(revealed["licenseKey"], chosen);
    }
    // Another spelling is another key.
    let body = json!({"licenseKey": "F47AC10B-58CC-4372-A567-0E02B2C3D479"});
    let verdict = server.post("/license-keys/validate", body).await.expect(200);
    assert_eq!(verdict["code"], "NOT_FOUND");
}

async fn chosen_keys_that_can_be_guessed_are_refused_unless_wanted(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for weak in ["password", "Company-2024", "123456789012345"] {
        let reply = shop.try_issue(&server, json!({"key": weak})).await;
        assert!(!reply.text.contains(weak));
        let problem = reply.expect_problem(422, "LICENSE_KEY_WEAK");
        assert_eq!(problem["errors"][0]["pointer"], "/key");
    }
    assert_eq!(issued_count(&server).await, 0);
    let wanted = json!({"key": "Company-2024", "allowWeakKey": true});
    assert_eq!(key(&shop.issue(&server, wanted).await), "Company-2024");
    Machine::activate(&server, "Company-2024", "fp-1").await;
}

async fn chosen_keys_with_a_typing_error_are_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for malformed in [
        "",
        "short",
        "ACME-00000-00000-00000-00000-00001",
        "DEMO-01234-56789-ABCDE-FGHJK-MNPQU",
        &"x".repeat(513),
    ] {
        let more = json!({"key": malformed, "allowWeakKey": true});
        shop.try_issue(&server, more).await.expect_problem(422, "LICENSE_KEY_MALFORMED");
    }
    assert_eq!(issued_count(&server).await, 0);
    let spelled = json!({"key": " demo 01234 56789 abcde fghjk mnpqf "});
    let issued = shop.issue(&server, spelled).await;
    assert_eq!(key(&issued), "DEMO-01234-56789-ABCDE-FGHJK-MNPQF");
    assert_eq!(read(&server, &issued).await["maskedKey"], "DEMO-…-MNPQF");
}

async fn a_key_opens_one_licence(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    for spelling in [key(&issued).to_owned(), key(&issued).to_lowercase().replace('-', " ")] {
        let problem =
            shop.try_issue(&server, json!({"key": spelling})).await.expect_problem(409, "ALREADY_EXISTS");
        assert_eq!(problem["errors"][0]["pointer"], "/key");
    }
    // Also of another product.
    Shop::named(&server, "other")
        .await
        .try_issue(&server, json!({"key": key(&issued)}))
        .await
        .expect_problem(409, "ALREADY_EXISTS");
}
