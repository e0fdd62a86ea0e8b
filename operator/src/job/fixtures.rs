//! Fixtures for tests of the pure stages: jobs from manifests, and rows, figures and children as the ledger and the cluster have
//! them.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use rcgen::{CertificateParams, Issuer, KeyPair, KeyUsagePurpose, SanType, SubjectPublicKeyInfo};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use vaultstream_api::{Reason, SigningJob, Source, TableSource};
use vaultstream_ledger::{FollowState, Following, Job, JobId, JobState, Progress, jobs::JobTimes};
use vaultstream_signing::{PrivateKey, PublicKey, Receipt, sign_receipt};

use crate::{
    fault::ConditionFault,
    job::{
        children::ObservedChildren,
        validate::{ValidJob, validate},
    },
    lifecycle::snapshot::JobSnapshot,
    scaling::backlog_cache::JobLoad,
};

/// A SigningJob with nothing but what it needs.
const MINIMAL: &str = "
apiVersion: vaultstream.dev/v1alpha1
kind: SigningJob
metadata:
  name: invoices
  namespace: default
  uid: 0d9b2f6c-0000-4000-8000-000000000001
  generation: 3
  creationTimestamp: 2026-01-01T00:00:00Z
spec:
  source: {generate: {records: 1000}}
";

/// One minute after [`MINIMAL`] was created.
pub(crate) fn now() -> Timestamp {
    "2026-01-01T00:01:00Z".parse().unwrap()
}

/// An object from YAML.
pub(crate) fn from_yaml<T: DeserializeOwned>(yaml: &str) -> T {
    serde_yaml_ng::from_str(yaml).unwrap()
}

/// [`MINIMAL`] with the fields of `yaml`, for which `null` removes one.
pub(crate) fn signing_job(yaml: &str) -> SigningJob {
    let mut job: Value = from_yaml(MINIMAL);
    merge(&mut job, from_yaml(yaml));
    serde_json::from_value(job).unwrap()
}

/// The same, validated.
pub(crate) fn valid_job(yaml: &str) -> ValidJob {
    validate(&signing_job(yaml)).unwrap()
}

fn merge(onto: &mut Value, patch: Value) {
    match patch {
        Value::Object(fields) if onto.is_object() => {
            for (name, value) in fields {
                merge(&mut onto[name.as_str()], value);
            }
        }
        other => *onto = other,
    }
}

/// The row of [`MINIMAL`]: nothing but its state, its name and the time at which it was created.
pub(crate) fn row(state: JobState) -> Job {
    let job = valid_job("{}");
    Job {
        id: JobId(1),
        uid: job.uid,
        cluster: "cluster".to_owned(),
        namespace: job.namespace.to_string(),
        name: job.name.to_string(),
        live: true,
        spec: job.spec,
        spec_generation: job.generation,
        state,
        suspended: false,
        generation: 1,
        total: None,
        batches: None,
        seeded: 0,
        published: 0,
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
        times: JobTimes { created: job.created, seeded: None, published: None, signed: None, finished: None },
    }
}

/// A table as a source.
pub(crate) fn table() -> Source {
    Source::Table(TableSource::of_payload("public", "papers", "id", "body"))
}

/// Figures of a planned job that has these records signed, rejected and left.
pub(crate) fn progress(signed: i64, rejected: i64, backlog: i64) -> Progress {
    Progress {
        job: JobId(1),
        state: JobState::Signing,
        suspended: false,
        generation: 1,
        total: signed + rejected + backlog,
        signed,
        rejected,
        changed: 0,
        backlog,
        seeded: signed + rejected + backlog,
        batches: Some(2),
        published: 2,
        batches_signed: 0,
        keys_active: 100,
        keys_retired: 1,
        keys_leased: 0,
        waiting: None,
        lag: None,
        at: UNIX_EPOCH,
        server_started: UNIX_EPOCH,
    }
}

/// A snapshot of a job in that state, without figures.
pub(crate) fn snapshot(state: JobState) -> JobSnapshot {
    JobSnapshot { job: Some(row(state)), ..JobSnapshot::default() }
}

/// How far a job is whose table was looked through at second 60 and whose arrivals were read at second 90.
pub(crate) fn following(state: FollowState) -> Following {
    Following {
        state,
        arrivals: Some(1),
        scan: None,
        scanned: Some(after_epoch(60)),
        found: 4,
        read: Some(after_epoch(90)),
        waiting: 3,
        waiting_since: None,
    }
}

/// A snapshot of a job in that state, whose task was stopped by a fault.
pub(crate) fn faulty(state: JobState, reason: Reason) -> JobSnapshot {
    JobSnapshot { fault: Some(ConditionFault::new(reason, "why")), ..snapshot(state) }
}

/// What the backlog cache has of a job that needs that many workers.
pub(crate) fn load(desired_workers: u32) -> JobLoad {
    JobLoad {
        namespace: "default".to_owned(),
        name: "invoices".to_owned(),
        backlog: 500,
        rate: Some(100),
        desired_workers,
        source_ready: None,
        following: None,
    }
}

/// Children of a job whose Deployment has `replicas`, all of them ready.
pub(crate) fn with_replicas(replicas: u32) -> ObservedChildren {
    let deployment: Deployment =
        from_yaml(&format!("{{spec: {{replicas: {replicas}, selector: {{}}, template: {{}}}}}}"));
    ObservedChildren {
        deployment: Some(Arc::new(deployment)),
        ready: replicas,
        pods: replicas,
        ..ObservedChildren::default()
    }
}

/// A certificate of this key as an issuer of a cluster makes it, with the URI `name`.
pub(crate) fn certificate(key: &PublicKey, name: &str) -> rcgen::Certificate {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = vec![SanType::URI(name.try_into().unwrap())];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let issuer = Issuer::new(CertificateParams::new(Vec::new()).unwrap(), KeyPair::generate().unwrap());
    params.signed_by(&SubjectPublicKeyInfo::from_der(key.spki_der()).unwrap(), &issuer).unwrap()
}

/// A receipt by this key, with these certificates.
pub(crate) fn certified_receipt(key: &PrivateKey, certificates: &[Vec<u8>]) -> String {
    let (uid, hash) = ("0d9b2f6c-0000-4000-8000-000000000001", "0".repeat(64));
    let receipt: Receipt = from_yaml(&format!(
        "{{formatVersion: 3, uid: {uid}, namespace: default, name: invoices, specHash: '{hash}', merkleRoot: '{hash}', keys: [], \
         records: {{total: 1000, signed: 1000, rejected: 0, changed: 0}}, backends: [], verify: All, \
         startedAt: '2026-01-01T00:00:00Z', completedAt: '2026-01-01T00:01:00Z', softwareVersion: 0.1.0, cluster: cluster, \
         source: {{kind: Generated}}, message: Payload, treeSize: 1, sealed: 1, madeAt: '2026-01-01T00:01:00Z'}}"
    ));
    sign_receipt(key, &receipt, certificates).unwrap()
}

/// A time of the ledger, this long after 1970 began.
pub(crate) fn after_epoch(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Compares `value`, as YAML, with the checked-in file of that name in src/job/snapshots. UPDATE_SNAPSHOTS=1 writes the file.
pub(crate) fn assert_snapshot(name: &str, value: &impl Serialize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/job/snapshots").join(name);
    let actual = serde_yaml_ng::to_string(value).unwrap();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let changed: Vec<_> = expected
        .lines()
        .zip(actual.lines())
        .enumerate()
        .filter(|(_, (expected, actual))| expected != actual)
        .map(|(index, (expected, actual))| format!("line {}: {expected:?} became {actual:?}", index + 1))
        .collect();
    assert!(
        expected == actual,
        "{name} differs ({} lines before, {} now). If that is intended: UPDATE_SNAPSHOTS=1\n{}",
        expected.lines().count(),
        actual.lines().count(),
        changed.join("\n")
    );
}
