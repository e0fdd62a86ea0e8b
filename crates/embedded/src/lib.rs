//! A private Postgres and nats-server, for running a job on one machine with nothing installed but their programs.
//!
//! ```text
//! DIR/lock            locked by the process that uses the directory (flock; the file names the process)
//! DIR/readers         locked by processes that read the ledger through another's Postgres (flock)
//! DIR/kek             0600, the key-encryption key of the jobs in this directory
//! DIR/database-url    0600, DIR/nats-url 0600: the URLs of the servers while they run
//! DIR/background      present while the servers run without a parent (`background::up`)
//! DIR/servers/        0700, owned by the user the servers run as; a link to /var/lib/vaultstream/data when that
//!                     user cannot reach DIR
//!     postgres/  postgres.log  run/ (the socket)      nats/ (nats.conf, store/, ports)  nats.log
//! ```
//!
//! Guarantees:
//! - No other user of the machine can use the servers: the socket is in a 0700 directory, and NATS on 127.0.0.1 asks for a
//!   random token.
//! - A Ctrl-C at the terminal does not reach them: they have process groups of their own.
//! - They end when this process ends, even by SIGKILL: they have a parent-death signal.
//! - A directory is used by one run at a time.
//! - Servers that a killed run left running are stopped before the next run starts.
//!
//! Blocking, and independent of any async runtime. Linux only.

mod account;
mod attach;
pub mod background;
mod data_dir;
mod kek;
mod launch;
mod log_file;
mod nats;
mod options;
mod postgres;
mod process;
mod programs;
mod running;
mod servers;
mod sweep;
mod wire;

pub use account::AccountError;
pub use attach::{AttachError, Attached, attach};
pub use data_dir::DataDirError;
pub use kek::{KekError, kek_file};
pub use nats::NatsError;
pub use options::{DataDir, Listener, Options};
pub use postgres::PostgresError;
pub use programs::ProgramsError;
pub use servers::{Servers, StartError};
pub use wire::WireError;
