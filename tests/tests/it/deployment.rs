//! What lies under `deploy/`: configurations that the server takes, and files that fit one another.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use licentia::config::Config;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `LICENTIA__…` of a compose file, with something in the place of what comes from outside.
fn environment(compose: &str) -> BTreeMap<String, String> {
    let lines = compose.lines().map(str::trim).filter(|line| line.starts_with("LICENTIA__"));
    let entries = lines.map(|line| line.split_once(": ").unwrap());
    let value = |text: &str| {
        let text = text.trim_matches('"');
        let text = text.replace("${LICENTIA_KEK:?}", "0ibtfySWX3PF8HH6RV3fLa6jpTzCwqWWC7GJhIONm/g=");
        text.replace("${POSTGRES_PASSWORD:?}", "5d0c8e1f7a3b9264c1d8e0f2a4b6c8d0e2f4a6b8c0d2e4f6")
    };
    entries.map(|(key, text)| (key.to_owned(), value(text))).collect()
}

/// Names of the services of a compose file: the lines that are indented once.
fn services(compose: &str) -> Vec<&str> {
    let services = compose.split("\nservices:\n").nth(1).unwrap().split("\nnetworks:\n").next().unwrap();
    let names = services.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.trim().trim_end_matches(':')).collect()
}

#[test]
fn two_instances_are_configured_as_production_wants_it() {
    let compose = read("deploy/compose/two-instances.yaml");
    let environment = environment(&compose);
    assert_eq!(environment.len(), compose.matches("LICENTIA__").count() - 1, "{environment:?}");
    let config = Config::load(None, environment.clone()).unwrap();
    let findings = config.check();
    assert!(findings.is_empty(), "{findings:?}");
    // An unknown key is refused: so every one of these is known.
    let unknown = environment.into_iter().chain([("LICENTIA__SERVER__NOTHING".to_owned(), "1".to_owned())]);
    Config::load(None, unknown.collect::<BTreeMap<_, _>>()).unwrap_err();
}

#[test]
fn the_proxy_knows_both_instances_and_when_they_are_ready() {
    let (compose, proxy) = (read("deploy/compose/two-instances.yaml"), read("deploy/compose/haproxy.cfg"));
    let services = services(&compose);
    assert_eq!(services, ["one", "two", "proxy", "postgres", "redis"]);
    let servers: Vec<&str> = proxy.lines().filter_map(|line| line.trim().strip_prefix("server ")).collect();
    assert_eq!(servers.len(), 2);
    for (server, service) in servers.iter().zip(services) {
        assert!(server.starts_with(&format!("{service} {service}:8080 check")), "{server}");
    }
    assert!(proxy.contains("option httpchk GET /health/ready"));
    // What clients say of where they come from does not reach the server.
    assert!(proxy.contains("http-request set-header X-Forwarded-For %[src]"));
    assert!(!compose.contains('\t') && !proxy.contains('\t'));
}
