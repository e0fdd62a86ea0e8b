//! Jobs for unit tests.

use std::time::SystemTime;

use uuid::Uuid;
use vaultstream_api::{GenerateSource, SigningJobSpec, Source, TableSource};

use super::row::{Job, JobTimes};
use super::state::JobState;
use crate::ids::JobId;

/// Job 7, which signs `table.key`, `table.payload` of `public.orders`, or generated records.
pub(crate) fn job(source: Source) -> Job {
    let times =
        JobTimes { created: SystemTime::UNIX_EPOCH, seeded: None, published: None, signed: None, finished: None };
    Job {
        id: JobId(7),
        uid: Uuid::from_u128(7),
        cluster: "test".to_owned(),
        namespace: "default".to_owned(),
        name: "job".to_owned(),
        live: true,
        spec: SigningJobSpec::new(source),
        spec_generation: 1,
        state: JobState::Signing,
        suspended: false,
        generation: 1,
        total: Some(1000),
        batches: Some(10),
        seeded: 1000,
        published: 10,
        signed_types: None,
        signed_view: None,
        planned_table: None,
        key: None,
        backends: Vec::new(),
        receipt: None,
        merkle_root: None,
        failure: None,
        failure_reason: None,
        fault: None,
        source_fault: None,
        withdrawn: Vec::new(),
        follow: None,
        times,
    }
}

pub(crate) fn table() -> Source {
    Source::Table(TableSource::of_payload("public", "orders", "id", "body"))
}

pub(crate) fn generated(payload_bytes: u32) -> Source {
    Source::Generate(GenerateSource { records: 1000, payload_bytes })
}
