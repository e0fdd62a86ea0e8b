//! A private Postgres and nats-server, for running a job on one machine with nothing installed but their programs.
//!
//! ```text
//! DIR/lock            who uses the directory now (flock; the file names the process)
//! DIR/readers         who reads the ledger through another process' Postgres (flock)
//! DIR/kek             0600, the key-encryption key of the jobs in this directory
//! DIR/database-url    0600, DIR/nats-url 0600: where the servers of the present run answer
//! DIR/background      present while the servers run without a parent (`background::up`)
//! DIR/servers/        0700, owned by the user the servers run as; a link to /var/lib/vaultstream/data when that
//!                     user cannot reach DIR
//!     postgres/  postgres.log  run/ (the socket)      nats/ (nats.conf, store/, ports)  nats.log
//! ```
//!
//! What holds: nobody else on the machine can use the servers (a socket in a 0700 directory; a random token on
//! 127.0.0.1); a Ctrl-C at the terminal does not reach them (own process groups); they end when this process ends, even
//! by SIGKILL (parent-death signal); one directory is used by one run at a time; what a killed run left behind is
//! stopped before the next one starts.
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
