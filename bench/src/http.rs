//! A client of HTTP/1.1 that costs little: it shares the machine with the server that it loads. It keeps its
//! connection, sends whole requests, and takes answers that tell their length.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than any server of ours sends.
const MOST_HEADERS: usize = 48;
const ROOM: usize = 16 * 1024;

/// A connection that is kept.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Of HTTP.
    pub status: u16,
    /// As it came.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// For telling what went wrong.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(self.body.get(..400).unwrap_or(self.body)))
    }

    /// Refuses any other status.
    ///
    /// # Errors
    /// When it is another one.
    pub fn expect(&self, status: u16) -> anyhow::Result<()> {
        if self.status == status { Ok(()) } else { bail!("{status} was expected, not {}", self.text()) }
    }
}

/// Where the answer's body begins and ends.
struct Frame {
    status: u16,
    begins: usize,
    ends: usize,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(ROOM) })
    }

    /// The body of what is at this path.
    ///
    /// # Errors
    /// When the answer is another than 200, or none.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        let mut request = Request::default();
        request.get(path, "");
        let answer = self.exchange(request.bytes()).await?;
        answer.expect(200).with_context(|| format!("GET {path}"))?;
        Ok(answer.body.to_owned())
    }

    /// Sends a whole request, and waits for its answer.
    ///
    /// # Errors
    /// When no answer comes, or none that tells its length.
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let mut frame: Option<Frame> = None;
        loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                bail!("the server closed the connection");
            }
            if frame.is_none() {
                frame = read_head(&self.received)?;
            }
            if let Some(frame) = frame.as_ref().filter(|frame| frame.ends <= self.received.len()) {
                let body = self.received.get(frame.begins..frame.ends).unwrap_or_default();
                return Ok(Answer { status: frame.status, body });
            }
        }
    }
}

/// None while the head has not come whole.
fn read_head(received: &[u8]) -> anyhow::Result<Option<Frame>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(begins) = head.parse(received)? else {
        return Ok(None);
    };
    let length = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.context("the answer has no Content-Length")?;
    let length: usize = std::str::from_utf8(length.value)?.trim().parse()?;
    Ok(Some(Frame { status: head.code.unwrap_or_default(), begins, ends: begins + length }))
}

/// A request that is written again and again into the same room.
#[derive(Debug, Default)]
pub struct Request {
    bytes: Vec<u8>,
}

impl Request {
    /// The whole request.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Without a body. `headers` are whole lines.
    pub fn get(&mut self, path: &str, headers: &str) {
        self.bytes.clear();
        self.write(format_args!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"));
    }

    /// With a body of JSON.
    pub fn post(&mut self, path: &str, body: &str) {
        self.post_as("application/json", path, "", body);
    }

    /// With a body of any type, and more headers as whole lines.
    pub fn post_as(&mut self, media_type: &str, path: &str, headers: &str, body: &str) {
        self.bytes.clear();
        self.write(format_args!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        ));
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to memory does not fail.
        let _ = self.bytes.write_fmt(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_framed_by_its_length() {
        let whole = b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\nx: y\r\n\r\nhello";
        let frame = read_head(whole).unwrap().unwrap();
        assert_eq!((frame.status, whole.get(frame.begins..frame.ends)), (201, Some(&b"hello"[..])));
        assert!(read_head(b"HTTP/1.1 200 OK\r\nContent-Le").unwrap().is_none());
        assert!(read_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn requests_are_whole() {
        let mut request = Request::default();
        request.post("/p", "{}");
        let text = "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(request.bytes(), text.as_bytes());
        request.get("/q", "A: b\r\n");
        assert_eq!(request.bytes(), b"GET /q HTTP/1.1\r\nHost: localhost\r\nA: b\r\n\r\n");
    }
}
