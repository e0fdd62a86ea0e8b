//! The SigningJob: its type, schema, validation, conditions and names.
//!
//! ```text
//!            spec.rs (source, keys, work, workers, autoscaling)     status.rs (phase, condition)
//!               │ schema + CEL                 │ serde, defaults
//!               ▼                              ▼
//!   crd.rs ─▶ crds/*.yaml        manifest.rs: yaml.rs ─▶ defaults ─▶ check.rs (schema) ─▶ rules.rs ─▶ SigningJob
//!               └────── check.rs reads the very same schema ──────┘
//! ```
//!
//! One schema, generated from the types, is what the API server enforces and what [`SigningJob::parse_manifests`] checks; the
//! rules between fields exist as CEL and as Rust, and a test shows that both give the same verdicts.
//!
//! Pure: no I/O, no clock, no client.

#![expect(unreachable_pub, reason = "KubeSchema declares a struct of the same visibility inside a function")]

mod anchor;
mod autoscaling;
mod cel;
mod check;
mod condition;
mod crd;
mod defaults;
mod difference;
mod duration;
mod env;
mod error;
mod fault;
mod follow;
mod issuer;
mod keys;
pub mod limits;
mod manifest;
pub mod names;
mod openapi;
mod pattern;
mod phase;
mod pod;
mod position;
mod rejected;
mod remedy;
mod rules;
mod source;
mod spec;
mod status;
mod suggest;
mod syntax;
mod table;
mod update;
mod word;
mod work;
mod workers;
mod yaml;

pub use anchor::Anchor;
pub use autoscaling::{Autoscaling, ScalingMode};
pub use condition::{ConditionType, Reason};
pub use crd::{crd, crd_yaml, schema};
pub use difference::{Difference, differences};
pub use duration::{DurationError, GoDuration};
pub use env::EnvLiteral;
pub use error::FieldError;
pub use fault::{Fault, ManifestError};
pub use follow::{CheckpointPolicy, Follow};
pub use issuer::IssuerRef;
pub use keys::{KeyRetention, Keys, Lease, Message, Nonce, Signing, Verify};
pub use manifest::{MAX_MANIFESTS, Manifest};
pub use names::{ChildNames, JobName, JobRef, NameError, Namespace};
pub use phase::Phase;
pub use position::Position;
pub use rejected::{MaxRejected, NotAPercentage};
pub use source::{GenerateSource, NotOneMember, Source};
pub use spec::{SigningJob, SigningJobSpec};
pub use status::{CheckpointSummary, FollowingStatus, KeyCounts, ReceiptSummary, RecordCounts, SigningJobStatus};
pub use table::{JsonForm, Key, NotOneOfBoth, Signed, TableSource};
pub use update::validate_update;
pub use work::{Concurrency, DeletionPolicy, Retention, Retry};
pub use workers::{Resources, WorkerTemplate, Workers};
