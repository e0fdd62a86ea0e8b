//! A connection that is in the middle of something.

use deadpool_postgres::{ClientWrapper, Object};

/// A connection for requests that are sent ahead of their answers. Unless it is [`settled`](Session::settle), it is
/// closed, never given back: nobody may find himself in the transaction of somebody else, and closing it is what rolls
/// back what a cancelled or failed request left behind.
pub(crate) struct Session(Option<Object>);

impl Session {
    pub(crate) fn new(object: Object) -> Self {
        Self(Some(object))
    }

    /// The connection; there until the session ends.
    pub(crate) fn client(&self) -> Option<&ClientWrapper> {
        self.0.as_deref()
    }

    /// Gives the connection back to its pool: its transaction is over.
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
