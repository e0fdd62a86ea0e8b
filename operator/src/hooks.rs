//! What the chart runs before an installation with servers of its own, and before a removal. Both are programs of their own,
//! with the rights of their own ServiceAccounts; neither needs Postgres or NATS.

pub(crate) mod leave;
pub(crate) mod secrets;
