//! `licentia healthcheck`: for containers without curl.

mod any_certificate;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::CommandError;
use crate::config::ServerConfig;
use any_certificate::AnyCertificate;

const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the server of this configuration.
pub(super) fn ask(config: &ServerConfig) -> Result<(), CommandError> {
    let address = reachable(config.bind);
    let has_tls = config.tls_certificate_file.is_some();
    let status = status_line(address, has_tls)
        .map_err(|error| CommandError::NotReady(format!("{address}: {error}")))?;
    if status.split(' ').nth(1) == Some("200") { Ok(()) } else { Err(CommandError::NotReady(status)) }
}

/// A server that listens everywhere is reached on the loopback.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

fn status_line(address: SocketAddr, has_tls: bool) -> io::Result<String> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    if has_tls {
        let tls = AnyCertificate::connection(address.ip()).map_err(io::Error::other)?;
        converse(rustls::StreamOwned::new(tls, stream), address)
    } else {
        converse(stream, address)
    }
}

fn converse(mut stream: impl Read + Write, address: SocketAddr) -> io::Result<String> {
    stream.write_all(
        format!("GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_asked_on_the_loopback() {
        let ask = |bind: &str| reachable(bind.parse().unwrap()).to_string();
        assert_eq!(ask("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(ask("[::]:8080"), "[::1]:8080");
        assert_eq!(ask("192.0.2.1:80"), "192.0.2.1:80");
    }
}
