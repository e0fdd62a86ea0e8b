//! The SigningJob itself.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::anchor::{self, Anchor};
use crate::autoscaling::Autoscaling;
use crate::cel::{fixed, fixed_list, optional_duration_between};
use crate::duration::GoDuration;
use crate::follow::Follow;
use crate::keys::{Keys, Signing};
use crate::rejected::MaxRejected;
use crate::source::Source;
use crate::status::SigningJobStatus;
use crate::work::{Concurrency, DeletionPolicy, Retry};
use crate::workers::Workers;
use crate::{defaults, limits, pattern};

/// What to sign, with which keys, how, and by how many workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "vaultstream.dev",
    version = "v1alpha1",
    kind = "SigningJob",
    plural = "signingjobs",
    singular = "signingjob",
    shortname = "sj",
    category = "all",
    namespaced,
    status = "SigningJobStatus",
    derive = "PartialEq",
    doc = "A SigningJob signs every record of a set exactly once with ECDSA P-256 and stores the signatures in Postgres.",
    validation = Rule::new(format!("size(self.metadata.name) <= {} && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')", limits::MAX_NAME))
        .message(format!("metadata.name must be at most {} lower-case letters, digits and '-', with a letter or digit at both ends", limits::MAX_NAME).as_str()),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase", description = "Where the job is"),
    printcolumn(name = "Done %", type_ = "integer", json_path = ".status.percentDone", description = "Records signed or rejected, in percent"),
    printcolumn(name = "Total", type_ = "integer", json_path = ".status.records.total", description = "Records of the job"),
    printcolumn(name = "Signed", type_ = "integer", json_path = ".status.records.signed", description = "Records signed"),
    printcolumn(name = "Rejected", type_ = "integer", json_path = ".status.records.rejected", description = "Records that cannot be signed"),
    printcolumn(name = "Backlog", type_ = "integer", json_path = ".status.records.backlog", description = "Records neither signed nor rejected yet"),
    printcolumn(name = "Lag", type_ = "string", json_path = ".status.following.lag", description = "How old the oldest row is that is not signed, of a job that follows its table"),
    printcolumn(name = "Workers", type_ = "integer", json_path = ".status.replicas", description = "Workers running"),
    printcolumn(name = "Rate", type_ = "integer", json_path = ".status.ratePerSecond", description = "Records signed a second"),
    printcolumn(name = "ETA", type_ = "string", json_path = ".status.estimatedCompletionTime", description = "When the backlog will be gone at the present rate"),
    printcolumn(name = "Root", type_ = "string", json_path = ".status.receipt.merkleRoot", description = "The Merkle root over all signed records", priority = 1),
    printcolumn(name = "Receipt", type_ = "string", json_path = ".status.receipt.digest", description = "SHA-256 of the receipt", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = fixed("source"),
    validation = Rule::new("has(oldSelf.follow) || !has(self.follow)")
        .message("follow cannot be added after creation: create another SigningJob")
        .field_path(".follow"),
    validation = Rule::new("!has(self.follow) || has(self.source.table)")
        .message("follow needs source.table: generated records are all there from the beginning")
        .field_path(".follow"),
    validation = Rule::new("!has(self.autoscaling.targetLag) || has(self.follow)")
        .message("autoscaling.targetLag needs follow: only a job that follows its table has a lag")
        .field_path(".autoscaling.targetLag"),
    validation = Rule::new("!has(self.autoscaling.targetLag) || !has(self.follow) || duration(self.autoscaling.targetLag) > duration(self.follow.maxDelay)")
        .message("autoscaling.targetLag must be longer than follow.maxDelay, for which a row may wait for its batch")
        .field_path(".autoscaling.targetLag"),
    validation = fixed("batchSize"),
    validation = fixed("maxPayloadBytes"),
    validation = fixed("keys.count"),
    validation = fixed("signing.message"),
    validation = fixed("signing.nonce"),
    validation = fixed_list("anchors"),
    validation = Rule::new("self.connectionSecret == oldSelf.connectionSecret || oldSelf.suspend")
        .message("connectionSecret can be changed only while the job is suspended")
        .field_path(".connectionSecret"),
    validation = Rule::new(format!(
        "!has(self.source.generate) || (self.source.generate.records + self.batchSize - 1) / self.batchSize <= {}", limits::MAX_BATCHES
    ))
        .message(format!("a job has at most {} batches: raise batchSize", limits::MAX_BATCHES).as_str())
        .field_path(".batchSize"),
    validation = Rule::new("!has(self.source.generate) || self.source.generate.payloadBytes <= self.maxPayloadBytes")
        .message("source.generate.payloadBytes must not be above maxPayloadBytes: every record would be rejected")
        .field_path(".source.generate.payloadBytes"),
    validation = Rule::new(format!(
        "!has(self.source.table) || !has(self.source.table.json) || self.source.table.json != 'JCS' || self.maxPayloadBytes <= {}",
        limits::MAX_CANONICAL_PAYLOAD
    ))
        .message(format!("maxPayloadBytes must not be above {} with source.table.json: JCS", limits::MAX_CANONICAL_PAYLOAD).as_str())
        .field_path(".maxPayloadBytes"),
    validation = Rule::new("!has(self.keys.maxSignatures) || self.keys.maxSignatures >= self.batchSize")
        .message("keys.maxSignatures must be at least batchSize: one key signs a whole batch")
        .field_path(".keys.maxSignatures"),
    validation = optional_duration_between("ttlAfterFinished", SigningJobSpec::SHORTEST_TTL, SigningJobSpec::LONGEST_TTL),
)]
pub struct SigningJobSpec {
    /// Where the records come from. Cannot be changed after creation.
    pub source: Source,

    /// Sign each row that is inserted later, too, for ever, with a checkpoint now and then. Without it the table is signed as it is now.
    /// Removed later: what came before is signed, and the job ends with a receipt. Cannot be added after creation.
    // Left out when it is absent: the specs in receipts of earlier versions are without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<Follow>,

    /// Most records of one batch. A batch is what one message hands out and what is signed under one key. Cannot be changed
    /// after creation.
    #[serde(default = "defaults::batch_size")]
    #[schemars(range(min = 1, max = limits::MAX_BATCH_SIZE))]
    pub batch_size: u32,

    /// Most bytes of a payload; a record with more becomes a reject. Cannot be changed after creation.
    #[serde(default = "defaults::max_payload_bytes")]
    #[schemars(range(min = 1, max = limits::MAX_PAYLOAD))]
    pub max_payload_bytes: u32,

    /// The signing keys.
    #[serde(default)]
    pub keys: Keys,

    /// How records are signed.
    #[serde(default)]
    pub signing: Signing,

    /// Timestamping authorities that confirm when the receipt existed. The job is Complete without them: they are asked afterwards, and
    /// again until each has confirmed. Cannot be changed after creation.
    // Left out when there is none: the specs in receipts of earlier versions are without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "anchor::list")]
    pub anchors: Vec<Anchor>,

    /// How much one worker does at once.
    #[serde(default)]
    pub concurrency: Concurrency,

    /// What happens when signing a batch fails.
    #[serde(default)]
    pub retry: Retry,

    /// Records that may be rejected, as a number or as a percentage such as "1%" (rounded down). With more of them the job ends
    /// as Failed, with everything else signed.
    #[serde(default = "defaults::max_rejected")]
    pub max_rejected: MaxRejected,

    /// The workers and what their pods look like.
    #[serde(default)]
    pub workers: Workers,

    /// What the number of workers follows.
    #[serde(default)]
    pub autoscaling: Autoscaling,

    /// The Secret in the job's namespace that says how to reach Postgres and NATS and holds the key-encryption key. Can be
    /// changed only while the job is suspended.
    #[serde(default = "defaults::connection_secret")]
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::SUBDOMAIN.regex))]
    pub connection_secret: String,

    /// Stop the work, without losing any of it, until this is false again.
    #[serde(default)]
    pub suspend: bool,

    /// Delete the SigningJob this long after it finished, 0s to 87600h. Without it finished jobs are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_after_finished: Option<GoDuration>,

    /// What is kept in the database when the SigningJob is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

impl SigningJobSpec {
    pub(crate) const SHORTEST_TTL: &'static str = "0s";
    pub(crate) const LONGEST_TTL: &'static str = "87600h";

    /// A spec with a source, and the default for everything else.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self {
            source,
            follow: None,
            batch_size: defaults::batch_size(),
            max_payload_bytes: defaults::max_payload_bytes(),
            keys: Keys::default(),
            signing: Signing::default(),
            anchors: Vec::new(),
            concurrency: Concurrency::default(),
            retry: Retry::default(),
            max_rejected: defaults::max_rejected(),
            workers: Workers::default(),
            autoscaling: Autoscaling::default(),
            connection_secret: defaults::connection_secret(),
            suspend: false,
            ttl_after_finished: None,
            deletion_policy: DeletionPolicy::default(),
        }
    }

    /// Where the records come from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }
}
