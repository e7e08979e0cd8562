//! What the binary says of itself.

use std::fmt::Write;
use std::path::Path;

use super::installation::Installation;

/// Every command; a new one belongs here.
const COMMANDS: &[&[&str]] = &[
    &[],
    &["serve"],
    &["migrate"],
    &["demo"],
    &["admin"],
    &["admin", "create-key"],
    &["admin", "list-keys"],
    &["admin", "revoke-key"],
    &["keys"],
    &["keys", "list"],
    &["keys", "rotate"],
    &["keys", "import"],
    &["keys", "revoke"],
    &["audit"],
    &["audit", "verify"],
    &["audit", "checkpoint"],
    &["clock"],
    &["clock", "show"],
    &["clock", "confirm"],
    &["config"],
    &["config", "check"],
    &["openapi"],
    &["healthcheck"],
];

#[test]
fn every_command_explains_itself_and_its_options() {
    let place = Installation::new();
    let mut all = String::new();
    for command in COMMANDS {
        let help = place.prints(&[command, &["--help"][..]].concat());
        let called = [&["licentia"], *command, &["--help"]].concat().join(" ");
        write!(all, "$ {called}\n{help}\n").unwrap();
    }
    insta::assert_snapshot!("help", all);
    assert!(place.is_empty());
}

#[test]
fn the_version_is_that_of_the_workspace() {
    let version = Installation::new().prints(&["--version"]);
    assert_eq!(version, format!("licentia {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn openapi_prints_the_committed_document_without_any_configuration() {
    let place = Installation::new().with("NOTHING__OF", "this");
    let printed = place.prints(&["openapi"]);
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/openapi.json");
    let committed =
        std::fs::read_to_string(committed).expect("openapi/openapi.json is there: `make openapi`");
    assert!(printed == committed, "openapi/openapi.json is not up to date: `make openapi`");
    assert!(place.is_empty());
}
