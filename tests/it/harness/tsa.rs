//! A timestamping authority behind HTTP: openssl's own, which can be away.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::authority::Authority;

/// A server with an authority of its own.
pub(crate) struct TsaServer {
    pub(crate) url: String,
    pub(crate) authority: Arc<Authority>,
    /// Requests that are still refused.
    away: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl TsaServer {
    pub(crate) fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            url: format!("http://{}/tsr", listener.local_addr().unwrap()),
            authority: Arc::new(Authority::new(name)),
            away: Arc::default(),
            asked: Arc::default(),
        };
        let (authority, away, asked) = (server.authority.clone(), server.away.clone(), server.asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let Some(query) = request(&stream) else { continue };
                asked.fetch_add(1, Ordering::SeqCst);
                let is_away = away.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
                let (status, body) =
                    if is_away { ("503 Service Unavailable", Vec::new()) } else { ("200 OK", authority.reply(&query)) };
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(&[head.as_bytes(), &body].concat());
            }
        });
        server
    }

    /// Refuses the next `requests` requests.
    pub(crate) fn be_away_for(&self, requests: usize) {
        self.away.store(requests, Ordering::SeqCst);
    }

    /// How many requests have come.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// The body of a request; `None` when the client has gone.
fn request(stream: &TcpStream) -> Option<Vec<u8>> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}
