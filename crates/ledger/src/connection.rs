//! Connections: where the server is, how it is reached and encrypted, how a session is set up, and the pool of them.
//!
//! ```text
//! url ─▶ tls ─▶ connector ─▶ pooling (is a session our own?) ─▶ settings ─▶ pool ─▶ session
//!                                                                        └─▶ source_pool: tables that are signed, in sessions that
//!                                                                            nothing else uses
//! ```

mod connector;
mod options;
mod patience;
mod pool;
mod pooling;
mod session;
mod settings;
mod source_pool;
mod tls;
mod url;

pub use options::{ConnectError, ConnectOptions, SourceLogin, SourceOptions};
pub use patience::REQUEST_TIMEOUT;
pub use pool::{Ledger, session};
pub(crate) use session::Session;
pub(crate) use source_pool::SourcePool;
pub use tls::{TlsError, TlsFiles};
pub use url::{BadUrl, dialled_at, tcp_hosts};
