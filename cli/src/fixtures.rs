//! Jobs and keys as a ledger would return them, for tests of pure functions.

use std::time::{Duration, SystemTime};

use uuid::Uuid;
use vaultstream_api::SigningJob;
use vaultstream_ledger::{Job, JobId, JobState, KeyId, Progress, jobs::JobTimes, verify::PublicKeyRow};
use vaultstream_signing::PrivateKey;

/// A table source.
pub(crate) const TABLE: &str = "source: {table: {name: orders, key: id, payload: body}}";
/// Generated records.
pub(crate) const GENERATED: &str = "source: {generate: {records: 1000}}";

/// The job `default/job` with this spec, created an hour after the epoch.
pub(crate) fn job(spec: &str, state: JobState) -> Job {
    let manifest =
        format!("apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata: {{name: job}}\nspec: {{{spec}}}\n");
    let created = SystemTime::UNIX_EPOCH + Duration::from_secs(3600);
    Job {
        id: JobId(1),
        uid: Uuid::from_u128(7),
        cluster: crate::job::CLUSTER.to_owned(),
        namespace: "default".to_owned(),
        name: "job".to_owned(),
        live: true,
        spec: SigningJob::parse_manifests(&manifest).unwrap().remove(0).spec,
        spec_generation: 1,
        state,
        suspended: false,
        generation: 1,
        total: Some(1000),
        batches: Some(2),
        seeded: 1000,
        published: 2,
        signed_types: None,
        key: None,
        signed_view: None,
        planned_table: None,
        backends: Vec::new(),
        receipt: None,
        merkle_root: None,
        failure: None,
        failure_reason: None,
        fault: None,
        source_fault: None,
        withdrawn: Vec::new(),
        follow: None,
        times: JobTimes { created, seeded: None, published: None, signed: None, finished: None },
    }
}

/// The counts of that job, read 90 seconds after it was created.
pub(crate) fn counts(job: &Job, signed: i64, rejected: i64) -> Progress {
    let total = job.total.unwrap_or_default();
    Progress {
        job: job.id,
        state: job.state,
        suspended: job.suspended,
        generation: job.generation,
        total,
        signed,
        rejected,
        changed: 0,
        backlog: total - signed - rejected,
        seeded: job.seeded,
        batches: job.batches,
        published: job.published,
        batches_signed: 0,
        keys_active: 3,
        keys_retired: 1,
        keys_leased: 2,
        waiting: None,
        lag: None,
        at: job.times.created + Duration::from_secs(90),
        server_started: SystemTime::UNIX_EPOCH,
    }
}

/// A key at this place that has made so many signatures, neither erased nor revoked.
pub(crate) fn public_key_row(ordinal: i32, signed: i64) -> PublicKeyRow {
    PublicKeyRow {
        id: KeyId(7),
        ordinal,
        version: 1,
        public_key: PrivateKey::from_scalar(&[1; 32]).unwrap().public().spki_der().to_vec(),
        signed,
        last_used: None,
        erased: None,
        revocation: None,
    }
}
