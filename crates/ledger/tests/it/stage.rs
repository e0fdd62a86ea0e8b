//! What tests stand on: a server, a database, a job, a lease, a unit that is signed in form if not in truth.

use std::io::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use vaultstream_api::{GenerateSource, SigningJobSpec, Source, TableSource};
use vaultstream_embedded::{Options, Servers};
use vaultstream_ledger::commit::{self, Committed, Segment};
use vaultstream_ledger::copy::put_signature_row;
use vaultstream_ledger::data_keys;
use vaultstream_ledger::leases::{self, LeaseOutcome, Material, Stored, Wrapping};
use vaultstream_ledger::planning::{self, Begun, ChunkOutcome, TableError};
use vaultstream_ledger::steps::{self, Seeding, Step, StepError};
use vaultstream_ledger::{
    BatchRange, ConnectOptions, Job, JobId, KeyId, Lease, Ledger, NewJob, Progress, QueryError, SourceOptions,
    TlsFiles, jobs,
};
use vaultstream_signing::{Digest, RawSignature};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// The one server of this test program. It ends with the program.
pub(crate) fn server() -> &'static Servers {
    static SERVER: OnceLock<Servers> = OnceLock::new();
    SERVER.get_or_init(|| {
        Servers::start(&Options::temporary().postgres_only().setting("max_connections", "200")).unwrap()
    })
}

pub(crate) struct Stage {
    pub(crate) url: String,
    pub(crate) ledger: Ledger,
}

pub(crate) fn options(url: &str) -> ConnectOptions {
    ConnectOptions {
        url: url.to_owned(),
        max_connections: 6,
        application_name: "vaultstream-test".to_owned(),
        tls: TlsFiles::default(),
        source: SourceOptions::default(),
        patience: Duration::from_secs(10),
    }
}

/// The same database as another user.
pub(crate) fn url_as(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, host) = rest.split_once('@').unwrap();
    format!("{scheme}://{user}@{host}")
}

/// The server's Unix socket.
pub(crate) fn socket_of(url: &str) -> String {
    let host = url.split_once('@').unwrap().1.split_once('/').unwrap().0;
    format!("{}/.s.PGSQL.5432", host.replace("%2F", "/"))
}

impl Stage {
    /// A database with nothing in it.
    pub(crate) async fn empty() -> Self {
        let url = tokio::task::spawn_blocking(|| server().create_database().unwrap()).await.unwrap();
        let ledger = Ledger::connect(&options(&url)).await.unwrap();
        Self { url, ledger }
    }

    pub(crate) async fn new() -> Self {
        let stage = Self::empty().await;
        stage.ledger.migrate().await.unwrap();
        stage
    }

    /// A connection of its own, with all rights.
    pub(crate) async fn sql(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        // The embedded server's user has the name of our schema, and "$user" comes first otherwise.
        client.batch_execute("SET search_path = public").await.unwrap();
        client
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.sql().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// A job of which nothing is made yet.
    pub(crate) async fn pending(&self, spec: SigningJobSpec) -> Job {
        let uid = Uuid::new_v4();
        let new = NewJob {
            uid,
            cluster: "test".to_owned(),
            namespace: "default".to_owned(),
            name: format!("job-{uid}"),
            spec,
            generation: 1,
        };
        jobs::ensure(&self.ledger, &new).await.unwrap().job
    }

    /// A job that signs.
    pub(crate) async fn signing(&self, spec: SigningJobSpec) -> Job {
        let job = self.pending(spec).await;
        assert_eq!(steps::provision(&self.ledger, job.id).await.unwrap(), Step::Done(()));
        while let Step::Done(Seeding::More { .. }) = seed_chunk(&self.ledger, job.id, 1000).await.unwrap() {}
        self.job(job.id).await
    }

    pub(crate) async fn job(&self, id: JobId) -> Job {
        jobs::by_id(&self.ledger, id).await.unwrap().unwrap()
    }

    pub(crate) async fn ranges(&self, job: &Job) -> Vec<BatchRange> {
        steps::next_to_publish(&self.ledger, job.id, 0, 100_000).await.unwrap()
    }

    pub(crate) async fn keys(&self, job: &Job) -> Vec<KeyId> {
        leases::active_keys(&self.ledger, job.id).await.unwrap().into_iter().map(|key| key.id).collect()
    }

    /// A lease of the key, whose material is made if need be.
    pub(crate) async fn lease(&self, job: &Job, key: KeyId, duration: Duration) -> Lease {
        self.ledger.insert_kek_canary("kek", b"canary").await.unwrap();
        data_keys::store(&self.ledger, job.id, b"wrapped data key", "kek").await.unwrap();
        match leases::take(&self.ledger, job.id, key, duration).await.unwrap() {
            LeaseOutcome::Granted(lease) => {
                if lease.material.is_none() {
                    let material = material(&format!("public {key}"));
                    let stored = leases::store_material(&self.ledger, &lease, &material, None).await;
                    assert_eq!(stored.unwrap(), Stored::Stored);
                }
                lease
            }
            other => panic!("not taken: {other:?}"),
        }
    }

    pub(crate) async fn first_lease(&self, job: &Job) -> Lease {
        let key = self.keys(job).await[0];
        self.lease(job, key, MINUTE).await
    }

    pub(crate) async fn commit(&self, job: &Job, lease: &Lease, segments: &[Segment]) -> Committed {
        commit::unit(&self.ledger, job.id, lease, segments, false).await.unwrap()
    }

    /// Makes the job one that a version without data keys has provisioned.
    pub(crate) async fn without_data_key(&self, job: &Job) {
        let sql = format!("DELETE FROM vaultstream.data_keys WHERE job_id = {}", job.id);
        self.sql().await.batch_execute(&sql).await.unwrap();
    }

    /// Signatures that are stored.
    pub(crate) async fn stored(&self, job: &Job) -> i64 {
        self.number(&format!("SELECT count(*) FROM vaultstream.signatures_{}", job.id)).await
    }
}

/// Why a chunk is not seeded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unseeded {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Step(#[from] StepError),
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Makes the next chunk of a job, or has a planner plan it, with the same login for lifecycle and worker.
pub(crate) async fn seed_chunk(ledger: &Ledger, id: JobId, chunk: u64) -> Result<Step<Seeding>, Unseeded> {
    seed_chunk_as(ledger, ledger, id, chunk).await
}

/// The same with a login of its own for the worker.
pub(crate) async fn seed_chunk_as(
    owner: &Ledger,
    worker: &Ledger,
    id: JobId,
    chunk: u64,
) -> Result<Step<Seeding>, Unseeded> {
    let job = jobs::by_id(owner, id).await?.unwrap();
    if matches!(job.spec.source, Source::Generate(_)) {
        return Ok(steps::seed_chunk(owner, id, chunk).await?);
    }
    match steps::oversee_plan(owner, id).await? {
        Step::Done(Seeding::More { .. }) => {}
        step => return Ok(step),
    }
    let Begun::Plan(mut plan) = planning::begin(worker, id, job.uid).await? else { panic!("it is not planned") };
    let read = planning::read_chunk(worker, &job, &plan, chunk).await?;
    loop {
        match planning::store(worker, &mut plan, &read).await? {
            ChunkOutcome::More | ChunkOutcome::Complete => return Ok(steps::oversee_plan(owner, id).await?),
            ChunkOutcome::Wait => drop(steps::oversee_plan(owner, id).await?),
            ChunkOutcome::Lost => panic!("another one plans"),
        }
    }
}

/// A key pair under its job's data key, in form if not in truth.
pub(crate) fn material(public: &str) -> Material {
    Material { public_key: public.as_bytes().to_vec(), wrapped_key: b"wrapped".to_vec(), wrapping: Wrapping::DataKey }
}

pub(crate) fn generated(records: u64, batch_size: u32, keys: u32) -> SigningJobSpec {
    let mut spec = SigningJobSpec::new(Source::Generate(GenerateSource { records, payload_bytes: 32 }));
    spec.batch_size = batch_size;
    spec.keys.count = keys;
    spec
}

pub(crate) fn of_table(name: &str, batch_size: u32) -> SigningJobSpec {
    let mut spec = SigningJobSpec::new(Source::Table(TableSource::of_payload("public", name, "id", "body")));
    spec.batch_size = batch_size;
    spec.keys.count = 2;
    spec
}

/// Every id of the range, signed by the key.
pub(crate) fn segment(range: &BatchRange, key: KeyId) -> Segment {
    segment_of(range, key, &(range.first..=range.last).collect::<Vec<_>>())
}

/// These ids, signed by the key.
pub(crate) fn segment_of(range: &BatchRange, key: KeyId, ids: &[i64]) -> Segment {
    let mut copy = Vec::new();
    for &id in ids {
        let half: [u8; 32] = Sha256::digest(format!("{key} {id}")).into();
        let mut signature = RawSignature::EMPTY;
        signature.0[..32].copy_from_slice(&half);
        signature.0[32..].copy_from_slice(&half);
        put_signature_row(&mut copy, id, key.0, &signature, Some(&Digest(half)));
    }
    let rows = i64::try_from(ids.len()).unwrap();
    Segment {
        batch: range.batch,
        first: range.first,
        last: range.last,
        rows,
        signed: rows,
        rejected: 0,
        root: [7; 32],
        tree: [8; 32],
        seal: RawSignature([9; 64]),
        copy: Bytes::from(copy),
        rejects: Vec::new(),
    }
}

/// True when no batch is left to sign.
pub(crate) fn all_signed(progress: &Progress) -> bool {
    progress.batches.is_some_and(|batches| progress.batches_signed >= batches)
}

/// Says what is left out, past the test runner, which would keep it to itself.
pub(crate) fn skipped(what: &str) {
    std::io::stderr().write_all(format!("SKIPPED {what}\n").as_bytes()).unwrap();
}
