//! Jobs: adding, finding, changing and retiring their rows.

mod column;
#[cfg(test)]
pub(crate) mod fixture;
mod following;
mod row;
mod state;

use tokio_postgres::types::Json;
use uuid::Uuid;
use vaultstream_api::{FieldError, SigningJobSpec};
use vaultstream_signing::Backend;

pub use following::{FollowState, Following};
pub(crate) use row::{COLUMNS, from_row};
pub use row::{Job, JobTimes, PlannedTable, RowAccess, RowIds, RowKeyColumns, SigningFault, SourceFault};
pub use state::{JobState, UnknownState};

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;
use crate::queries::Params;

/// What a new job is made of.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The SigningJob's uid, or a fresh one for a run without Kubernetes.
    pub uid: Uuid,
    /// Which cluster's job it is; several may share a ledger.
    pub cluster: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name, unique among the live ones of the namespace.
    pub name: String,
    /// What is to be done.
    pub spec: SigningJobSpec,
    /// Which generation of the spec this is; an older one never replaces a newer one.
    pub generation: i64,
}

/// A job that is in the ledger now.
#[derive(Clone, Debug)]
pub struct Ensured {
    /// The job.
    pub job: Job,
    /// False when it was there already.
    pub created: bool,
}

/// Why a job could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum EnsureError {
    /// The change touches what a job keeps for life.
    #[error("{field}")]
    Immutable {
        /// The first such field, with the reason.
        field: FieldError,
    },
    /// Another live job has this name.
    #[error("there is already an unfinished job {namespace}/{name}, with the uid {uid}")]
    NameTaken {
        /// Namespace of both.
        namespace: String,
        /// Name of both.
        name: String,
        /// The other's uid.
        uid: Uuid,
    },
    /// The ledger has a later generation of the spec.
    #[error(
        "generation {given} of the spec is older than generation {stored}, which the ledger has: nothing was changed"
    )]
    Outdated {
        /// The one that was to be written.
        given: i64,
        /// The one that the ledger has.
        stored: i64,
    },
    /// No such job.
    #[error("the job is not in the ledger")]
    Gone,
    /// Postgres failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Adds the job unless it exists; an existing one of the same uid gets the new spec as far as it may change.
///
/// # Errors
///
/// See [`EnsureError`].
pub async fn ensure(ledger: &Ledger, new: &NewJob) -> Result<Ensured, EnsureError> {
    let sql = format!(
        "INSERT INTO vaultstream.jobs (uid, cluster, namespace, name, spec, suspended, spec_generation) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (uid) DO NOTHING RETURNING {COLUMNS}"
    );
    let params: Params<'_> =
        &[&new.uid, &new.cluster, &new.namespace, &new.name, &Json(&new.spec), &new.spec.suspend, &new.generation];
    match ledger.query_opt("add the job to the ledger", &sql, params).await {
        Ok(Some(row)) => return Ok(Ensured { job: from_row(&row)?, created: true }),
        Ok(None) => {}
        Err(error) if error.code() == Some("23505") => {
            let (namespace, name) = (new.namespace.clone(), new.name.clone());
            return match live(ledger, &new.cluster, &namespace, &name).await? {
                Some(other) if other.uid != new.uid => Err(EnsureError::NameTaken { namespace, name, uid: other.uid }),
                _ => Err(error.into()),
            };
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Ensured { job: adopt(ledger, new).await?, created: false })
}

/// The job of this uid, which has to be there, with the new spec as far as it may change.
///
/// # Errors
///
/// `Gone` when it is not there; else as [`update_spec`].
pub async fn adopt(ledger: &Ledger, new: &NewJob) -> Result<Job, EnsureError> {
    let job = by_uid(ledger, new.uid).await?.ok_or(EnsureError::Gone)?;
    let known = job.spec == new.spec && job.spec_generation >= new.generation;
    if known { Ok(job) } else { update_spec(ledger, job.id, &new.spec, new.generation).await }
}

/// Takes over the fields that may change while a job lives, unless the ledger has a later `generation` of it.
///
/// # Errors
///
/// `Immutable` with the first field that may not change; `Outdated` when the ledger has a later generation.
pub async fn update_spec(
    ledger: &Ledger,
    id: JobId,
    spec: &SigningJobSpec,
    generation: i64,
) -> Result<Job, EnsureError> {
    let job = by_id(ledger, id).await?.ok_or(EnsureError::Gone)?;
    if generation < job.spec_generation {
        return Err(EnsureError::Outdated { given: generation, stored: job.spec_generation });
    }
    if let Err(fields) = vaultstream_api::validate_update(&job.spec, spec)
        && let Some(field) = fields.into_iter().next()
    {
        return Err(EnsureError::Immutable { field });
    }
    vaultstream_faults::point("spec-read");
    let sql = format!(
        "UPDATE vaultstream.jobs SET spec = $2, suspended = $3, spec_generation = $4 \
          WHERE id = $1 AND spec_generation <= $4 RETURNING {COLUMNS}"
    );
    let params: Params<'_> = &[&id.0, &Json(spec), &spec.suspend, &generation];
    if let Some(row) = ledger.query_opt("change the job's spec", &sql, params).await? {
        return Ok(from_row(&row)?);
    }
    let stored = by_id(ledger, id).await?.ok_or(EnsureError::Gone)?.spec_generation;
    Err(EnsureError::Outdated { given: generation, stored })
}

/// Records that the job is signed with `backend`, among others, from now on; a repeat changes nothing.
///
/// # Errors
///
/// When Postgres fails.
pub async fn record_backend(ledger: &Ledger, id: JobId, backend: Backend) -> Result<(), QueryError> {
    // migrations/V14__tenants.sql
    let sql = "SELECT vaultstream.signs_with($1, $2)";
    ledger.execute("note what signs the job", sql, &[&id.0, &backend.as_str()]).await.map(drop)
}

/// The job with this uid.
///
/// # Errors
///
/// When Postgres fails.
pub async fn by_uid(ledger: &Ledger, uid: Uuid) -> Result<Option<Job>, QueryError> {
    one(ledger, "WHERE uid = $1", &[&uid]).await
}

/// The job with this number.
///
/// # Errors
///
/// When Postgres fails.
pub async fn by_id(ledger: &Ledger, id: JobId) -> Result<Option<Job>, QueryError> {
    one(ledger, "WHERE id = $1", &[&id.0]).await
}

/// The job that has this name now.
///
/// # Errors
///
/// When Postgres fails.
pub async fn live(ledger: &Ledger, cluster: &str, namespace: &str, name: &str) -> Result<Option<Job>, QueryError> {
    one(ledger, "WHERE cluster = $1 AND namespace = $2 AND name = $3 AND live", &[&cluster, &namespace, &name]).await
}

/// The job that has this name now, else the last one that had it, of any cluster.
///
/// # Errors
///
/// When Postgres fails.
pub async fn newest(ledger: &Ledger, namespace: &str, name: &str) -> Result<Option<Job>, QueryError> {
    one(ledger, "WHERE namespace = $1 AND name = $2 ORDER BY live DESC, id DESC LIMIT 1", &[&namespace, &name]).await
}

/// All jobs, the oldest first; only the live ones unless `retired` is set.
///
/// # Errors
///
/// When Postgres fails.
pub async fn list(ledger: &Ledger, retired: bool) -> Result<Vec<Job>, QueryError> {
    many(ledger, "WHERE live OR $1 ORDER BY id", &[&retired]).await
}

/// Forgets what kept workers from reading the job's table: one that still cannot read it says so anew.
///
/// # Errors
///
/// When Postgres fails.
pub async fn forget_source_fault(ledger: &Ledger, id: JobId) -> Result<(), QueryError> {
    let sql = "UPDATE vaultstream.jobs SET source_fault_reason = NULL, source_fault = NULL, source_fault_passes = NULL \
         WHERE id = $1 AND source_fault IS NOT NULL";
    ledger.execute("forget the source's fault", sql, &[&id.0]).await.map(drop)
}

/// Frees the job's name; the job itself stays in the ledger.
///
/// # Errors
///
/// When Postgres fails.
pub async fn retire(ledger: &Ledger, id: JobId) -> Result<(), QueryError> {
    let sql = "UPDATE vaultstream.jobs SET live = false WHERE id = $1";
    ledger.execute("retire the job", sql, &[&id.0]).await.map(drop)
}

async fn one(ledger: &Ledger, condition: &str, params: Params<'_>) -> Result<Option<Job>, QueryError> {
    Ok(many(ledger, condition, params).await?.into_iter().next())
}

async fn many(ledger: &Ledger, condition: &str, params: Params<'_>) -> Result<Vec<Job>, QueryError> {
    let sql = format!("SELECT {COLUMNS} FROM vaultstream.tenant_jobs {condition}");
    ledger.query_prepared("read jobs", &sql, params).await?.iter().map(from_row).collect()
}
