//! What a failure of Postgres means, decided once for every program: by SQLSTATE where the server answered, and by the state
//! of the connection where it did not. Never by the server's sentence, which comes in the server's language.

use std::error::Error as StdError;
use std::io;

use tokio_postgres::error::{DbError, SqlState};

/// Whether a failed request may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The same request may succeed later, and nothing about the job or its input has to change: try again.
    Transient,
    /// A person has to change something on the server first: a grant, a login, a limit.
    Refused,
    /// Bad input, or a fault of ours: trying again changes nothing.
    Permanent,
}

/// The cause of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The server is down, starting, stopping, out of connections, or the connection broke.
    Unreachable,
    /// Locks or serialization: the transaction did nothing, and may be tried again at once.
    Contention,
    /// The server ended the statement or the transaction: a timeout, or a cancel request.
    CutOff,
    /// The server takes no writes: a standby, or a primary that is being replaced by one.
    ReadOnly,
    /// The disk, the memory or another resource of the server is full. It passes when someone makes room, not by itself.
    NoSpace,
    /// The server has no room for more locks: too many partitions at once, by us or by others.
    LockTable,
    /// The role lacks a right.
    NoPermission,
    /// The server or a pooler does not let us in: login, database, certificate, or pooling mode.
    NoLogin,
    /// A limit that was set for the role or the database.
    Limit,
    /// Anything else.
    Other,
}

impl Class {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Unreachable | Self::Contention | Self::CutOff | Self::ReadOnly | Self::NoSpace => {
                ErrorKind::Transient
            }
            Self::LockTable | Self::NoPermission | Self::NoLogin | Self::Limit => ErrorKind::Refused,
            Self::Other => ErrorKind::Permanent,
        }
    }
}

/// The class of a failed request over a connection that had been made.
pub(crate) fn class_of(error: &tokio_postgres::Error) -> Class {
    match error.as_db_error() {
        Some(report) => class_of_report(report),
        None if error.is_closed() => Class::Unreachable,
        None => match io_cause(error).map(io::Error::kind) {
            // A value that cannot be sent, or an answer of another type than expected, is our fault.
            Some(io::ErrorKind::InvalidInput) | None => Class::Other,
            Some(_) => Class::Unreachable,
        },
    }
}

/// The class of a failure to connect.
pub(crate) fn class_of_connecting(error: &tokio_postgres::Error) -> Class {
    if let Some(report) = error.as_db_error() {
        return match report.code() {
            // Poolers report everything under this code, always in English.
            &SqlState::PROTOCOL_VIOLATION if is_refusal_of_a_pooler(report.message()) => Class::NoLogin,
            _ => class_of_report(report),
        };
    }
    match io_cause(error).map(io::Error::kind) {
        // A certificate, or a protocol that is not the expected one.
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => Class::NoLogin,
        Some(_) => Class::Unreachable,
        None if error.is_closed() => Class::Unreachable,
        // A password that is missing, a way to log in that is not known, TLS that is not offered.
        None => Class::NoLogin,
    }
}

fn is_refusal_of_a_pooler(message: &str) -> bool {
    const REFUSALS: [&str; 5] = [
        "unsupported startup parameter",
        "no such database",
        "no such user",
        "password authentication",
        "TLS required",
    ];
    REFUSALS.iter().any(|refusal| message.contains(refusal))
}

/// Whether the network, or TLS on it, is behind an error of the driver.
pub(crate) fn is_of_network(error: &tokio_postgres::Error) -> bool {
    error.is_closed() || io_cause(error).is_some()
}

fn io_cause(error: &tokio_postgres::Error) -> Option<&io::Error> {
    error.source().and_then(|source| source.downcast_ref())
}

pub(crate) fn class_of_report(report: &DbError) -> Class {
    match (report.code(), report.routine()) {
        // "tuple concurrently updated", of two that change the same grants: an internal error by its number.
        (&SqlState::INTERNAL_ERROR, Some("simple_heap_update" | "simple_heap_delete")) => Class::Contention,
        // A lock that a standby does not take.
        (&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, Some("LockAcquireExtended")) => Class::ReadOnly,
        // The hint names the setting, in every language; the number is that of any other lack of memory.
        (&SqlState::OUT_OF_MEMORY, _)
            if report.hint().is_some_and(|hint| hint.contains("max_locks_per_transaction")) =>
        {
            Class::LockTable
        }
        (state, _) => class_of_state(state),
    }
}

fn class_of_state(state: &SqlState) -> Class {
    match *state {
        SqlState::T_R_INTEGRITY_CONSTRAINT_VIOLATION => Class::Other,
        SqlState::LOCK_NOT_AVAILABLE | SqlState::OBJECT_IN_USE | SqlState::SNAPSHOT_TOO_OLD => Class::Contention,
        SqlState::QUERY_CANCELED | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Class::CutOff,
        SqlState::READ_ONLY_SQL_TRANSACTION => Class::ReadOnly,
        SqlState::INSUFFICIENT_PRIVILEGE => Class::NoPermission,
        SqlState::INVALID_CATALOG_NAME => Class::NoLogin,
        SqlState::TOO_MANY_CONNECTIONS => Class::Unreachable,
        SqlState::CONFIGURATION_LIMIT_EXCEEDED => Class::Limit,
        SqlState::UNDEFINED_FILE | SqlState::DUPLICATE_FILE => Class::Other,
        _ => match state.code() {
            // Transaction and idle session timeouts of newer servers, which the driver has no names for.
            "25P04" => Class::CutOff,
            "57P05" => Class::Unreachable,
            code => match code.get(..2) {
                Some("08" | "57" | "58") => Class::Unreachable,
                Some("28") => Class::NoLogin,
                Some("40") => Class::Contention,
                Some("53") => Class::NoSpace,
                _ => Class::Other,
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_of_the_server_has_its_class() {
        for (class, codes) in [
            (
                Class::Unreachable,
                "08000 08001 08003 08004 08006 08P01 53300 57000 57P01 57P02 57P03 57P04 57P05 58000 58030",
            ),
            (Class::Contention, "40001 40P01 40000 40003 55P03 55006 72000"),
            (Class::CutOff, "57014 25P03 25P04"),
            (Class::ReadOnly, "25006"),
            (Class::NoSpace, "53000 53100 53200"),
            (Class::NoPermission, "42501"),
            (Class::NoLogin, "28000 28P01 3D000"),
            (Class::Limit, "53400"),
            (Class::Other, "22012 22P02 23505 25P02 26000 40002 42601 42P01 55000 58P01 XX000 XX001 P0001 VS001 0A000"),
        ] {
            for code in codes.split(' ') {
                assert_eq!(class_of_state(&SqlState::from_code(code)), class, "{code}");
            }
        }
    }

    #[tokio::test]
    async fn without_a_report_the_connection_decides() {
        // Nothing listens there any more.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("postgres://u@127.0.0.1:{port}/d");
        let refused = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.err().unwrap();
        assert_eq!((class_of(&refused), class_of_connecting(&refused)), (Class::Unreachable, Class::Unreachable));
        assert!(is_of_network(&refused));
        let ours = "port=x".parse::<tokio_postgres::Config>().unwrap_err();
        assert_eq!((class_of(&ours), class_of_connecting(&ours)), (Class::Other, Class::NoLogin));
        assert!(!is_of_network(&ours));
    }

    #[test]
    fn a_refusal_of_a_pooler_is_known_by_its_words() {
        for refusal in [
            "unsupported startup parameter: options",
            "no such database: d",
            "no such user: u",
            "password authentication failed",
            "TLS required",
        ] {
            assert!(is_refusal_of_a_pooler(refusal), "{refusal}");
        }
        assert!(!is_refusal_of_a_pooler("server conn crashed?"));
    }

    #[test]
    fn every_class_has_its_kind() {
        use Class::*;
        for class in [Unreachable, Contention, CutOff, ReadOnly, NoSpace] {
            assert_eq!(class.kind(), ErrorKind::Transient, "{class:?}");
        }
        for class in [LockTable, NoPermission, NoLogin, Limit] {
            assert_eq!(class.kind(), ErrorKind::Refused, "{class:?}");
        }
        assert_eq!(Other.kind(), ErrorKind::Permanent);
    }
}
