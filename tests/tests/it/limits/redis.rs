//! Instances that share a Redis count together; without it, each by itself.

use std::net::SocketAddr;
use std::time::Duration;

use licentia_tests::{Backend, Reply, TestServer};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Where the Redis of the tests is: `host:port`.
fn redis() -> String {
    let url = std::env::var("LICENTIA_TEST_REDIS").expect("LICENTIA_TEST_REDIS says where a Redis is");
    url.trim_start_matches("redis://").trim_end_matches('/').to_owned()
}

/// A wire to Redis that can be cut.
struct Wire {
    address: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Wire {
    async fn lay() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, _) = watch::channel(true);
        let state = whole.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, state.subscribe()));
            }
        });
        Self { address, whole }
    }

    fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    fn cut(&self) {
        self.whole.send_replace(false);
    }

    fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn carry(mut near: TcpStream, mut whole: watch::Receiver<bool>) {
    let connected = async {
        let mut far = TcpStream::connect(redis()).await.unwrap();
        // Either end may hang up.
        let _ = copy_bidirectional(&mut near, &mut far).await;
    };
    tokio::select! {
        () = connected => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
}

/// One bucket for six calls, which fills by one in ten seconds.
async fn start(url: &str, prefix: &str) -> TestServer {
    let settings = settings(url, prefix);
    let server = TestServer::start_with(Backend::Sqlite, &settings).await;
    until_limits_are(&server, "shared").await;
    server
}

fn settings<'a>(url: &'a str, prefix: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("LIMITS__ENABLED", "true"),
        ("LIMITS__DEFAULT_PER_MINUTE", "6"),
        ("REDIS__URL", url),
        ("REDIS__KEY_PREFIX", prefix),
        ("REDIS__TIMEOUT_MS", "2000"),
    ]
}

/// Of this test alone: servers whose databases come from one template give their buckets the same names.
fn prefix() -> String {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    format!("licentia-test:{}:", hex::encode(bytes))
}

/// Redis is looked after once a second.
async fn until_limits_are(server: &TestServer, wanted: &str) {
    for _ in 0..200 {
        let ready = server.get("/health/ready").await.expect(200);
        if ready["limits"] == wanted {
            let status = if wanted == "shared" { "ok" } else { "degraded" };
            assert_eq!(ready, json!({"status": status, "limits": wanted, "signer": "aws_lc"}));
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the limits did not become {wanted}");
}

async fn call(server: &TestServer) -> Reply {
    server.admin_get("/customers").await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_share_one_bucket() {
    let (url, prefix) = (format!("redis://{}", redis()), prefix());
    let one = start(&url, &prefix).await;
    let other = one.another_with(&settings(&url, &prefix)).await;
    until_limits_are(&other, "shared").await;
    for left in [5, 4, 3, 2, 1, 0] {
        let reply = call(if left % 2 == 0 { &one } else { &other }).await;
        assert_eq!(reply.header("ratelimit-remaining"), left.to_string());
        reply.expect(200);
    }
    for server in [&one, &other] {
        let reply = call(server).await;
        let wait: u64 = reply.header("retry-after").parse().unwrap();
        assert!((1..=10).contains(&wait), "{wait}");
        reply.expect_problem(429, "RATE_LIMITED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_at_once_give_no_call_too_many() {
    let (url, prefix) = (format!("redis://{}", redis()), prefix());
    let one = start(&url, &prefix).await;
    let other = one.another_with(&settings(&url, &prefix)).await;
    until_limits_are(&other, "shared").await;
    let calls = (0..20).map(|number| call(if number % 2 == 0 { &one } else { &other }));
    let replies = futures_util::future::join_all(calls).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 6);
    assert_eq!(replies.iter().filter(|reply| reply.status == 429).count(), 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_an_instance_counts_by_itself_says_so_and_comes_back() {
    let (wire, prefix) = (Wire::lay().await, prefix());
    let server = start(&wire.url(), &prefix).await;
    for _ in 0..6 {
        call(&server).await.expect(200);
    }
    call(&server).await.expect_problem(429, "RATE_LIMITED");
    wire.cut();
    until_limits_are(&server, "local").await;
    // Its own bucket is whole, and has an end too.
    for _ in 0..6 {
        call(&server).await.expect(200);
    }
    call(&server).await.expect_problem(429, "RATE_LIMITED");
    wire.mend();
    until_limits_are(&server, "shared").await;
    assert_eq!(call(&server).await.header("ratelimit-limit"), "6");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_redis_and_limits() {
    let wire = Wire::lay().await;
    wire.cut();
    let (url, prefix) = (wire.url(), prefix());
    let server = TestServer::start_with(Backend::Sqlite, &settings(&url, &prefix)).await;
    until_limits_are(&server, "local").await;
    for _ in 0..6 {
        call(&server).await.expect(200);
    }
    call(&server).await.expect_problem(429, "RATE_LIMITED");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_share_the_tries_to_sign_in() {
    let (url, prefix) = (format!("redis://{}", redis()), prefix());
    let one = start(&url, &prefix).await;
    let other = one.another_with(&settings(&url, &prefix)).await;
    until_limits_are(&other, "shared").await;
    let guess = |server| async move {
        let body = json!({"email": "ada@example.com", "password": "guess"});
        TestServer::post(server, "/auth/login", body).await.status
    };
    let tries = (0..20).map(|number| guess(if number % 2 == 0 { &one } else { &other }));
    let mut statuses = futures_util::future::join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![401; 5], vec![429; 15]].concat());
}
