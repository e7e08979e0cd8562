//! Requests to the server, and what came back.

use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::TestServer;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    /// Null when the body is no JSON.
    pub body: Value,
}

impl Reply {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, text, body }
    }

    /// What stands on the wire, when there is an answer at all.
    fn read(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, text) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let fields = lines.filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let (headers, text) = (fields.collect(), text.to_owned());
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Some(Self { status, headers, text, body })
    }

    /// The body, when the status is as expected.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// The problem, when status and code are as expected.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        self.body
    }

    /// A header as text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl TestServer {
    /// A request to `path`, without credentials.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// A request to `path` of the API, with the admin's key.
    pub fn admin(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, &format!("/api/v1{path}")).bearer_auth(&self.admin_key)
    }

    /// What the server answers to these bytes, until it closes the connection; none when it says nothing.
    pub async fn say(&self, bytes: &[u8]) -> Option<Reply> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // It may close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut piece).await {
            answer.extend_from_slice(&piece[..length]);
        }
        Reply::read(&answer)
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path)).await
    }

    pub async fn admin_get(&self, path: &str) -> Reply {
        Reply::of(self.admin(Method::GET, path)).await
    }

    pub async fn admin_post(&self, path: &str, body: Value) -> Reply {
        Reply::of(self.admin(Method::POST, path).json(&body)).await
    }

    /// An edit of whatever is there.
    pub async fn admin_put(&self, path: &str, body: Value) -> Reply {
        Reply::of(self.admin(Method::PUT, path).header("if-match", "*").json(&body)).await
    }

    pub async fn admin_delete(&self, path: &str) -> Reply {
        Reply::of(self.admin(Method::DELETE, path)).await
    }

    /// What a machine sends: no credentials beside those in the body.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        Reply::of(self.request(Method::POST, &format!("/api/v1{path}")).json(&body)).await
    }
}
