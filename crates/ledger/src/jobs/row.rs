//! A job's row.

use std::time::SystemTime;

use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;
use vaultstream_api::{Message, Reason, SigningJobSpec, Source};
use vaultstream_signing::{Backend, MessageForm};

use super::column::{READ, get};
use super::following::{FollowState, Following};
use super::state::{JobState, UnknownState};
use crate::error::QueryError;
use crate::ids::JobId;
use crate::source::quoted;

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

/// The table that was planned, by its numbers in the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedTable {
    /// The database. A restored ledger is in another one, where tables have other numbers.
    pub database: u32,
    /// The table.
    pub table: u32,
    /// Its rows are in partitions.
    pub partitioned: bool,
}

/// The columns that name a row of a job's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowKeyColumns {
    /// Their names.
    pub columns: Vec<String>,
    /// Their types, as `typname`.
    pub types: Vec<String>,
    /// What the ids of its records are.
    pub ids: RowIds,
}

impl RowKeyColumns {
    /// The same, if ids are ordinals.
    pub(crate) fn ordinals(&self) -> Option<&Self> {
        (self.ids != RowIds::Keys).then_some(self)
    }
}

/// What the ids of records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowIds {
    /// The values of the key, which is one column of integers.
    Keys,
    /// Ordinals, from 1 on. The ledger has the key of each.
    Ordinals(RowAccess),
}

/// How the rows with some keys are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowAccess {
    /// By a walk along a unique index of the key's columns, in whose order they were planned.
    Range,
    /// Each through a unique index.
    Lookup,
    /// By a join, as in a view, which has no index.
    Join,
}

impl RowAccess {
    /// As the ledger has it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::Lookup => "lookup",
            Self::Join => "join",
        }
    }
}

/// What is wrong with signing itself: no attempt mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningFault {
    /// One of the fixed reasons.
    pub reason: Reason,
    /// A sentence.
    pub why: String,
}

/// What keeps workers from reading a job's table. The job continues once that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFault {
    /// One of the fixed reasons.
    pub reason: Reason,
    /// A sentence.
    pub why: String,
    /// It passes by itself: a server is away.
    pub passes: bool,
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
    /// True while no other job may take its name.
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
    /// Types of the columns that are signed, for a table source that has been checked.
    pub signed_types: Option<Vec<String>>,
    /// The table that was planned, for a table source; unknown of one that an earlier version planned.
    pub planned_table: Option<PlannedTable>,
    /// What names a row of its table, once it was looked at; unknown of one whose key the spec names as `key`, and which is the id.
    pub key: Option<RowKeyColumns>,
    /// The view of its signatures, in the schema of the ledger; none before it is provisioned, and after they are deleted.
    pub signed_view: Option<String>,
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
    /// What a worker found that ends the job.
    pub fault: Option<SigningFault>,
    /// What keeps workers from reading its table at present.
    pub source_fault: Option<SourceFault>,
    /// The backends that workers withdrew, each as `backend: why`.
    pub withdrawn: Vec<String>,
    /// How far following its table is; `None` for a job that never does.
    pub follow: Option<Following>,
    /// When things happened.
    pub times: JobTimes,
}

impl Job {
    /// How its records become the messages that are signed.
    #[must_use]
    pub fn message_form(&self) -> MessageForm {
        match self.spec.signing.message {
            Message::Payload => MessageForm::Payload,
            Message::Bound => MessageForm::Bound { job: self.uid },
        }
    }

    /// The columns that name its rows, if the ids of its records are ordinals.
    #[must_use]
    pub fn ordinals(&self) -> Option<&RowKeyColumns> {
        self.key.as_ref().and_then(RowKeyColumns::ordinals)
    }

    /// The view of its signatures, as SQL writes it.
    #[must_use]
    pub fn signed_view_as_sql(&self) -> Option<String> {
        self.signed_view.as_deref().map(|name| format!("vaultstream.{}", quoted(name)))
    }

    /// Whether it follows its table, or has still to read what came before it ceased to.
    #[must_use]
    pub fn is_following(&self) -> bool {
        self.follow.as_ref().is_some_and(|follow| follow.state != FollowState::Ended)
    }

    /// The columns that name a row of its table, as far as they are known.
    #[must_use]
    pub fn key_columns(&self) -> &[String] {
        match (&self.key, &self.spec.source) {
            (Some(key), _) => &key.columns,
            (None, Source::Table(table)) => table.key.columns().unwrap_or_default(),
            (None, Source::Generate(_)) => &[],
        }
    }
}

pub(crate) const COLUMNS: &str = "id, uid, cluster, namespace, name, live, spec, state, suspended, generation, total, \
     batches, seeded, published, payload_type, backends, receipt, merkle_root, failure, created_at, seeded_at, \
     published_at, signed_at, finished_at, spec_generation, failure_reason, source_database, source_table, \
     source_partitioned, fault_reason, fault, withdrawn, source_fault_reason, source_fault, source_fault_passes, signed_view, \
     key_columns, key_types, has_ordinals, key_access, follow_state, follow_arrivals, follow_scans, follow_scan_after, \
     follow_scanned_at, follow_found, follow_read_at, follow_waiting, follow_waiting_since";

pub(crate) fn from_row(row: &Row) -> Result<Job, QueryError> {
    let state: &str = get(row, "state")?;
    Ok(Job {
        id: JobId(get(row, "id")?),
        uid: get(row, "uid")?,
        cluster: get(row, "cluster")?,
        namespace: get(row, "namespace")?,
        name: get(row, "name")?,
        live: get(row, "live")?,
        spec: get::<Json<SigningJobSpec>>(row, "spec")?.0,
        spec_generation: get(row, "spec_generation")?,
        state: state.parse().map_err(|error: UnknownState| QueryError::other(READ, error))?,
        suspended: get(row, "suspended")?,
        generation: get(row, "generation")?,
        total: get(row, "total")?,
        batches: get(row, "batches")?,
        seeded: get(row, "seeded")?,
        published: get(row, "published")?,
        signed_types: get::<Option<&str>>(row, "payload_type")?
            .map(|types| types.split(',').map(str::to_owned).collect()),
        planned_table: planned_table(row)?,
        key: row_key(row)?,
        signed_view: get(row, "signed_view")?,
        // A later version's is left out: this program cannot check with it anyway.
        backends: get::<Vec<String>>(row, "backends")?.iter().filter_map(|name| name.parse().ok()).collect(),
        receipt: get(row, "receipt")?,
        merkle_root: get(row, "merkle_root")?,
        failure: get(row, "failure")?,
        // A later version's is left out: the sentence says it anyway.
        failure_reason: get::<Option<&str>>(row, "failure_reason")?.and_then(|reason| reason.parse().ok()),
        fault: fault(row)?,
        source_fault: source_fault(row)?,
        withdrawn: get(row, "withdrawn")?,
        follow: Following::of(row)?,
        times: JobTimes {
            created: get(row, "created_at")?,
            seeded: get(row, "seeded_at")?,
            published: get(row, "published_at")?,
            signed: get(row, "signed_at")?,
            finished: get(row, "finished_at")?,
        },
    })
}

fn planned_table(row: &Row) -> Result<Option<PlannedTable>, QueryError> {
    let (database, table) = (get(row, "source_database")?, get(row, "source_table")?);
    Ok(match (database, table, get(row, "source_partitioned")?) {
        (Some(database), Some(table), Some(partitioned)) => Some(PlannedTable { database, table, partitioned }),
        _ => None,
    })
}

fn row_key(row: &Row) -> Result<Option<RowKeyColumns>, QueryError> {
    let columns: Option<Vec<String>> = get(row, "key_columns")?;
    let types = get::<Option<Vec<String>>>(row, "key_types")?.unwrap_or_default();
    let access = match get::<Option<&str>>(row, "key_access")? {
        Some("range") => RowAccess::Range,
        Some("join") => RowAccess::Join,
        _ => RowAccess::Lookup,
    };
    let ids = if get(row, "has_ordinals")? { RowIds::Ordinals(access) } else { RowIds::Keys };
    Ok(columns.map(|columns| RowKeyColumns { columns, types, ids }))
}

fn fault(row: &Row) -> Result<Option<SigningFault>, QueryError> {
    let (reason, why): (Option<&str>, _) = (get(row, "fault_reason")?, get(row, "fault")?);
    Ok(reason.zip(why).map(|(reason, why)| {
        // A later version's reason: the sentence says it anyway.
        SigningFault { reason: reason.parse().unwrap_or(Reason::WrongSignature), why }
    }))
}

fn source_fault(row: &Row) -> Result<Option<SourceFault>, QueryError> {
    let (reason, why): (Option<&str>, _) = (get(row, "source_fault_reason")?, get(row, "source_fault")?);
    let passes = get::<Option<bool>>(row, "source_fault_passes")?.unwrap_or(false);
    Ok(reason.zip(why).map(|(reason, why)| {
        // A later version's reason: the sentence says it anyway.
        SourceFault { reason: reason.parse().unwrap_or(Reason::SourceUnavailable), why, passes }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::fixture;

    #[test]
    fn a_job_s_spec_says_what_its_messages_are() {
        let mut job = fixture::job(fixture::generated(32));
        job.spec.signing.message = Message::Payload;
        assert_eq!(job.message_form(), MessageForm::Payload);
        job.spec.signing.message = Message::Bound;
        assert_eq!(job.message_form(), MessageForm::Bound { job: job.uid });
    }

    #[test]
    fn every_column_is_asked_for_once() {
        let mut columns: Vec<&str> = COLUMNS.split(", ").collect();
        let all = columns.len();
        columns.sort_unstable();
        columns.dedup();
        assert_eq!((columns.len(), all), (49, 49));
    }
}
