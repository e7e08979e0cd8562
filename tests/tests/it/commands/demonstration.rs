//! Demo data: `licentia demo` and `licentia serve --demo`.

use serde_json::Value;

use super::installation::{Installation, end_of};

/// The one object that `demo --json` prints.
fn demo(place: &Installation) -> Value {
    let text = place.prints(&["demo", "--json"]);
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn demo_prints_one_object_and_renews_the_admin_key() {
    let place = Installation::new();
    let first = demo(&place);
    let mut members: Vec<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["adminApiKey", "customerId", "issuer", "licenseKey", "product"]);
    assert_eq!(first["issuer"], place.url());

    // While the server runs, too.
    let serving = place.serve(&[]);
    assert_eq!(serving.admin_key(), None);
    let former = first["adminApiKey"].as_str().unwrap();
    assert_eq!(serving.status_with(former).await, 200);
    let second = demo(&place);
    let present = second["adminApiKey"].as_str().unwrap();
    assert_eq!(serving.status_with(former).await, 401);
    assert_eq!(serving.status_with(present).await, 200);
    for same in ["issuer", "product", "licenseKey", "customerId"] {
        assert_eq!(first[same], second[same], "{same}");
    }
    serving.stop();
}

#[test]
fn production_takes_no_demo_data() {
    let place = Installation::for_production();
    for command in [&["demo", "--json"][..], &["demo"], &["serve", "--demo"]] {
        let complaint = place.refuses(command, 1);
        assert!(complaint.contains("for development only"), "{complaint}");
    }
    assert!(place.is_empty());
}

#[test]
fn the_printed_lines_work_as_printed() {
    let place = Installation::new();
    let serving = place.serve(&["--demo"]);
    let greeting = serving.greeting();
    let at = greeting.find("# the values of this demo").unwrap();
    walk(&place, &greeting[at..]);
    let key = serving.admin_key().unwrap();
    assert!(serving.log().iter().all(|line| !line.to_string().contains(&key)));
    serving.stop();
}

#[test]
fn demo_without_json_prints_the_same_lines() {
    let place = Installation::new();
    let printed = place.prints(&["demo"]);
    let serving = place.serve(&[]);
    walk(&place, &printed[printed.find("# the values of this demo").unwrap()..]);
    serving.stop();
}

/// Gives the lines to a shell, as a person would.
fn walk(place: &Installation, lines: &str) {
    let script = place.write("secrets/walk.sh", lines);
    let ended = end_of(place.program("sh").arg("-eu").arg(script));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{lines}");
    let answers: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{}", ended.stdout)))
        .collect();
    let [activated, validated, beaten, listed] = answers.as_slice() else {
        panic!("four answers: {}", ended.stdout)
    };
    assert_eq!(activated["activation"]["status"], "active");
    assert_eq!((&validated["valid"], &validated["code"]), (&true.into(), &"VALID".into()));
    assert!(ended.stdout.contains(r#""status":"active""#));
    assert_eq!(beaten["status"], "active");
    assert!(beaten["token"].is_string() && beaten["nonce"] != activated["nonce"]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}
