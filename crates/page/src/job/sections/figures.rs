//! What is to be done, and how far it is.

use serde::Serialize;
use vaultstream_api::{SigningJobSpec, Source};
use vaultstream_ledger::{JobState, overview::JobFigures};

use crate::wire::{Row, Time};

/// A job's head.
#[derive(Debug, Serialize)]
pub(crate) struct Head<'a> {
    at: Time,
    row: &'a Row,
    spec: Spec,
    stages: Vec<Stage>,
    /// The view of its signatures.
    view: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    source: String,
    records: Option<i64>,
    keys: u32,
    batch_size: u32,
    message: String,
    verify: String,
}

/// A part of a job's life.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Stage {
    name: &'static str,
    started_at: Option<Time>,
    finished_at: Option<Time>,
    done: i64,
    of: Option<i64>,
}

pub(crate) fn job<'a>(found: &JobFigures, row: &'a Row, at: Time) -> Head<'a> {
    let job = &found.job;
    Head { at, row, spec: spec(&job.spec), stages: stages(found), view: job.signed_view_as_sql() }
}

fn spec(spec: &SigningJobSpec) -> Spec {
    let source = match &spec.source {
        Source::Generate(generate) => format!("generated records of {} bytes", generate.payload_bytes),
        Source::Table(table) => format!("table {}.{}", table.schema, table.name),
    };
    let word = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    Spec {
        source,
        records: records(spec),
        keys: spec.keys.count,
        batch_size: spec.batch_size,
        message: word(serde_json::to_value(spec.signing.message)),
        verify: word(serde_json::to_value(spec.signing.verify)),
    }
}

/// Records that the spec asks for; `None` where a table says how many there are.
fn records(spec: &SigningJobSpec) -> Option<i64> {
    match &spec.source {
        Source::Generate(generate) => i64::try_from(generate.records).ok(),
        Source::Table(_) => None,
    }
}

/// Making or planning the records, signing them, and what makes the job complete.
fn stages(found: &JobFigures) -> Vec<Stage> {
    let JobFigures { job, row, .. } = found;
    let times = &job.times;
    let made = match job.spec.source {
        Source::Generate(_) => "Seed",
        Source::Table(_) => "Plan",
    };
    let has_signed = matches!(job.state, JobState::Finishing | JobState::Complete | JobState::Failed);
    let is_complete = job.state == JobState::Complete;
    vec![
        Stage {
            name: made,
            started_at: Some(Time(times.created)),
            finished_at: times.seeded.map(Time),
            done: job.seeded,
            of: records(&job.spec).or(row.total),
        },
        Stage {
            name: "Sign",
            started_at: times.published.map(Time),
            finished_at: times.signed.filter(|_| has_signed).map(Time),
            done: row.signed + row.rejected,
            of: row.total,
        },
        Stage {
            name: "Finish",
            started_at: times.signed.filter(|_| has_signed).map(Time),
            finished_at: times.finished.filter(|_| is_complete).map(Time),
            done: i64::from(is_complete),
            of: Some(1),
        },
    ]
}
