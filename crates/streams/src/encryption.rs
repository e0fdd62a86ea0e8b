//! Whether NATS is reached without encryption: on this machine, and where the URL says so.

use crate::address::Address;
use crate::error::BoxError;
use crate::options::{ATTEMPT_TIMEOUT, ConnectError, Failure};
use async_nats::ServerAddr;
use serde::Deserialize;
use std::io;
use std::net::IpAddr;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tracing::warn;

/// Longer than the introduction of any server.
const INTRODUCTION_LIMIT: u64 = 64 * 1024;

/// Whether to require TLS, whatever the server would do by itself. Before that is known, nothing but a server's introduction is
/// read, and nothing is sent.
///
/// # Errors
/// When a server offers no TLS and the URL does not allow a connection without it; when no server responds.
pub(crate) async fn is_needed(address: &Address, authority: bool) -> Result<bool, Failure> {
    if authority {
        return Ok(true);
    }
    let (mut answers, mut silence) = (0, None);
    for server in address.servers.iter().filter(|server| !server.tls_required() && !is_local(server)) {
        let place = format!("{}:{}", server.host(), server.port());
        if address.is_open(server) {
            warn!(place, "the connection to nats is not encrypted");
            continue;
        }
        match offers_tls(server).await {
            Ok(true) => answers += 1,
            Ok(false) => return Err(Failure::Final(ConnectError::NotEncrypted { place })),
            Err(error) => silence = Some(error),
        }
    }
    match silence {
        Some(error) if answers == 0 => Err(Failure::Passing(error.into())),
        _ => Ok(answers > 0),
    }
}

fn is_local(server: &ServerAddr) -> bool {
    let host = server.host();
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn offers_tls(server: &ServerAddr) -> io::Result<bool> {
    let introduced = async { introduction(TcpStream::connect((server.host(), server.port())).await?).await };
    tokio::time::timeout(ATTEMPT_TIMEOUT, introduced).await.unwrap_or_else(|elapsed| Err(io::Error::other(elapsed)))
}

/// What a server sends first, before it gets anything.
#[derive(Deserialize)]
struct Introduction {
    #[serde(default)]
    tls_required: bool,
    #[serde(default)]
    tls_available: bool,
}

async fn introduction(server: impl AsyncRead + Unpin) -> io::Result<bool> {
    let mut line = String::new();
    BufReader::new(server.take(INTRODUCTION_LIMIT)).read_line(&mut line).await?;
    let said: Result<Introduction, BoxError> = match line.strip_prefix("INFO ") {
        Some(info) => serde_json::from_str(info).map_err(Into::into),
        None => Err("it does not introduce itself as nats does".into()),
    };
    said.map(|said| said.tls_required || said.tls_available).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::parse;

    #[tokio::test]
    async fn a_server_s_introduction_tells_whether_it_offers_tls() {
        for (said, offers) in [
            ("INFO {\"server_id\":\"x\",\"tls_required\":true}\r\n", Some(true)),
            ("INFO {\"server_id\":\"x\",\"tls_available\":true}\r\n", Some(true)),
            ("INFO {\"server_id\":\"x\"}\r\nPING\r\n", Some(false)),
            ("HTTP/1.1 400 Bad Request\r\n", None),
            ("", None),
        ] {
            assert_eq!(introduction(said.as_bytes()).await.ok(), offers, "{said}");
        }
    }

    #[tokio::test]
    async fn nothing_is_asked_of_servers_that_are_local_or_allowed_or_encrypted_anyway() {
        // None of these responds.
        for (url, authority, needed) in [
            ("nats://127.0.0.1:1", false, false),
            ("nats://localhost:1,nats://[::1]:1", false, false),
            ("nats://nats.invalid:1?tls=disable", false, false),
            ("tls://nats.invalid:1", false, false),
            ("nats://nats.invalid:1", true, true),
        ] {
            let address = parse(url).ok().unwrap();
            assert_eq!(is_needed(&address, authority).await.ok(), Some(needed), "{url}");
        }
        let away = parse("nats://0.0.0.0:1").ok().unwrap();
        assert!(matches!(is_needed(&away, false).await, Err(Failure::Passing(_))));
    }
}
