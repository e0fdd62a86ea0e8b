//! A spec that changes while its job is signed: every field that may change is changed on the way, and at the end nothing tells the
//! job from one that had the last spec from its beginning.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use vaultstream_api::SigningJobSpec;
use vaultstream_ledger::jobs;
use vaultstream_signing::{PublicKey, verify_receipt};
use vaultstream_streams::JobStreams;

use crate::harness::{Drive, Running, Site, assert_complete, generated, of_spec, quick, until};

const RECORDS: i64 = 2000;
/// Never signed: what `retry`, `maxRejected` and `signing.verify` make of it is seen at the end.
const BROKEN: &str = "1990";
const SPEC: &str = "batchSize: 20\nkeys: {count: 6, lease: {records: 100, duration: 20s}}\nworkers: {maxRecordsPerSecond: 150}\n\
     signing: {verify: Sample}";

/// Fields that a job keeps for life.
const FIXED: &[&str] = &[
    "anchors",
    // Only with `follow`, which generated records cannot have.
    "autoscaling.targetLag",
    "follow.checkpoint.every",
    "follow.checkpoint.records",
    "follow.maxDelay",
    "follow.reconcileEvery",
    "batchSize",
    "keys.count",
    "maxPayloadBytes",
    "signing.message",
    "signing.nonce",
    "source.generate.payloadBytes",
    "source.generate.records",
    "source.table.columns",
    "source.table.json",
    "source.table.key",
    "source.table.keyColumns",
    "source.table.name",
    "source.table.payload",
    "source.table.schema",
];

/// Fields of other programs' types, whatever they hold.
const WHOLE: &[&str] = &["autoscaling.behavior", "signing.issuerRef", "workers.template.affinity"];

/// What every other field is changed to, in this order.
fn changes() -> Vec<(&'static str, Value)> {
    vec![
        ("keys.maxSignatures", json!(100)),
        ("keys.retain", json!("Keep")),
        ("keys.lease.records", json!(40)),
        ("keys.lease.duration", json!("8s")),
        ("signing.verify", json!("All")),
        ("signing.issuerRef", json!({"name": "ca", "kind": "Issuer", "group": "cert-manager.io"})),
        ("concurrency.records", json!(3)),
        ("concurrency.signers", json!(3)),
        ("concurrency.keys", json!(2)),
        ("retry.initialBackoff", json!("10ms")),
        ("retry.maxBackoff", json!("40ms")),
        ("retry.maxAttempts", json!(3)),
        ("maxRejected", json!(1)),
        ("workers.maxReplicas", json!(50)),
        ("workers.minReplicas", json!(2)),
        ("workers.template.labels", json!({"team": "ledger"})),
        ("workers.template.annotations", json!({"note": "changed"})),
        ("workers.template.resources.requests", json!({"cpu": "1"})),
        ("workers.template.resources.limits", json!({"cpu": "2"})),
        ("workers.template.nodeSelector", json!({"disk": "fast"})),
        ("workers.template.tolerations", json!([{"key": "night", "operator": "Exists"}])),
        ("workers.template.affinity", json!({"podAntiAffinity": {}})),
        (
            "workers.template.topologySpreadConstraints",
            json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}]),
        ),
        ("workers.template.priorityClassName", json!("high")),
        ("workers.template.imagePullSecrets", json!([{"name": "registry"}])),
        ("workers.template.env", json!([{"name": "TZ", "value": "UTC"}])),
        ("autoscaling.mode", json!("Direct")),
        ("autoscaling.targetBacklog", json!(77)),
        ("autoscaling.targetDrain", json!("5m")),
        ("autoscaling.behavior", json!({"scaleDown": {"stabilizationWindowSeconds": 60}})),
        ("ttlAfterFinished", json!("1h")),
        ("deletionPolicy.signatures", json!("Delete")),
        ("deletionPolicy.records", json!("Delete")),
        ("suspend", json!(true)),
        // Only while the job is suspended.
        ("connectionSecret", json!("other")),
        ("suspend", json!(false)),
        // The receipt would wait for it.
        ("signing.issuerRef", Value::Null),
        // The rest is signed fast.
        ("workers.maxRecordsPerSecond", json!(4000)),
    ]
}

/// Every field of a spec, from the schema that the API server enforces.
fn fields(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    match schema.get("properties").and_then(Value::as_object) {
        Some(properties) if !WHOLE.contains(&path) => {
            for (name, schema) in properties {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                fields(schema, &path, found);
            }
        }
        _ => drop(found.insert(path.to_owned())),
    }
}

fn with(spec: &SigningJobSpec, path: &str, value: Value) -> SigningJobSpec {
    let mut all = serde_json::to_value(spec).unwrap();
    let mut at = &mut all;
    for name in path.split('.') {
        if at.is_null() {
            *at = json!({});
        }
        at = &mut at[name];
    }
    assert_ne!(*at, value, "{path} is not changed");
    *at = value;
    serde_json::from_value(all).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_field_that_may_change_is_among_the_changes() {
    let mut all = BTreeSet::new();
    fields(&vaultstream_api::schema()["properties"]["spec"], "", &mut all);
    let changes = changes();
    let tried: BTreeSet<String> =
        changes.iter().map(|(path, _)| *path).chain(FIXED.iter().copied()).map(str::to_owned).collect();
    assert_eq!(tried, all, "a field of the spec is neither changed here nor fixed");
}

/// Changes one field of the job after another; each time as one generation of its SigningJob.
struct Changing<'a> {
    drive: &'a Drive,
    spec: SigningJobSpec,
    generation: i64,
}

impl Changing<'_> {
    async fn set(&mut self, path: &str, value: Value) {
        assert!(!self.drive.is_over(), "the job was over before {path} was changed");
        self.spec = with(&self.spec, path, value);
        self.generation += 1;
        let job = jobs::update_spec(&self.drive.ledger, self.drive.id, &self.spec, self.generation).await;
        assert_eq!(job.unwrap_or_else(|error| panic!("{path}: {error}")).spec, self.spec);
    }
}

/// Limits of the streams: what their consumers and the stream of batches hold at most, and for how long.
#[derive(Debug, PartialEq)]
struct Limits {
    batches: (i64, Duration),
    keys: (i64, Duration),
    stream: (i64, i64, usize),
}

async fn limits(site: &Site, topology: &JobStreams) -> Option<Limits> {
    let jetstream = site.jetstream().await;
    let batches = jetstream.get_stream(topology.batch_stream()).await.ok()?;
    let keys = jetstream.get_stream(topology.key_stream()).await.ok()?;
    let stream = &batches.cached_info().config;
    let stream = (stream.max_messages, stream.max_bytes, stream.num_replicas);
    let mut consumers = Vec::new();
    for stream in [&batches, &keys] {
        let consumer: async_nats::jetstream::consumer::PullConsumer =
            stream.get_consumer(topology.consumer()).await.ok()?;
        consumers.push((consumer.cached_info().config.max_ack_pending, consumer.cached_info().config.ack_wait));
    }
    Some(Limits { batches: consumers[0], keys: consumers[1], stream })
}

/// What remains of a job, but for its names, times, keys and their signatures.
#[derive(Debug, PartialEq)]
struct End {
    spec: Value,
    row: Value,
    rejects: Value,
    /// A key that has made all its signatures was followed by another one.
    keys_were_replaced: bool,
    receipt: Value,
}

impl End {
    async fn of(site: &Site, drive: &Drive) -> Self {
        let job = jobs::by_id(&drive.ledger, drive.id).await.unwrap().unwrap();
        let id = drive.id.0;
        let json = async |sql: String| serde_json::from_str::<Value>(&site.text(&sql).await).unwrap();
        let receipt_key = "SELECT public_key FROM vaultstream.keys WHERE ordinal = 0 AND job_id = $1";
        let receipt_key = site.sql().await.query_one(receipt_key, &[&id]).await.unwrap().get::<_, Vec<u8>>(0);
        let receipt_key = PublicKey::from_spki_der(&receipt_key).unwrap();
        let receipt = verify_receipt(&receipt_key, job.receipt.as_deref().unwrap()).unwrap();
        Self {
            spec: serde_json::to_value(&job.spec).unwrap(),
            row: json(format!(
                "SELECT jsonb_build_object('state', state, 'suspended', suspended, 'total', total, 'deletion', deletion_policy)::text \
                 FROM vaultstream.jobs WHERE id = {id}"
            ))
            .await,
            rejects: json(format!(
                "SELECT jsonb_agg(jsonb_build_array(record_id, reason, attempts) ORDER BY record_id)::text \
                 FROM vaultstream.rejects WHERE job_id = {id}"
            ))
            .await,
            keys_were_replaced: site
                .number(&format!("SELECT count(*) FROM vaultstream.keys WHERE version > 1 AND job_id = {id}"))
                .await
                > 0,
            receipt: json!({
                "records": serde_json::to_value(receipt.records).unwrap(),
                "specHash": receipt.spec_hash,
                "verify": receipt.verify,
                "backends": serde_json::to_value(&receipt.backends).unwrap(),
            }),
        }
    }
}

async fn worker(site: &Site, job: &Drive) -> Running {
    site.worker(job.uid).await.env("VAULTSTREAM_FAULT_RECORDS", BROKEN).start()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_spec_changes_on_the_way_ends_as_one_that_had_the_last_spec_from_the_beginning() {
    let site = Site::new().await;
    let job = site.drive(&generated("changed", RECORDS.unsigned_abs(), SPEC), quick()).await;
    job.until_published().await;
    let row = jobs::by_id(&job.ledger, job.id).await.unwrap().unwrap();
    let last = changes().into_iter().fold(row.spec.clone(), |spec, (path, value)| with(&spec, path, value));

    // The one that has the last spec from the beginning. Nobody signs it yet.
    let fresh = site.drive(&of_spec("fresh", &last), quick()).await;
    fresh.until_published().await;
    let wanted = limits(&site, &fresh.topology().await).await.unwrap();

    let workers = [worker(&site, &job).await, worker(&site, &job).await];
    site.until_signed(100).await;
    let mut changing = Changing { drive: &job, spec: row.spec, generation: row.spec_generation };
    for (path, value) in changes() {
        if (path, &value) == ("suspend", &json!(true)) {
            until("the limits follow", || async {
                limits(&site, &job.topology().await).await.as_ref() == Some(&wanted)
            })
            .await;
        }
        changing.set(path, value.clone()).await;
        if (path, &value) == ("suspend", &json!(true)) {
            until("a job that rests has no streams", || async { limits(&site, &job.topology().await).await.is_none() })
                .await;
        } else {
            let signed = site.signed().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!(signed < RECORDS, "everything was signed before {path} was changed");
        }
    }
    until("the new streams have the last limits", || async {
        job.is_over() || limits(&site, &job.topology().await).await.as_ref() == Some(&wanted)
    })
    .await;

    let others = [worker(&site, &fresh).await, worker(&site, &fresh).await];
    until("both jobs are over", || async { job.is_over() && fresh.is_over() }).await;
    let (changed, meant) = (End::of(&site, &job).await, End::of(&site, &fresh).await);
    assert_eq!(changed.spec, serde_json::to_value(&last).unwrap());
    assert_eq!(changed.rejects, json!([[1990, "SigningFailed", 3]]));
    assert_eq!(changed, meant);
    assert!(changed.keys_were_replaced);
    job.complete().await;
    fresh.complete().await;
    assert_complete(&site, "changed", RECORDS - 1, 1).await;
    assert_complete(&site, "fresh", RECORDS - 1, 1).await;
    drop((workers, others));
}
