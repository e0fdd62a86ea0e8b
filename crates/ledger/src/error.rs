//! A failed request to Postgres, and what its caller can do about it.

use std::error::Error as StdError;
use std::{fmt, io};

use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, SqlState};

use crate::class::{self, Class, ErrorKind};

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
        Self::of_driver(action, class::class_of(&error), error)
    }

    fn of_driver(action: impl Into<String>, class: Class, error: tokio_postgres::Error) -> Self {
        // The server's own report says it all; the layer above it only says "db error".
        let source = match error.as_db_error().cloned() {
            Some(report) => Box::new(report) as Box<dyn StdError + Send + Sync>,
            None => Box::new(error),
        };
        Self { action: action.into(), class, source }
    }

    /// A failure to connect.
    pub(crate) fn connecting(action: impl Into<String>, error: tokio_postgres::Error) -> Self {
        Self::of_driver(action, class::class_of_connecting(&error), error)
    }

    /// A failure of the pool to return a connection.
    pub(crate) fn from_pool(action: impl Into<String>, error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::connecting(action, error),
            other => Self { action: action.into(), class: Class::Unreachable, source: Box::new(other) },
        }
    }

    pub(crate) fn other(action: impl Into<String>, source: impl StdError + Send + Sync + 'static) -> Self {
        Self { action: action.into(), class: Class::Other, source: Box::new(source) }
    }

    pub(crate) fn unreachable(action: impl Into<String>, source: impl StdError + Send + Sync + 'static) -> Self {
        Self { action: action.into(), class: Class::Unreachable, source: Box::new(source) }
    }

    /// A failure inside an error of a library.
    pub(crate) fn inside(
        action: impl Into<String>,
        class: Class,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self { action: action.into(), class, source: Box::new(source) }
    }

    /// What kind of failure it was.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.class.kind()
    }

    /// True when a moment's wait is enough. A full disk passes, too, but only once room is made: a loop that repeats requests
    /// ends on it.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind() == ErrorKind::Transient && self.class != Class::NoSpace
    }

    /// True when the server has no room for one more connection.
    pub(crate) fn is_no_room(&self) -> bool {
        self.code() == Some(SqlState::TOO_MANY_CONNECTIONS.code())
    }

    /// True when neither a report of the server nor a failure of the network is behind it.
    pub(crate) fn is_of_driver_alone(&self) -> bool {
        self.source.downcast_ref::<tokio_postgres::Error>().is_some_and(|error| !class::is_of_network(error))
    }

    /// The server's report, when the server answered.
    pub(crate) fn report(&self) -> Option<&DbError> {
        self.source.downcast_ref()
    }

    /// True for failures that one record causes, and not the server, the table or a right: its payload is not valid in its
    /// encoding, an expression over it raises, its stored form is damaged, or it is too large for the server.
    pub(crate) fn is_fault_of_a_record(&self) -> bool {
        let Some(report) = self.report() else { return false };
        match report.code().code() {
            // Data corrupted, index corrupted, a limit of the server, a method of compression that it was built without.
            "XX001" | "XX002" | "54000" | "0A000" => true,
            // What damaged lengths lead to; Postgres does not translate it.
            "XX000" => report.message().starts_with("invalid memory alloc request size"),
            // Data exceptions, integrity constraints of domains, and what functions raise.
            code => ["22", "23", "38", "39", "P0"].iter().any(|class| code.starts_with(class)),
        }
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
                    "no permission to {}: workers need the login that `vaultstream tenant add` makes for \
                     their namespace, readers the role vaultstream_auditor, and all else is for the ledger's owner",
                    self.action
                )
            }
            Class::NoSpace => write!(f, "failed to {}: the database server is out of space or memory", self.action),
            Class::LockTable => write!(
                f,
                "failed to {}: the server has no room for more locks: raise max_locks_per_transaction there, or let fewer lanes \
                 read at once (spec.concurrency)",
                self.action
            ),
            Class::ReadOnly => {
                write!(f, "failed to {}: the database accepts no writes at the moment, as a standby does", self.action)
            }
            _ => write!(f, "failed to {}", self.action),
        }
    }
}

impl StdError for QueryError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

/// What to do about an error that Postgres, or the connection to it, caused; `None` for all other errors.
#[must_use]
pub fn error_kind(error: &(dyn StdError + 'static)) -> Option<ErrorKind> {
    class(error).map(Class::kind)
}

/// True when the cause of an error is a database server that has no room left: only room helps.
#[must_use]
pub fn is_out_of_space(error: &(dyn StdError + 'static)) -> bool {
    class(error) == Some(Class::NoSpace)
}

/// The class of the first failure of Postgres among an error and its causes.
#[must_use]
pub fn class(error: &(dyn StdError + 'static)) -> Option<Class> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<QueryError>() {
            return Some(error.class());
        }
        if let Some(error) = error.downcast_ref::<tokio_postgres::Error>() {
            return Some(class::class_of(error));
        }
        if let Some(report) = error.downcast_ref::<DbError>() {
            return Some(class::class_of_report(report));
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = inner.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| error.source());
    }
    None
}

/// The server's report among an error and its causes.
pub(crate) fn report<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a DbError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(report) = error.downcast_ref() {
            return Some(report);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(class: Class) -> QueryError {
        QueryError::inside("read a row", class, io::Error::other("why"))
    }

    #[test]
    fn each_class_has_its_sentence_and_what_passes_by_itself_is_transient() {
        use Class::*;
        for (class, sentence, transient) in [
            (Unreachable, "failed to read a row", true),
            (Contention, "failed to read a row", true),
            (CutOff, "failed to read a row", true),
            (ReadOnly, "failed to read a row: the database accepts no writes at the moment, as a standby does", true),
            (NoSpace, "failed to read a row: the database server is out of space or memory", false),
            (
                LockTable,
                "failed to read a row: the server has no room for more locks: raise max_locks_per_transaction",
                false,
            ),
            (
                NoPermission,
                "no permission to read a row: workers need the login that `vaultstream tenant add` makes for",
                false,
            ),
            (NoLogin, "failed to read a row", false),
            (Limit, "failed to read a row", false),
            (Other, "failed to read a row", false),
        ] {
            let error = failed(class);
            let told = error.to_string();
            assert!(told.starts_with(sentence) && told.contains(':') == sentence.contains(':'), "{told}");
            assert_eq!((error.is_transient(), error.kind()), (transient, class.kind()), "{class:?}");
            assert_eq!(StdError::source(&error).unwrap().to_string(), "why");
        }
    }

    #[test]
    fn the_class_of_an_error_is_that_of_the_failure_of_postgres_behind_it() {
        let full = io::Error::other(failed(Class::NoSpace));
        assert_eq!((class(&full), is_out_of_space(&full)), (Some(Class::NoSpace), true));
        let busy = failed(Class::Contention);
        assert_eq!((error_kind(&busy), is_out_of_space(&busy)), (Some(ErrorKind::Transient), false));
        assert_eq!((class(&io::Error::other("a file")), is_out_of_space(&io::Error::other("a file"))), (None, false));
    }

    #[test]
    fn an_error_that_postgres_has_no_part_in_has_no_kind() {
        assert_eq!(error_kind(&io::Error::other("a file")), None);
        let wrapped = QueryError::other("read", io::Error::other("a row"));
        assert_eq!(error_kind(&io::Error::other(wrapped)), Some(ErrorKind::Permanent));
    }
}
