//! The snippets of docs/verify-a-token.md, docs/licence-files.md, docs/approvals.md and docs/assemblies.md, and the walk
//! of the README, taken from the documents and run against a live server.

mod approvals;
mod assemblies;
mod files;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use licentia_tests::{Backend, Machine, Shop, TestServer};
use serde_json::json;
use tempfile::TempDir;

use crate::commands::installation::{Installation, end_of};
use crate::verifiers::consumer_key;

const DOCUMENT: &str = include_str!("../../../docs/verify-a-token.md");
const README: &str = include_str!("../../../README.md");
/// What the verifying snippets print of a good token.
const LICENSED: &str = "may export";

/// The fenced code after `<!-- snippet: name -->`.
fn snippet(name: &str) -> &'static str {
    let (_, rest) = DOCUMENT
        .split_once(&format!("<!-- snippet: {name} -->\n```"))
        .unwrap_or_else(|| panic!("docs/verify-a-token.md has no snippet {name}"));
    let (_, code) = rest.split_once('\n').unwrap();
    code.split_once("```").unwrap().0
}

#[test]
fn no_code_of_the_document_is_left_unrun() {
    let marked = DOCUMENT.matches("<!-- snippet: ").count();
    assert_eq!((marked, DOCUMENT.matches("\n```\n").count()), (6, 6), "a new snippet needs a test here");
}

/// A token, and everything that a snippet reads from its environment.
struct Scene {
    server: TestServer,
    shop: Shop,
    machine: Machine,
    folder: TempDir,
}

impl Scene {
    async fn open() -> Self {
        Self::open_with(json!({})).await
    }

    async fn open_with(more: serde_json::Value) -> Self {
        let mut server = TestServer::start_reachable(Backend::Sqlite).await;
        server.make_admin().await;
        let shop = Shop::open(&server).await;
        let issued = shop.issue(&server, json!({})).await;
        let key = issued["licenseKey"].as_str().unwrap();
        let machine = Machine::activate_with(&server, key, "board-1", more).await;
        Self { server, shop, machine, folder: tempfile::tempdir().unwrap() }
    }

    /// Runs a program with `token`; gives what it printed, or none when it ended with an error.
    fn run(&self, mut program: Command, token: &str) -> Option<String> {
        let output = program
            .env("LICENTIA_ISSUER", &self.server.issuer)
            .env("LICENTIA_PRODUCT", &self.shop.slug)
            .env("LICENTIA_TOKEN", token)
            .env("LICENTIA_PRIVATE_KEY", self.folder.path().join("private.pem"))
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .output()
            .unwrap_or_else(|error| panic!("{program:?}: {error}"));
        let printed = String::from_utf8(output.stdout).unwrap();
        if !output.status.success() {
            assert_eq!(printed, "", "a program that fails has not let anybody in");
            return None;
        }
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(printed)
    }

    /// The program takes a good token, and neither a changed one nor one of another product.
    async fn hold(&self, program: impl Fn() -> Command) {
        let printed = self.run(program(), &self.machine.token).expect("a good token is taken");
        assert!(printed.contains("pro") && printed.contains("edit"), "{printed}");
        assert_eq!(printed.lines().last(), Some(LICENSED));

        let other = Shop::named(&self.server, "acme-cloud").await;
        let issued = other.issue(&self.server, json!({})).await;
        let other = Machine::activate(&self.server, issued["licenseKey"].as_str().unwrap(), "board-1").await;
        let mut changed = self.machine.token.clone().into_bytes();
        let middle = changed.len() / 2;
        changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
        for bad in [&other.token, &String::from_utf8(changed).unwrap(), "", "a.b.c"] {
            assert_eq!(self.run(program(), bad), None, "{bad}");
        }
    }

    fn python(&self, code: &str) -> Command {
        let file = self.folder.path().join("snippet.py");
        fs::write(&file, code).unwrap();
        let mut program = Command::new(variable("LICENTIA_TEST_PYTHON"));
        program.arg(file);
        program
    }

    fn node(&self, code: &str) -> Command {
        let file = self.folder.path().join("snippet.mjs");
        fs::write(&file, code).unwrap();
        let modules = self.folder.path().join("node_modules");
        if !modules.exists() {
            symlink(variable("LICENTIA_TEST_NODE_MODULES"), modules).unwrap();
        }
        let mut program = Command::new("node");
        program.arg(file);
        program
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; scripts/test.sh sets it"))
}

#[test]
fn the_rust_snippet_is_the_example() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/verify_a_token.rs");
    let example = fs::read_to_string(example).unwrap();
    let (_, code) = example.split_once("letter for letter.\n\n").unwrap();
    assert_eq!(snippet("rust"), code, "docs/verify-a-token.md and tests/examples/verify_a_token.rs differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_snippet_verifies() {
    let scene = Scene::open().await;
    scene.hold(|| Command::new(env!("CARGO_BIN_EXE_verify-a-token"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_snippet_verifies() {
    let scene = Scene::open().await;
    scene.hold(|| scene.python(snippet("python"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_snippet_verifies() {
    let scene = Scene::open().await;
    scene.hold(|| scene.node(snippet("node"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_snippet_knows_its_machine() {
    let scene = Scene::open().await;
    let code = format!(
        "{}\nimport json\nclaims = json.loads('''{}''')\nprint(belongs_to(claims, 'board-1'), belongs_to(claims, 'board-2'))\n",
        snippet("python-fingerprint"),
        scene.machine.claims()
    );
    let printed = scene.run(scene.python(&code), &scene.machine.token);
    assert_eq!(printed.unwrap(), "True False\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_snippet_decrypts_for_the_one_that_verifies() {
    decrypts(|scene| scene.python(snippet("python-jwe")), |scene| scene.python(snippet("python"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_snippet_decrypts_for_the_one_that_verifies() {
    decrypts(|scene| scene.node(snippet("node-jwe")), |scene| scene.node(snippet("node"))).await;
}

async fn decrypts(decrypt: fn(&Scene) -> Command, verify: fn(&Scene) -> Command) {
    let (public, private) = consumer_key();
    let more = json!({"consumerKey": public, "consumerKeyAlg": "RSA-OAEP-256"});
    let scene = Scene::open_with(more).await;
    fs::write(scene.folder.path().join("private.pem"), private).unwrap();
    let signed = scene.run(decrypt(&scene), &scene.machine.token).expect("it decrypts");
    let printed = scene.run(verify(&scene), signed.trim()).expect("it verifies");
    assert!(printed.contains(LICENSED), "{printed}");

    let (_, other) = consumer_key();
    fs::write(scene.folder.path().join("private.pem"), other).unwrap();
    assert_eq!(scene.run(decrypt(&scene), &scene.machine.token), None);
}

/// After the line that `make run` prints, as the README says.
#[test]
fn the_walk_of_the_readme_works_with_python() {
    let place = Installation::new();
    let serving = place.serve(&["--demo"]);
    let greeting = serving.greeting();
    let export = greeting.lines().find(|line| line.starts_with("export LICENTIA=")).unwrap();
    let steps: Vec<&str> = README
        .split("<!-- walk -->\n```sh\n")
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0)
        .collect();
    assert_eq!((steps.len(), README.matches("```sh").count()), (3, 3));

    let script = place.write("secrets/walk.sh", &format!("{export}\n{}", steps.concat()));
    // `python3` is the one that has PyJWT.
    let python = variable("LICENTIA_TEST_PYTHON");
    let folder = Path::new(&python).parent().unwrap().display();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    let ended = end_of(place.program("sh").env("PATH", path).arg("-eu").arg(script));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let [activated, verified, beaten] = lines.as_slice() else { panic!("{}", ended.stdout) };
    assert!(activated.contains(r#""status":"active""#), "{activated}");
    assert_eq!(*verified, "team ['editor', 'export.pdf', 'projects'] {'projects': 50}");
    assert!(beaten.contains(r#""status":"active""#) && beaten.contains(r#""token":"#), "{beaten}");
    serving.stop();
}
