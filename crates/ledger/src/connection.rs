//! Connections: where the server is, how it is reached and encrypted, how a session is set up, and the pool of them.
//!
//! ```text
//! url ─▶ tls ─▶ connector ─▶ pooling (is a session our own?) ─▶ settings ─▶ pool ─▶ session
//! ```

mod connector;
mod options;
mod pool;
mod pooling;
mod session;
mod settings;
mod tls;
mod url;

pub use options::{ConnectError, ConnectOptions};
pub(crate) use pool::Settings;
pub use pool::{Ledger, REQUEST_TIMEOUT};
pub(crate) use session::Session;
pub use tls::{TlsError, TlsFiles};
pub use url::BadUrl;
