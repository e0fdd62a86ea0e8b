//! What the chart runs before an installation with development servers, and before a removal. Neither needs Postgres or NATS.
//! One creates Secrets, with a ServiceAccount for that alone. The other ends the operator and removes what it left, with the
//! operator's rights.

pub(crate) mod leave;
pub(crate) mod secrets;
