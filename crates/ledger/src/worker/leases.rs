//! Key leases: the exclusive right to sign with one key for a while.
//!
//! Only Postgres' clock decides whether a lease holds; a worker's own deadline only tells it when to stop trying. The SQL is in
//! migrations/V14__tenants.sql and V15__data_keys.sql.

use std::time::{Duration, SystemTime};

use tokio_postgres::Row;
use uuid::Uuid;
use vaultstream_signing::MAX_WRAPS_PER_KEK;

use crate::clock::BootInstant;
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::{JobId, KeyId};
use crate::queries::Params;

const TAKE_LEASE: &str = "SELECT outcome, extract(epoch FROM held_for)::float8 AS held_for, blocked, ordinal, version, epoch, \
     signed, public_key, wrapped_key, kek_id FROM vaultstream.lease_key($1, $2, $3, make_interval(secs => $4))";

/// A key pair at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Material {
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// The private key, encrypted.
    pub wrapped_key: Vec<u8>,
    /// What it is encrypted with.
    pub wrapping: Wrapping,
}

/// What a private key is encrypted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// The data key of its job.
    DataKey,
    /// A key-encryption key, of this id: the job was made by a version without data keys.
    Kek(String),
}

/// A lease that was granted.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The key's job.
    pub job: JobId,
    /// The key.
    pub key: KeyId,
    /// The key's place among the job's keys; 0 is the receipt key.
    pub ordinal: i32,
    /// The key's version.
    pub version: i32,
    /// Identifies this lease; never used again.
    pub id: Uuid,
    /// Counts the key's leases.
    pub epoch: i64,
    /// Signatures made with the key before.
    pub signed: i64,
    /// The key pair, once it was made.
    pub material: Option<Material>,
    /// When to stop: counted from before the lease was asked for, minus a margin.
    pub expires: BootInstant,
}

impl Lease {
    /// Time left to work in; zero when it is over.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.expires.remaining()
    }
}

/// The outcome of asking for a lease.
#[derive(Clone, Debug)]
pub enum LeaseOutcome {
    /// The caller has the lease.
    Granted(Lease),
    /// Another worker has it for this long, unless it is returned earlier. Zero when that is not known: ask again soon.
    HeldFor(Duration),
    /// The key is worn out or set aside, or not one of this job: drop its token.
    Retired,
}

/// The outcome of storing a key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is the key's now.
    Stored,
    /// The lease is over.
    LeaseLost,
    /// This KEK has wrapped as many keys as one may: use a new one.
    WrapLimit,
    /// The KEK's canary has not been stored.
    UnknownKek,
    /// The job has no data key.
    NoDataKey,
}

/// Asks for the lease of a key. Never waits for another holder.
///
/// # Errors
///
/// When Postgres fails.
pub async fn take(ledger: &Ledger, job: JobId, key: KeyId, duration: Duration) -> Result<LeaseOutcome, QueryError> {
    let id = Uuid::new_v4();
    let (asked, row) = ask(ledger, job, key, id, duration).await?;
    match row.get("outcome") {
        "taken" => {
            vaultstream_faults::point("lease-taken");
            let material = row.get::<_, Option<Vec<u8>>>("public_key").map(|public_key| Material {
                public_key,
                wrapped_key: row.get::<_, Option<_>>("wrapped_key").unwrap_or_default(),
                wrapping: row.get::<_, Option<_>>("kek_id").map_or(Wrapping::DataKey, Wrapping::Kek),
            });
            Ok(LeaseOutcome::Granted(Lease {
                job,
                key,
                ordinal: row.get("ordinal"),
                version: row.get("version"),
                id,
                epoch: row.get("epoch"),
                signed: row.get("signed"),
                material,
                expires: asked.plus(duration.saturating_sub(margin(duration))),
            }))
        }
        "held" => {
            if row.get::<_, Option<bool>>("blocked") == Some(true) {
                end_expired(ledger, job).await?;
            }
            let seconds = row.get::<_, Option<f64>>("held_for").unwrap_or_default();
            Ok(LeaseOutcome::HeldFor(Duration::try_from_secs_f64(seconds).unwrap_or_default()))
        }
        _ => Ok(LeaseOutcome::Retired),
    }
}

/// The server's answer, and a moment before it could have started the lease.
async fn ask(
    ledger: &Ledger,
    job: JobId,
    key: KeyId,
    lease: Uuid,
    duration: Duration,
) -> Result<(BootInstant, Row), QueryError> {
    const ACTION: &str = "take the lease of a key";
    let client = ledger.client(ACTION).await?;
    let failed = |error| QueryError::new(ACTION, error);
    let statement = client.prepare_cached(TAKE_LEASE).await.map_err(failed)?;
    let asked = BootInstant::now();
    let row = client.query_one(&statement, &[&job.0, &key.0, &lease, &duration.as_secs_f64()]).await.map_err(failed)?;
    Ok((asked, row))
}

/// How much earlier than the lease's end a worker's deadline is: a tenth, at least a second.
fn margin(duration: Duration) -> Duration {
    (duration / 10).max(Duration::from_secs(1))
}

/// Stores the pair that the holder of the lease made for a key without one, and under a data key the public key's origin.
///
/// # Errors
///
/// When Postgres fails; calling again is safe.
pub async fn store_material(
    ledger: &Ledger,
    lease: &Lease,
    material: &Material,
    origin: Option<&[u8]>,
) -> Result<Stored, QueryError> {
    const ACTION: &str = "store a key";
    let Material { public_key, wrapped_key, wrapping } = material;
    let row = match wrapping {
        Wrapping::DataKey => {
            // migrations/V18__seals.sql
            let sql = "SELECT vaultstream.store_key_with_origin($1, $2, $3, $4, $5, $6) AS outcome";
            let params: Params<'_> = &[&lease.key.0, &lease.epoch, &lease.id, public_key, wrapped_key, &origin];
            ledger.query_one(ACTION, sql, params).await?
        }
        Wrapping::Kek(kek_id) => {
            // migrations/V14__tenants.sql
            let sql = "SELECT vaultstream.store_material($1, $2, $3, $4, $5, $6, $7) AS outcome";
            let limit = &MAX_WRAPS_PER_KEK;
            let params: Params<'_> = &[&lease.key.0, &lease.epoch, &lease.id, public_key, wrapped_key, kek_id, limit];
            ledger.query_one(ACTION, sql, params).await?
        }
    };
    Ok(match row.get("outcome") {
        "stored" => {
            vaultstream_faults::point("material-stored");
            Stored::Stored
        }
        "limit" => Stored::WrapLimit,
        "unregistered" => Stored::UnknownKek,
        "unmade" => Stored::NoDataKey,
        _ => Stored::LeaseLost,
    })
}

/// Returns the lease. That it is over already is no error.
///
/// # Errors
///
/// When Postgres fails; the lease ends by itself then.
pub async fn release(ledger: &Ledger, lease: &Lease) -> Result<(), QueryError> {
    end(ledger, lease, "SELECT vaultstream.release_lease($1, $2, $3) AS ended").await.map(drop)
}

/// Retires the key, which is worn out, and returns its lease. False when the lease is over already.
///
/// # Errors
///
/// When Postgres fails.
pub async fn retire(ledger: &Ledger, lease: &Lease) -> Result<bool, QueryError> {
    end(ledger, lease, "SELECT vaultstream.retire_key($1, $2, $3) AS ended").await
}

async fn end(ledger: &Ledger, lease: &Lease, sql: &str) -> Result<bool, QueryError> {
    let row = ledger.query_one("end a lease", sql, &[&lease.key.0, &lease.epoch, &lease.id]).await?;
    Ok(row.get("ended"))
}

/// Ends sessions that still hold locks under expired leases: their clients are frozen, and no timeout of Postgres ends a COPY that
/// waits for its client. Returns how many.
///
/// # Errors
///
/// When Postgres fails.
pub async fn end_expired(ledger: &Ledger, job: JobId) -> Result<i64, QueryError> {
    // migrations/V14__tenants.sql
    let sql = "SELECT vaultstream.end_expired($1) AS ended";
    let ended: i64 = ledger.query_one("end the sessions of expired leases", sql, &[&job.0]).await?.get("ended");
    if ended > 0 {
        tracing::warn!(job = job.0, ended, "ended sessions whose leases had expired");
    }
    Ok(ended)
}

/// A key that signs records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveKey {
    /// Which key.
    pub id: KeyId,
    /// When its lease ends; `None` when it is free.
    pub leased_until: Option<SystemTime>,
    /// Time until the lease ends, by the server's clock; zero when it is free or has expired.
    pub leased_for: Duration,
}

/// The job's active keys for records, least recently used first: the order in which their tokens are published.
///
/// # Errors
///
/// When Postgres fails.
pub async fn active_keys(ledger: &Ledger, job: JobId) -> Result<Vec<ActiveKey>, QueryError> {
    let sql = "SELECT id, lease_until, \
           extract(epoch FROM greatest(lease_until - clock_timestamp(), interval '0'))::float8 AS leased_for \
           FROM vaultstream.keys WHERE job_id = $1 AND ordinal > 0 AND state = 'active' \
          ORDER BY last_used NULLS FIRST, ordinal";
    let rows = ledger.query("list the job's keys", sql, &[&job.0]).await?;
    let keys = rows.iter().map(|row| ActiveKey {
        id: KeyId(row.get("id")),
        leased_until: row.get("lease_until"),
        leased_for: Duration::try_from_secs_f64(row.get::<_, Option<f64>>("leased_for").unwrap_or_default())
            .unwrap_or_default(),
    });
    Ok(keys.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_stops_before_its_lease_ends_by_a_tenth_and_at_least_a_second() {
        for (lease, before) in [(1, 1), (5, 1), (10, 1), (60, 6), (3600, 360)] {
            assert_eq!(margin(Duration::from_secs(lease)), Duration::from_secs(before), "{lease} s");
        }
    }
}
