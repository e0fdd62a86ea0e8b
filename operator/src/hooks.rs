//! What the chart runs before an installation with servers of its own, and before a removal. Both are programs of their own,
//! and neither needs Postgres or NATS: one makes Secrets, with a ServiceAccount for that alone; the other ends the operator
//! and tidies up after it, with the operator's rights.

pub(crate) mod leave;
pub(crate) mod secrets;
