//! Requests over HTTP to authorities that work, and to servers that do not respond as they should.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use vaultstream_anchor::{ResponseError, Token, TokenError, Tsa, TsaError};

use super::{Authority, DIGEST, OTHER_POLICY};

/// Serves connections on a port of its own. `respond` gets the body of each request, and writes what it likes.
fn serve(respond: impl Fn(&[u8], &mut TcpStream) + Send + 'static) -> Tsa {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tsr", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).unwrap_or(0) > 2 {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            respond(&body, &mut stream);
        }
    });
    Tsa::new(&url, None).unwrap()
}

/// Serves this body to every request.
fn serve_body(status: &str, body: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Tsa {
    let status = status.to_owned();
    serve(move |query, stream| {
        let body = body(query);
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
    })
}

fn timestamp(tsa: &Tsa, policy: Option<&str>) -> Result<Vec<u8>, TsaError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(tsa.timestamp(&DIGEST, policy))
}

#[test]
fn an_authority_grants_what_was_asked_for() {
    let authority = Authority::new("TSA");
    let tsa = serve_body("200 OK", move |query| authority.reply(query));
    for policy in [None, Some(OTHER_POLICY)] {
        let token = timestamp(&tsa, policy).unwrap();
        Token::read(&token).unwrap().check(&DIGEST, policy).unwrap();
    }
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let authority = Authority::new("TSA");
    let tsa = serve_body("200 OK", move |query| authority.reply(query));
    let refused = timestamp(&tsa, Some("1.9.9")).unwrap_err();
    assert!(matches!(refused, TsaError::Response(ResponseError::Refused(_))), "{refused:?}");
    assert!(refused.to_string().contains("it does not have the policy that was asked for"), "{refused}");
}

#[test]
fn the_response_to_another_request_is_refused() {
    let authority = Authority::new("TSA");
    let hex = "5a".repeat(32);
    let query = authority.openssl(&["ts", "-query", "-digest", &hex, "-sha256", "-cert"], b"");
    let old = authority.reply(&query);
    let tsa = serve_body("200 OK", move |_| old.clone());
    assert!(matches!(timestamp(&tsa, None), Err(TsaError::Token(TokenError::Nonce))));
}

#[test]
fn a_token_over_another_digest_is_not_taken() {
    let authority = Authority::new("TSA");
    let tsa = serve_body("200 OK", move |query| {
        // The digest of the request, changed.
        let mut query = query.to_vec();
        let at = query.windows(32).position(|bytes| bytes == DIGEST).unwrap();
        query[at] ^= 1;
        authority.reply(&query)
    });
    assert!(matches!(timestamp(&tsa, None), Err(TsaError::Token(TokenError::Imprint))));
}

#[test]
fn another_policy_than_the_one_asked_for_is_not_taken() {
    let authority = Authority::new("TSA");
    let tsa = serve_body("200 OK", move |query| {
        // 1.2.3.4.5 becomes 1.2.3.4.1.
        let mut query = query.to_vec();
        let at = query.windows(6).position(|bytes| bytes == [0x06, 0x04, 0x2a, 0x03, 0x04, 0x05]).unwrap();
        query[at + 5] = 0x01;
        authority.reply(&query)
    });
    assert!(matches!(timestamp(&tsa, Some(OTHER_POLICY)), Err(TsaError::Token(TokenError::Policy { .. }))));
}

#[test]
fn a_token_under_another_status_is_not_taken() {
    let authority = Authority::new("TSA");
    let tsa = serve_body("404 Not Found", move |query| authority.reply(query));
    assert!(matches!(timestamp(&tsa, None), Err(TsaError::Status(status)) if status == 404));
}

#[test]
fn a_server_that_is_no_authority_gives_no_token() {
    let wrong = [
        serve_body("503 Service Unavailable", |_| Vec::new()),
        serve_body("302 Found", |_| Vec::new()),
        serve_body("200 OK", |_| Vec::new()),
        serve_body("200 OK", |_| b"<html>It works!</html>".to_vec()),
        serve_body("200 OK", |query| query.to_vec()),
        serve(|_, _| {}),
        serve(|_, stream| drop(stream.write_all(b"SSH-2.0-OpenSSH\r\n"))),
    ];
    for tsa in wrong {
        let error = timestamp(&tsa, None).unwrap_err();
        assert!(!matches!(error, TsaError::Token(_)), "{error:?}");
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = Tsa::new(&format!("http://127.0.0.1:{port}/"), None).unwrap();
    assert!(matches!(timestamp(&away, None), Err(TsaError::Request(_))));
}

#[test]
fn a_response_without_an_end_is_not_read_to_it() {
    let endless = |head: &'static str, part: &'static [u8]| {
        serve(move |_, stream| {
            let _ = stream.write_all(head.as_bytes());
            // Ends when the client closes.
            while stream.write_all(part).is_ok() {}
        })
    };
    let chunk: &'static [u8] = Box::leak([&b"1000\r\n"[..], &[0x30; 4096], b"\r\n"].concat().into_boxed_slice());
    for tsa in [
        endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk),
        endless("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n", chunk),
        endless("HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n"),
    ] {
        assert!(matches!(timestamp(&tsa, None), Err(TsaError::Request(_))));
    }
}
