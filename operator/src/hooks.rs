//! What the chart runs before an installation, an upgrade or a removal.
//!
//! `secrets` creates the Secrets of development servers, with a ServiceAccount for that alone. `migrate` migrates the ledger as its owner.
//! `leave` ends the operator and removes what it left, with the operator's rights; like the first one it needs neither Postgres nor NATS.

mod declared;
mod dev_nats;
pub(crate) mod leave;
pub(crate) mod migrate;
pub(crate) mod nats_users;
pub(crate) mod secrets;
pub(crate) mod stored;
mod urls;
