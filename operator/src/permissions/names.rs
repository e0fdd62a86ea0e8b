//! Names in the cluster.

/// The operator: its ServiceAccount and its Lease, and who it is to the API server, to Postgres and to NATS.
pub const OPERATOR: &str = "vaultstream-operator";
/// The Secret with the certificate of the external metrics API.
pub const METRICS_SECRET: &str = "vaultstream-metrics-api-tls";
/// The APIService of the external metrics API. A cluster has one, and it may belong to another program.
pub const METRICS_API: &str = "v1beta1.external.metrics.k8s.io";
