//! The snippets of docs/licence-files.md: a machine without a network asks, verifies, and gives back.

use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/licence-files.md");

fn snippet(name: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(&format!("<!-- snippet: {name} -->\n```python\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn no_code_of_the_document_is_left_unrun() {
    assert_eq!(DOCUMENT.matches("<!-- snippet: ").count(), 2, "a new snippet needs a test here");
}

/// What the machine has: its folder, no network.
struct Apart<'a>(&'a Scene);

impl Apart<'_> {
    /// Runs a snippet; gives what it printed, or none when it ended with an error.
    fn run(&self, name: &str, arguments: &[&str]) -> Option<String> {
        let folder = self.0.folder.path();
        let mut program = self.0.python(snippet(name));
        program
            .args(arguments)
            .env("LICENTIA_KEYS", folder.join("keys.json"))
            .env("LICENTIA_FILE", folder.join("machine.lic"))
            .env("LICENTIA_MACHINE_KEY", folder.join("machine.key"))
            .env("LICENTIA_FINGERPRINT", "press-3");
        self.0.run(program, "")
    }

    fn verify(&self, file: &str) -> Option<String> {
        fs::write(self.0.folder.path().join("machine.lic"), file).unwrap();
        self.run("python-file", &[])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_snippets_ask_verify_and_give_back() {
    let scene = Scene::open().await;
    let (server, apart) = (&scene.server, Apart(&scene));
    let keys = server.get("/.well-known/jwks.json").await.text;
    fs::write(scene.folder.path().join("keys.json"), keys).unwrap();
    let license = scene.machine.claims()["license_id"].as_str().unwrap().to_owned();
    let checkout = format!("/license-keys/{license}/checkout");
    let request = apart.run("python-offline", &["request"]).unwrap();
    let asked = server.admin_post(&checkout, json!({"request": request})).await.expect(201);
    let file = asked["file"].as_str().unwrap();
    let printed = apart.verify(file).expect("a good file is taken");
    assert!(printed.contains("pro") && printed.lines().last() == Some(LICENSED), "{printed}");

    let other = server.admin_post(&checkout, json!({"fingerprint": "press-4"})).await;
    let other = other.body["file"].as_str().map(str::to_owned);
    let record = scene.shop.issue(server, json!({"document": true})).await;
    let mut bad = vec![record["document"]["file"].as_str().unwrap().to_owned(), String::new()];
    bad.extend(other);
    for at in [0, 30, 100, file.len() / 3, file.len() / 2, file.len() - 60, file.len() - 4] {
        let mut changed = file.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        bad.push(String::from_utf8(changed).unwrap());
    }
    for bad in bad {
        assert_eq!(apart.verify(&bad), None, "{bad}");
    }

    let files = json!([asked["id"]]).to_string();
    let receipt = apart.run("python-offline", &["receipt", &files]).unwrap();
    let freed = server.post("/license-activations/receipts", json!({"receipt": receipt})).await.expect(200);
    assert_eq!((&freed["status"], &freed["holdsSeat"]), (&json!("deactivated"), &json!(false)));
}
