//! The snippets of docs/approvals.md: a machine asks, somebody lets it in, it polls.

use serde_json::Value;

use super::*;
use crate::activation_claims::approve_first;

const DOCUMENT: &str = include_str!("../../../../docs/approvals.md");

fn snippet(name: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(&format!("<!-- snippet: {name} -->\n```sh\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn no_code_of_the_document_is_left_unrun() {
    assert_eq!(
        (DOCUMENT.matches("<!-- snippet: ").count(), DOCUMENT.matches("```sh").count()),
        (3, 3),
        "a new snippet needs a test here"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_snippets_ask_decide_and_poll() {
    let server = TestServer::start(Backend::Sqlite).await;
    let shop = Shop::open(&server).await;
    approve_first(&server, &shop).await;
    let issued = shop.issue(&server, json!({})).await;
    let shell = |name: &str, claim: &Value| {
        let output = Command::new("sh")
            .args(["-ec", snippet(name)])
            .env("LICENTIA", &server.base)
            .env("KEY", &server.admin_key)
            .env("LICENSE_KEY", issued["licenseKey"].as_str().unwrap())
            .env("CLAIM", claim["id"].as_str().unwrap_or_default())
            .env("SECRET", claim["secret"].as_str().unwrap_or_default())
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answers = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
        answers.collect::<Result<Vec<Value>, _>>().unwrap()
    };
    let claim = shell("ask", &Value::Null)[0]["claim"].clone();
    assert_eq!(shell("poll", &claim)[0]["claim"]["status"], "pending");
    let decided = shell("decide", &claim);
    assert_eq!((&decided[0]["items"][0]["id"], &decided[1]["status"]), (&claim["id"], &json!("approved")));
    let activated = &shell("poll", &claim)[0];
    assert_eq!(activated["activation"]["hostname"], "ada-laptop");
    assert!(activated["token"].is_string());
}
