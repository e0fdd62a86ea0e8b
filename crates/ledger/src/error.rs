//! What a failed request to Postgres means to the one who made it.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, SqlState};

/// What kind of failure it was, and so what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The server is down, starting, stopping, out of connections, or the connection broke: try again later.
    Unreachable,
    /// Locks or serialisation (40P01, 40001, 55P03): try again at once.
    Contention,
    /// The role lacks a right: a person must grant it.
    NoPermission,
    /// The disk or another resource of the server is full.
    NoSpace,
    /// Anything else.
    Other,
}

/// A request to Postgres failed.
///
/// Carries no parameter and no connection string.
#[derive(Debug)]
pub struct QueryError {
    action: String,
    class: Class,
    source: Box<dyn StdError + Send + Sync>,
}

impl QueryError {
    /// `action` completes the sentence "failed to …".
    pub(crate) fn new(action: impl Into<String>, error: tokio_postgres::Error) -> Self {
        let class = class_of(&error);
        // The server's own report says it all; the layer above it only says "db error".
        let source = match error.as_db_error().cloned() {
            Some(report) => Box::new(report) as Box<dyn StdError + Send + Sync>,
            None => Box::new(error),
        };
        Self { action: action.into(), class, source }
    }

    pub(crate) fn from_pool(action: impl Into<String>, error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::new(action, error),
            other => Self { action: action.into(), class: Class::Unreachable, source: Box::new(other) },
        }
    }

    pub(crate) fn other(action: impl Into<String>, source: impl StdError + Send + Sync + 'static) -> Self {
        Self { action: action.into(), class: Class::Other, source: Box::new(source) }
    }

    pub(crate) fn unreachable(action: impl Into<String>, source: impl StdError + Send + Sync + 'static) -> Self {
        Self { action: action.into(), class: Class::Unreachable, source: Box::new(source) }
    }

    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// True when the same request may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.class, Class::Unreachable | Class::Contention)
    }

    /// The server's report, when the server answered.
    pub(crate) fn report(&self) -> Option<&DbError> {
        self.source.downcast_ref()
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.report().map(|report| report.code().code())
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class {
            Class::NoPermission => {
                write!(
                    f,
                    "no permission to {}: grant the role vaultstream_worker, or connect as the owner",
                    self.action
                )
            }
            Class::NoSpace => write!(f, "failed to {}: the database server is out of space or memory", self.action),
            _ => write!(f, "failed to {}", self.action),
        }
    }
}

/// Whether an error, or what caused it, is a database server that has no room left: nothing but room helps.
#[must_use]
pub fn is_out_of_space(error: &(dyn StdError + 'static)) -> bool {
    let report = error.downcast_ref::<DbError>();
    report.is_some_and(|report| class_of_state(report.code()) == Class::NoSpace)
        || error.source().is_some_and(is_out_of_space)
}

impl StdError for QueryError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

/// Sorts an error of the driver into its class.
pub(crate) fn class_of(error: &tokio_postgres::Error) -> Class {
    error.code().map_or_else(|| class_of_silence(error), class_of_state)
}

fn class_of_state(state: &SqlState) -> Class {
    match state {
        &SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::LOCK_NOT_AVAILABLE => {
            Class::Contention
        }
        &SqlState::INSUFFICIENT_PRIVILEGE => Class::NoPermission,
        &SqlState::DISK_FULL | &SqlState::OUT_OF_MEMORY | &SqlState::INSUFFICIENT_RESOURCES => Class::NoSpace,
        &SqlState::TOO_MANY_CONNECTIONS
        | &SqlState::ADMIN_SHUTDOWN
        | &SqlState::CRASH_SHUTDOWN
        | &SqlState::CANNOT_CONNECT_NOW
        | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Class::Unreachable,
        other if other.code().starts_with("08") => Class::Unreachable,
        _ => Class::Other,
    }
}

/// Without a report of the server either the connection failed, or something that no second try mends.
fn class_of_silence(error: &tokio_postgres::Error) -> Class {
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    let text = error.to_string();
    match io {
        // A certificate or a protocol that is not the expected one.
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => Class::Other,
        Some(_) => Class::Unreachable,
        None if text.contains("closed") || text.contains("timeout") || text.contains("connecting") => {
            Class::Unreachable
        }
        // Values that do not fit, a password that is missing, TLS that is not offered.
        None => Class::Other,
    }
}
