//! A connection that is in the middle of something.

use deadpool_postgres::{ClientWrapper, Object};

/// A connection for requests that are sent before earlier ones are answered, or that may be abandoned. Unless it is
/// [`settled`](Session::settle) it is closed instead of returned to the pool. The server notices that within half a second
/// (`client_connection_check_interval`), ends the statement and rolls back; no other request can end up in that transaction.
pub(crate) struct Session(Option<Object>);

impl Session {
    pub(crate) fn new(object: Object) -> Self {
        Self(Some(object))
    }

    /// The connection; `Some` until the session ends.
    pub(crate) fn client(&self) -> Option<&ClientWrapper> {
        self.0.as_deref()
    }

    /// The same, for a transaction of the driver.
    pub(crate) fn client_mut(&mut self) -> Option<&mut ClientWrapper> {
        self.0.as_deref_mut()
    }

    /// Returns the connection to its pool: its transaction is over.
    pub(crate) fn settle(mut self) {
        self.0.take();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}
