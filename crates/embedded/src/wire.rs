//! The part of Postgres' protocol that is needed here: one statement over a unix socket with trust authentication.
//!
//! It checks that the server accepts sessions, and creates databases, without a client library or psql.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Version 3.0 of the protocol.
const PROTOCOL: i32 = 196_608;
/// Length limit of a response.
const MAX_MESSAGE: usize = 1 << 20;

/// Why a statement was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The connection failed.
    #[error("failed to talk to Postgres")]
    Io(#[from] io::Error),
    /// The server's error.
    #[error("Postgres says: {message} ({code})")]
    Server {
        /// SQLSTATE.
        code: String,
        /// The primary message.
        message: String,
    },
}

/// Runs one statement in `database` as `user`, and ignores its rows.
pub(crate) fn execute(socket: &Path, user: &str, database: &str, statement: &str) -> Result<(), WireError> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_write_timeout(Some(Duration::from_secs(60)))?;

    let mut startup = PROTOCOL.to_be_bytes().to_vec();
    for text in ["user", user, "database", database, "application_name", "vaultstream-embedded"] {
        startup.extend_from_slice(text.as_bytes());
        startup.push(0);
    }
    startup.push(0);
    stream.write_all(&framed(None, &startup)?)?;
    until_ready(&mut stream)?;

    let mut query = statement.as_bytes().to_vec();
    query.push(0);
    stream.write_all(&framed(Some(b'Q'), &query)?)?;
    until_ready(&mut stream)?;
    stream.write_all(&framed(Some(b'X'), &[])?)?;
    Ok(())
}

/// A message: its type (the startup message has none), its length with itself, its body.
fn framed(kind: Option<u8>, body: &[u8]) -> io::Result<Vec<u8>> {
    let length = i32::try_from(body.len() + 4).map_err(io::Error::other)?;
    let mut message: Vec<u8> = kind.into_iter().collect();
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(body);
    Ok(message)
}

/// Reads up to ReadyForQuery; the first ErrorResponse is the result.
fn until_ready(stream: &mut UnixStream) -> Result<(), WireError> {
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(0);
        if !(4..=MAX_MESSAGE).contains(&length) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of impossible length").into());
        }
        let mut body = vec![0; length - 4];
        stream.read_exact(&mut body)?;
        match kind {
            b'E' => return Err(server_error(&body)),
            b'R' if body != [0; 4] => {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the server asks for a password").into());
            }
            b'Z' => return Ok(()),
            _ => {}
        }
    }
}

/// The code and message of an ErrorResponse: fields of one type byte and a text that ends with 0.
fn server_error(body: &[u8]) -> WireError {
    let field = |kind: u8| {
        let found = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&kind));
        found.map(|field| String::from_utf8_lossy(&field[1..]).into_owned()).unwrap_or_default()
    };
    WireError::Server { code: field(b'C'), message: field(b'M') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_are_taken_out_of_its_error() {
        let body = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0Fpostmaster.c\0\0";
        assert_eq!(server_error(body).to_string(), "Postgres says: the database system is starting up (57P03)");
    }

    #[test]
    fn a_startup_message_has_no_type_and_counts_its_length() {
        assert_eq!(framed(None, b"ab").unwrap(), [0, 0, 0, 6, b'a', b'b']);
        assert_eq!(framed(Some(b'X'), b"").unwrap(), [b'X', 0, 0, 0, 4]);
    }
}
