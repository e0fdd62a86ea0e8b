//! Fixtures for tests of tasks.

use std::{path::PathBuf, sync::Arc, time::SystemTime};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::{GenerateSource, SigningJobSpec, Source};
use vaultstream_ledger::limits::LedgerLimits;
use vaultstream_lifecycle::Settings;

use crate::{
    certification::Certifier,
    dependencies::Dependencies,
    lifecycle::{
        admission::AdmissionQueue, job_task::TaskResources, limit_queue::LimitQueue, request::JobRequest,
        seeding_turns::SeedingTurns,
    },
};

/// Resources of tasks that find neither Postgres nor NATS.
pub(crate) fn resources(stop: &CancellationToken) -> TaskResources {
    TaskResources {
        dependencies: Dependencies::start(PathBuf::from("/nowhere"), false, stop),
        admission: AdmissionQueue::new(1),
        seeding: SeedingTurns::new(1),
        limits: LedgerLimits::default(),
        limited: LimitQueue::default(),
        cluster: String::new(),
        leftovers: Arc::default(),
        settings: Settings::default(),
        certifier: Certifier::new(nowhere()),
    }
}

/// A client that reaches no API server.
fn nowhere() -> kube::Client {
    let config = kube::Config::new("http://127.0.0.1:9".parse().unwrap());
    kube::Client::try_from(config).unwrap()
}

/// What the SigningJob with this uid asks for.
pub(crate) fn request(uid: u128) -> JobRequest {
    JobRequest {
        uid: Uuid::from_u128(uid),
        namespace: "default".to_owned(),
        name: format!("job-{uid}"),
        created: SystemTime::UNIX_EPOCH,
        spec: SigningJobSpec::new(Source::Generate(GenerateSource { records: 1, payload_bytes: 32 })),
        generation: 1,
        retry_rejects: false,
    }
}
