//! What a request may take.

#![allow(clippy::unwrap_used, missing_docs, reason = "this file holds only tests")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use hyper::Request;
use vaultstream_http::{RequestError, RequestLimits, Server};

/// A server that waits for a request and sends `head`, and then a byte every few milliseconds for as long as the client listens.
fn slow(head: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // A response before the request would be none to it.
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(head.as_bytes());
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    port
}

async fn send(port: u16, limits: RequestLimits) -> Result<usize, RequestError> {
    let server = Server::http("127.0.0.1", port, limits);
    let request = Request::builder().method("POST").uri("/");
    server.send(request, Bytes::new()).await.map(|response| response.body.len())
}

#[tokio::test]
async fn a_response_that_never_ends_is_given_up_after_the_timeout() {
    let limits = RequestLimits { timeout: Duration::from_millis(300), response: usize::MAX };
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nX-Header: ", ""] {
        let result = send(slow(head), limits).await;
        assert!(matches!(result, Err(RequestError::Timeout(_) | RequestError::Http(_))), "{head}: {result:?}");
    }
}

#[tokio::test]
async fn no_more_of_a_response_is_read_than_the_limit() {
    let limits = RequestLimits { timeout: Duration::from_secs(60), response: 20 };
    let result = send(slow("HTTP/1.1 200 OK\r\n\r\n"), limits).await;
    assert!(matches!(result, Err(RequestError::Body(_))), "{result:?}");
    let result = send(slow("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"), limits).await;
    assert!(matches!(result, Ok(20)), "{result:?}");
}
