//! A job's row.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;
use vaultstream_api::{Reason, SigningJobSpec};
use vaultstream_signing::Backend;

use crate::error::QueryError;
use crate::ids::JobId;
use crate::source::PlannedTable;

/// How far a job is. Suspension is apart from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobState {
    /// In the ledger, nothing made yet.
    Pending,
    /// Its partitions and keys are being made.
    Provisioning,
    /// Its records are being made, or its table's batches planned.
    Seeding,
    /// Workers sign.
    Signing,
    /// Every batch is signed; the receipt is being made.
    Finishing,
    /// Done.
    Complete,
    /// Ended without being complete.
    Failed,
    /// What it made is being removed.
    Deleting,
}

impl JobState {
    const ALL: [Self; 8] = [
        Self::Pending,
        Self::Provisioning,
        Self::Seeding,
        Self::Signing,
        Self::Finishing,
        Self::Complete,
        Self::Failed,
        Self::Deleting,
    ];

    /// The name, as the ledger has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Provisioning => "Provisioning",
            Self::Seeding => "Seeding",
            Self::Signing => "Signing",
            Self::Finishing => "Finishing",
            Self::Complete => "Complete",
            Self::Failed => "Failed",
            Self::Deleting => "Deleting",
        }
    }

    /// True for the states that a job does not leave by itself.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the name of a state.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a known state of a job")]
pub struct UnknownState(String);

impl FromStr for JobState {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == name).ok_or_else(|| UnknownState(name.to_owned()))
    }
}

/// When things happened, by the database server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobTimes {
    /// Added to the ledger.
    pub created: SystemTime,
    /// Every record seeded or planned.
    pub seeded: Option<SystemTime>,
    /// The first batch published.
    pub published: Option<SystemTime>,
    /// The last unit committed.
    pub signed: Option<SystemTime>,
    /// Complete or Failed.
    pub finished: Option<SystemTime>,
}

/// A job as the ledger has it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its number here.
    pub id: JobId,
    /// Its uid; streams, messages and signatures use it, never the name.
    pub uid: Uuid,
    /// Which cluster's job it is.
    pub cluster: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// True while it has its name for itself.
    pub live: bool,
    /// What is to be done.
    pub spec: SigningJobSpec,
    /// Which generation of the spec that is.
    pub spec_generation: i64,
    /// How far it is.
    pub state: JobState,
    /// Nothing is published and no worker runs.
    pub suspended: bool,
    /// Names its present streams; 0 before the first.
    pub generation: i64,
    /// Records planned, once known.
    pub total: Option<i64>,
    /// Batches planned, once known; grows by one with every batch that is split.
    pub batches: Option<i64>,
    /// Records seeded or planned so far.
    pub seeded: i64,
    /// Batches with a number below this were published in the present generation.
    pub published: i64,
    /// Type of the payload's column, for a table source that has been checked.
    pub payload_type: Option<String>,
    /// The table that was planned, for a table source; unknown of one that an earlier version planned.
    pub planned_table: Option<PlannedTable>,
    /// The backends that have signed its records, in the order in which they began to.
    pub backends: Vec<Backend>,
    /// The receipt, a compact JWS.
    pub receipt: Option<String>,
    /// Root over the batches' roots, 32 bytes.
    pub merkle_root: Option<Vec<u8>>,
    /// Why it failed.
    pub failure: Option<String>,
    /// The same as one of the fixed reasons; absent for jobs that an earlier version failed.
    pub failure_reason: Option<Reason>,
    /// When things happened.
    pub times: JobTimes,
}

pub(crate) const COLUMNS: &str = "id, uid, cluster, namespace, name, live, spec, state, suspended, generation, total, \
     batches, seeded, published, payload_type, backends, receipt, merkle_root, failure, created_at, seeded_at, \
     published_at, signed_at, finished_at, spec_generation, failure_reason, source_database, source_table, \
     source_partitioned";

pub(crate) fn from_row(row: &Row) -> Result<Job, QueryError> {
    let state: String = get(row, 7)?;
    Ok(Job {
        id: JobId(get(row, 0)?),
        uid: get(row, 1)?,
        cluster: get(row, 2)?,
        namespace: get(row, 3)?,
        name: get(row, 4)?,
        live: get(row, 5)?,
        spec: get::<Json<SigningJobSpec>>(row, 6)?.0,
        spec_generation: get(row, 24)?,
        state: state.parse().map_err(|error: UnknownState| QueryError::other("read a job", error))?,
        suspended: get(row, 8)?,
        generation: get(row, 9)?,
        total: get(row, 10)?,
        batches: get(row, 11)?,
        seeded: get(row, 12)?,
        published: get(row, 13)?,
        payload_type: get(row, 14)?,
        planned_table: planned_table(row)?,
        // A later version's is left out: this program cannot check with it anyway.
        backends: get::<Vec<String>>(row, 15)?.iter().filter_map(|name| name.parse().ok()).collect(),
        receipt: get(row, 16)?,
        merkle_root: get(row, 17)?,
        failure: get(row, 18)?,
        // A later version's is left out: the sentence says it anyway.
        failure_reason: get::<Option<&str>>(row, 25)?.and_then(|reason| reason.parse().ok()),
        times: JobTimes {
            created: get(row, 19)?,
            seeded: get(row, 20)?,
            published: get(row, 21)?,
            signed: get(row, 22)?,
            finished: get(row, 23)?,
        },
    })
}

fn planned_table(row: &Row) -> Result<Option<PlannedTable>, QueryError> {
    let (database, table, partitioned) = (get(row, 26)?, get(row, 27)?, get(row, 28)?);
    Ok(match (database, table, partitioned) {
        (Some(database), Some(table), Some(partitioned)) => Some(PlannedTable { database, table, partitioned }),
        _ => None,
    })
}

fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, QueryError> {
    row.try_get(column).map_err(|error| QueryError::new("read a job", error))
}
