//! What an instance tells of itself in numbers.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use reqwest::Method;
use serde_json::json;

on_both![metrics_are_text_that_prometheus_reads];

/// The value of a sample, as it is written.
pub(crate) async fn sample(server: &TestServer, name: &str) -> String {
    let text = scrape(server).await.text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).to_owned()
}

async fn scrape(server: &TestServer) -> reqwest::Response {
    server.request(Method::GET, "/metrics").bearer_auth(&server.admin_key).send().await.unwrap()
}

async fn metrics_are_text_that_prometheus_reads(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp").await.beat(&server).await;

    let reply = scrape(&server).await;
    assert_eq!(reply.status(), 200);
    let media_type = reply.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(media_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = reply.text().await.unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("licentia_"), "{line}");
        value.parse::<f64>().unwrap();
    }
    assert!(text.contains("licentia_signer_info{name=\"aws_lc\"} 1\n"), "{text}");
    for name in [
        "lanes_calls_total",
        "lanes_filled_total",
        "lanes_faults_total",
        "heartbeats_waiting",
        "lanes_waiting",
        "activations_pending",
    ] {
        assert_eq!(sample(&server, &format!("licentia_{name}")).await, "0", "{name}");
    }
}
