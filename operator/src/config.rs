//! The program's commands and settings. Each setting of `run` is an option and an environment variable.

mod limits;
mod worker_pods;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

pub use limits::LimitArgs;
pub(crate) use worker_pods::{CONNECTION, KEY_SERVICE, KMS_PLUGIN};
pub use worker_pods::{WorkerPods, WorkerPodsError};

/// Reconciles SigningJobs: seeds and publishes their batches, runs and scales their workers, and reports their progress.
#[derive(Clone, Debug, Parser)]
#[command(name = "vaultstream-operator", version)]
pub(crate) struct Program {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program does.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Reconcile SigningJobs until SIGTERM, as one of several replicas of which one leads.
    Run(Box<Config>),
    /// End the operator and remove its workers and finalizers. SigningJobs and their ledger are kept. The chart runs this
    /// before it is removed.
    Leave(Leave),
    /// Migrate the ledger as its owner, and make the logins that the owner's Secret declares; or check that this is not needed. The chart
    /// runs this before it is installed or upgraded.
    Migrate(Migrate),
    /// Create the absent Secrets of a development installation. The chart runs this before it is installed.
    MakeDevSecrets(MakeDevSecrets),
}

/// Settings of `run`.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Namespaces to serve, with commas between them. Default: all.
    #[arg(long, env = "VAULTSTREAM_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,

    /// The operator's own namespace: the place of its Lease, and of Events about leftovers.
    #[arg(long, env = "VAULTSTREAM_OPERATOR_NAMESPACE", default_value = "vaultstream-system")]
    pub operator_namespace: String,

    /// Name of this replica in the Lease and in Events. Default: the host name.
    #[arg(long, env = "VAULTSTREAM_OPERATOR_NAME")]
    pub name: Option<String>,

    /// Name of this cluster in the ledger. Default: the uid of the namespace kube-system, or of the operator's own namespace if
    /// it may not read that.
    #[arg(long, env = "VAULTSTREAM_CLUSTER_ID")]
    pub cluster_id: Option<String>,

    /// Image of the workers.
    #[arg(long, env = "VAULTSTREAM_WORKER_IMAGE")]
    pub worker_image: String,

    /// What the pods of all workers get, as JSON: serviceAccountName, imagePullPolicy, podSecurityContext, securityContext, env, volumes and
    /// volumeMounts as in a pod, and defaults, which spec.workers.template of a SigningJob overrides. Default: an unprivileged user.
    #[arg(long, env = "VAULTSTREAM_WORKER_PODS", default_value = "{}")]
    pub worker_pods: WorkerPods,

    /// Folder with the operator's own connection: DATABASE_URL, NATS_URL, and optionally postgres-ca.crt, postgres.crt,
    /// postgres.key, nats-ca.crt, nats.crt, nats.key, nats.creds, nats.nkey, and tsa-ca.crt for timestamping authorities behind https. It holds no key-encryption key.
    #[arg(long, env = "VAULTSTREAM_CONNECTION_DIR", default_value = "/etc/vaultstream/connection")]
    pub connection_dir: PathBuf,

    /// Run under a login that owns the ledger, too, and migrate the ledger; workers are told the same. Whoever has the Secret of such a
    /// program can do everything to the jobs of all namespaces.
    #[arg(long, env = "VAULTSTREAM_ALLOW_OWNER")]
    pub allow_owner: bool,

    /// Address of /metrics, /livez and /readyz.
    #[arg(long, env = "VAULTSTREAM_HTTP_ADDRESS", default_value = "0.0.0.0:8080")]
    pub http_address: SocketAddr,

    /// HTTPS address of external.metrics.k8s.io, such as 0.0.0.0:10250. Without it no HorizontalPodAutoscaler is created.
    #[arg(long, env = "VAULTSTREAM_METRICS_API_ADDRESS")]
    pub metrics_api_address: Option<SocketAddr>,

    /// The Service that the APIService v1beta1.external.metrics.k8s.io names, in the operator's own namespace.
    #[arg(long, env = "VAULTSTREAM_METRICS_API_SERVICE", default_value = "vaultstream-metrics-api")]
    pub metrics_api_service: String,

    /// Folder with the certificate of external.metrics.k8s.io and its authority: tls.crt, tls.key, ca.crt. Default: the operator makes and renews
    /// it, and keeps it in the Secret vaultstream-metrics-api-tls.
    #[arg(long, env = "VAULTSTREAM_METRICS_API_CERTIFICATE_DIR")]
    pub metrics_api_certificate_dir: Option<PathBuf>,

    /// Register the APIService v1beta1.external.metrics.k8s.io when nothing else has. Another's is never changed. Without this option the
    /// operator removes what it has registered.
    #[arg(long, env = "VAULTSTREAM_REGISTER_METRICS_API")]
    pub register_metrics_api: bool,

    /// Address of the read-only port from which KEDA reads numbers of workers, such as 0.0.0.0:8081.
    #[arg(long, env = "VAULTSTREAM_SCALING_ADDRESS")]
    pub scaling_address: Option<SocketAddr>,

    /// URL at which KEDA reaches that port, such as `http://vaultstream-scaling.vaultstream-system.svc:8081`. Without it no
    /// ScaledObject is created.
    #[arg(long, env = "VAULTSTREAM_SCALING_URL")]
    pub scaling_url: Option<String>,

    /// Jobs that sign at the same time. Further ones wait in the phase Queued.
    #[arg(long, env = "VAULTSTREAM_ACTIVE_JOBS", default_value = "20", value_parser = clap::value_parser!(u32).range(1..))]
    pub active_jobs: u32,

    /// Limit of workers, of all jobs together.
    #[arg(long, env = "VAULTSTREAM_WORKERS", default_value = "100")]
    pub workers: u32,

    /// What jobs may take of the ledger.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// URLs of timestamping authorities (RFC 3161) that SigningJobs may name in spec.anchors, with commas between them; others are not asked.
    /// Default: none.
    #[arg(long, env = "VAULTSTREAM_ALLOWED_TSAS", value_delimiter = ',')]
    pub allowed_tsas: Vec<String>,

    /// Copies of each stream in NATS, 1 to 5. Default: 3 in a cluster that has room for them, else 1.
    #[arg(long, env = "VAULTSTREAM_NATS_REPLICAS", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub nats_replicas: Option<u8>,

    /// Bytes that each job's stream of batches reserves, at least 65536. Default: only as many as the account demands.
    #[arg(long, env = "VAULTSTREAM_NATS_MAX_BYTES", value_parser = clap::value_parser!(i64).range(65536..))]
    pub nats_max_bytes: Option<i64>,

    /// Limit of messages of a stream that a job's workers hold. Default: enough to keep all of them busy, or what the account
    /// allows.
    #[arg(long, env = "VAULTSTREAM_NATS_MAX_ACK_PENDING", value_parser = clap::value_parser!(i64).range(1..))]
    pub nats_max_ack_pending: Option<i64>,

    /// Where workers send traces, such as `http://otel-collector.monitoring.svc:4317`: OTLP over gRPC. Given by the environment
    /// variable, it is the operator's, too. Default: nowhere.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,

    /// Audience of the token of its pod's ServiceAccount that each worker gets, by which it logs in to the service that holds the
    /// key-encryption key. Default: workers get no token.
    #[arg(long, env = "VAULTSTREAM_WORKER_TOKEN_AUDIENCE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub worker_token_audience: Option<String>,

    /// Folder of each node that has the socket of a KMS plugin: workers get it at the same path. Default: they get none.
    #[arg(long, env = "VAULTSTREAM_WORKER_KMS_DIRECTORY", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub worker_kms_directory: Option<String>,

    /// SigningJobs reconciled at the same time.
    #[arg(long, env = "VAULTSTREAM_RECONCILES", default_value = "8", value_parser = clap::value_parser!(u16).range(1..))]
    pub reconciles: u16,

    /// How long the deletion of a SigningJob waits for Postgres and NATS. After that it leaves what it could not remove.
    #[arg(long, env = "VAULTSTREAM_FINALIZER_TIMEOUT", default_value = "60s")]
    pub finalizer_timeout: humantime::Duration,

    /// Duration of the Lease, 5s to 60s: another replica takes over this long after the leader has vanished.
    #[arg(long, env = "VAULTSTREAM_LEASE_DURATION", default_value = "15s")]
    pub lease_duration: humantime::Duration,

    /// Write each log line as a JSON object, instead of text.
    #[arg(long, env = "VAULTSTREAM_LOG_JSON")]
    pub log_json: bool,

    /// What to log: error, warn, info, debug, trace, or a filter such as vaultstream_operator=debug,info.
    #[arg(long, env = "VAULTSTREAM_LOG", default_value = "info")]
    pub log: String,
}

/// `vaultstream-operator leave`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Leave {
    /// The operator's own namespace.
    #[arg(long)]
    pub(crate) namespace: String,

    /// Namespaces that it serves, with commas between them. Default: all.
    #[arg(long, value_delimiter = ',')]
    pub(crate) namespaces: Vec<String>,

    /// The operator's Deployment.
    #[arg(long, default_value = "vaultstream-operator")]
    pub(crate) deployment: String,

    /// The Service of external.metrics.k8s.io: what the operator has registered for it is removed. Default: nothing is.
    #[arg(long)]
    pub(crate) metrics_api_service: Option<String>,

    /// How long to wait for the operator to release its Lease.
    #[arg(long, default_value = "60s")]
    pub(crate) patience: humantime::Duration,
}

/// `vaultstream-operator migrate`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Migrate {
    /// Folder with the connection of the ledger's owner: DATABASE_URL, and optionally postgres-ca.crt, postgres.crt, postgres.key. If it
    /// has the key `tenants`, a line `NAMESPACE LOGIN PASSWORD` for each login of a namespace, and the keys `operator` and `auditor`, a line
    /// `LOGIN PASSWORD` each, these logins are made, too. Without the folder the ledger is only checked.
    #[arg(long, env = "VAULTSTREAM_OWNER_DIR", default_value = "/etc/vaultstream/owner")]
    pub(crate) owner_dir: PathBuf,

    /// Folder with the operator's own connection, which must not be the owner's.
    #[arg(long, env = "VAULTSTREAM_CONNECTION_DIR", default_value = "/etc/vaultstream/connection")]
    pub(crate) connection_dir: PathBuf,

    /// Accept an operator's connection that is the owner's.
    #[arg(long, env = "VAULTSTREAM_ALLOW_OWNER")]
    pub(crate) allow_owner: bool,

    /// Name of this cluster in the ledger, for logins of namespaces. Default: the uid of the namespace kube-system, or of the operator's own
    /// namespace if it may not read that.
    #[arg(long, env = "VAULTSTREAM_CLUSTER_ID")]
    pub(crate) cluster_id: Option<String>,

    /// The operator's own namespace.
    #[arg(long, env = "VAULTSTREAM_OPERATOR_NAMESPACE", default_value = "vaultstream-system")]
    pub(crate) operator_namespace: String,

    /// How long to wait for Postgres.
    #[arg(long, default_value = "60s")]
    pub(crate) connect_timeout: humantime::Duration,
}

/// `vaultstream-operator make-dev-secrets`.
#[derive(Args, Clone, Debug)]
pub(crate) struct MakeDevSecrets {
    /// The release's namespace, where the development servers are.
    #[arg(long)]
    pub(crate) namespace: String,

    /// Further namespaces that get the Secret vaultstream-connection, with commas between them.
    #[arg(long, value_delimiter = ',')]
    pub(crate) job_namespaces: Vec<String>,
}
