//! The lifecycle of a job driven by this process, so that the only workers are those that a test starts.

use std::time::Duration;

use tokio::task::JoinHandle;
use uuid::Uuid;
use vaultstream::job::new_job;
use vaultstream_api::SigningJob;
use vaultstream_ledger::planning::{self, Begun, ChunkOutcome};
use vaultstream_ledger::{ConnectOptions, JobId, JobState, Ledger, NewJob, SourceOptions, TlsFiles, jobs, tenants};
use vaultstream_lifecycle::{Driven, Driver, Outcome, Settings, Until, drive};
use vaultstream_streams::{FinishChallenge, JobStreams, NatsUser, Streams};

use super::nats::tenant;
use super::{PATIENCE, Site, until};

/// The streams of a job of a manifest without a namespace.
pub(crate) fn job_streams(uid: Uuid, generation: i64) -> JobStreams {
    JobStreams::new(tenant(), uid, generation)
}

/// Settings with the waits cut short that a test cannot wait for.
pub(crate) fn quick() -> Settings {
    Settings { repair_every: Duration::from_secs(1), batch_ack_wait: Duration::from_secs(2), ..Settings::default() }
}

/// A job under way.
pub(crate) struct Drive {
    pub(crate) uid: Uuid,
    pub(crate) id: JobId,
    pub(crate) ledger: Ledger,
    pub(crate) streams: Streams,
    settings: Settings,
    task: JoinHandle<Outcome>,
}

impl Site {
    pub(crate) async fn ledger(&self) -> Ledger {
        ledger_at(&self.database_url).await
    }

    pub(crate) async fn streams(&self) -> Streams {
        streams_at(&self.nats_url).await
    }

    /// Makes the job in the ledger and seeds it, by a login as an operator has; nothing is published yet.
    pub(crate) async fn seed(&self, manifest: &str) -> Seeded {
        let ledger = self.operators_ledger().await;
        seed(manifest, ledger, self.ledger().await, self.streams().await, quick()).await
    }

    /// The ledger by a login as an operator has.
    pub(crate) async fn operators_ledger(&self) -> Ledger {
        let owner = self.ledger().await;
        owner.migrate().await.unwrap();
        let role = format!("operator_{:x}", Uuid::new_v4().as_u128());
        // The server asks for no password.
        tenants::add_operator(&owner, &role, "secret").await.unwrap();
        ledger_at(&url_as(&self.database_url, &role)).await
    }

    /// The same by the owner's login, and by another way to the servers.
    pub(crate) async fn seed_through(&self, manifest: &str, database_url: &str, nats_url: &str) -> Seeded {
        let ledger = ledger_at(database_url).await;
        ledger.migrate().await.unwrap();
        seed(manifest, ledger.clone(), ledger, streams_at(nats_url).await, quick()).await
    }

    /// The same, with a ledger and settings of the test's own.
    pub(crate) async fn seed_with(&self, manifest: &str, ledger: Ledger, settings: Settings) -> Seeded {
        seed(manifest, ledger.clone(), ledger, self.streams().await, settings).await
    }

    /// Makes the job in the ledger and drives it to its end; a worker has to sign meanwhile.
    pub(crate) async fn drive(&self, manifest: &str, settings: Settings) -> Drive {
        self.seed(manifest).await.drive(settings)
    }

    /// Drives the job from its very beginning: a worker has to plan it, too, if it has a table.
    pub(crate) async fn drive_from_the_start(&self, manifest: &str, settings: Settings) -> Drive {
        self.drive_as(Uuid::new_v4(), manifest, settings).await
    }

    /// The same, for a SigningJob that has this uid.
    pub(crate) async fn drive_as(&self, uid: Uuid, manifest: &str, settings: Settings) -> Drive {
        let (ledger, streams) = (self.operators_ledger().await, self.streams().await);
        let manifest = SigningJob::parse_manifests(manifest).unwrap().remove(0);
        let job = jobs::ensure(&ledger, &NewJob { uid, ..new_job(&manifest) }).await.unwrap().job;
        Seeded { uid: job.uid, id: job.id, ledger, streams }.drive(settings)
    }
}

/// `planner` is a worker's way to the ledger.
async fn seed(manifest: &str, ledger: Ledger, planner: Ledger, streams: Streams, settings: Settings) -> Seeded {
    let manifest = SigningJob::parse_manifests(manifest).unwrap().remove(0);
    let job = jobs::ensure(&ledger, &new_job(&manifest)).await.unwrap().job;
    let mut driver = Driver::new(ledger.clone(), streams.clone(), job.id, settings);
    let seeding = async { drive(&mut driver, &mut Until(Some(JobState::Signing))).await.unwrap() };
    // A table needs a worker; one that signs would sign at once.
    tokio::select! {
        _ = seeding => {}
        () = plan_table(&planner, job.id) => {}
    }
    Seeded { uid: job.uid, id: job.id, ledger, streams }
}

/// The same database as another user.
fn url_as(url: &str, user: &str) -> String {
    let (_, place) = url.split_once('@').unwrap();
    format!("postgresql://{user}@{place}")
}

/// Plans the job as a worker does, if it has a table. Never returns.
async fn plan_table(ledger: &Ledger, job: JobId) {
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let Ok(Some(row)) = jobs::by_id(ledger, job).await else { continue };
        let Ok(Begun::Plan(mut plan)) = planning::begin(ledger, job, row.uid).await else { continue };
        loop {
            match planning::read_chunk(ledger, &row, &plan, 250_000).await {
                Ok(chunk) => match planning::store(ledger, &mut plan, &chunk).await {
                    Ok(ChunkOutcome::More | ChunkOutcome::Wait) => tokio::time::sleep(Duration::from_millis(5)).await,
                    Ok(ChunkOutcome::Complete | ChunkOutcome::Lost) | Err(_) => break,
                },
                Err(error) => panic!("the table cannot be planned: {error:?}"),
            }
        }
    }
}

async fn ledger_at(url: &str) -> Ledger {
    let options = ConnectOptions {
        url: url.to_owned(),
        max_connections: 4,
        application_name: "vaultstream-test".to_owned(),
        tls: TlsFiles::default(),
        source: SourceOptions::default(),
        patience: Duration::from_secs(30),
    };
    Ledger::connect(&options).await.unwrap()
}

async fn streams_at(url: &str) -> Streams {
    let options = vaultstream_streams::ConnectOptions {
        url: url.to_owned(),
        name: "vaultstream-test".to_owned(),
        user: NatsUser::Operator,
        patience: Duration::from_secs(30),
        ..Default::default()
    };
    Streams::connect(&options).await.unwrap()
}

/// A job that is to be driven.
pub(crate) struct Seeded {
    pub(crate) uid: Uuid,
    id: JobId,
    ledger: Ledger,
    streams: Streams,
}

impl Seeded {
    pub(crate) fn drive(self, settings: Settings) -> Drive {
        self.drive_with(settings, None)
    }

    /// As an operator does that has the receipt key certified.
    pub(crate) fn drive_with(self, settings: Settings, challenge: Option<FinishChallenge>) -> Drive {
        let Self { uid, id, ledger, streams } = self;
        let mut driver = Driver::new(ledger.clone(), streams.clone(), id, settings);
        driver.set_challenge(challenge);
        let task = tokio::spawn(to_its_end(driver));
        Drive { uid, id, ledger, streams, settings, task }
    }
}

async fn to_its_end(mut driver: Driver) -> Outcome {
    match drive(&mut driver, &mut Until::default()).await.expect("the lifecycle failed") {
        Driven::Ended(outcome) => outcome,
        Driven::Stopped => unreachable!("nothing stops it"),
    }
}

impl Drive {
    /// The present generation of the job's streams.
    pub(crate) async fn topology(&self) -> JobStreams {
        let job = jobs::by_id(&self.ledger, self.id).await.unwrap().unwrap();
        job_streams(self.uid, job.generation)
    }

    /// Waits until every batch is published, and answers how many.
    pub(crate) async fn until_published(&self) -> i64 {
        until("every batch is published", || async {
            let job = jobs::by_id(&self.ledger, self.id).await.unwrap().unwrap();
            job.batches.is_some_and(|batches| batches > 0 && job.published >= batches)
        })
        .await;
        jobs::by_id(&self.ledger, self.id).await.unwrap().unwrap().batches.unwrap()
    }

    /// Drops the driver at whatever step it is, and has another one take over. False when the job is over.
    pub(crate) fn replace_driver(&mut self) -> bool {
        if self.task.is_finished() {
            return false;
        }
        self.task.abort();
        let driver = Driver::new(self.ledger.clone(), self.streams.clone(), self.id, self.settings);
        self.task = tokio::spawn(to_its_end(driver));
        true
    }

    /// Nobody drives the job any more.
    pub(crate) async fn abandon(self) {
        self.task.abort();
        self.task.await.unwrap_err();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    pub(crate) async fn outcome(self) -> Outcome {
        self.outcome_within(PATIENCE).await
    }

    pub(crate) async fn outcome_within(self, limit: Duration) -> Outcome {
        tokio::time::timeout(limit, self.task).await.expect("the job does not end").unwrap()
    }

    pub(crate) async fn complete(self) {
        assert_eq!(self.outcome().await, Outcome::Complete);
    }
}
