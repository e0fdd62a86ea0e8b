//! Key leases: the exclusive right to sign with one key for a while.
//!
//! Only Postgres' clock decides whether a lease holds; a worker's own deadline only tells it when to stop trying.

use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::clock::BootInstant;
use crate::connect::Ledger;
use crate::error::QueryError;
use crate::ids::{JobId, KeyId};

/// A key pair at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Material {
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// The private key, wrapped under the KEK.
    pub wrapped_key: Vec<u8>,
    /// Which KEK.
    pub kek_id: String,
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
    /// This lease, and no other ever.
    pub id: Uuid,
    /// How often the key was leased.
    pub epoch: i64,
    /// Signatures made with the key before.
    pub signed: i64,
    /// The key pair, once somebody has made it.
    pub material: Option<Material>,
    /// When to stop: counted from before the lease was asked for, less a margin.
    pub expires: BootInstant,
}

impl Lease {
    /// Time left to work in; zero when it is over.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.expires.remaining()
    }
}

/// What came of asking for a lease.
#[derive(Clone, Debug)]
pub enum Take {
    /// It is ours.
    Taken(Lease),
    /// Somebody has it.
    Held {
        /// For so long, unless it is returned earlier. Zero when that cannot be said: ask again soon.
        for_: Duration,
    },
    /// The key is worn out, or no key of this job: drop its token.
    Retired,
}

/// What came of storing a key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is the key's now.
    Stored,
    /// The lease is not ours any more.
    LeaseLost,
    /// This KEK has wrapped as many keys as one may: use a new one.
    WrapLimit,
    /// The KEK's canary has not been stored.
    UnknownKek,
}

/// Asks for the lease of a key. Never waits for another holder.
///
/// # Errors
///
/// When Postgres fails.
pub async fn take(ledger: &Ledger, job: JobId, key: KeyId, duration: Duration) -> Result<Take, QueryError> {
    const ACTION: &str = "take the lease of a key";
    let id = Uuid::new_v4();
    let (asked, row) = {
        let client = ledger.client(ACTION).await?;
        let statement = client
            .prepare_cached(
                "SELECT outcome, extract(epoch FROM held_for)::float8, blocked, ordinal, version, epoch, signed, \
                 public_key, wrapped_key, kek_id FROM vaultstream.take_lease($1, $2, $3, make_interval(secs => $4))",
            )
            .await
            .map_err(|error| QueryError::new(ACTION, error))?;
        // Before it is sent: the server's clock starts the lease later than this.
        let asked = BootInstant::now();
        let row = client
            .query_one(&statement, &[&job.0, &key.0, &id, &duration.as_secs_f64()])
            .await
            .map_err(|error| QueryError::new(ACTION, error))?;
        (asked, row)
    };
    let outcome: &str = row.get(0);
    match outcome {
        "taken" => {
            vaultstream_faults::point("lease-taken");
            let material = row.get::<_, Option<Vec<u8>>>(7).map(|public_key| Material {
                public_key,
                wrapped_key: row.get::<_, Option<_>>(8).unwrap_or_default(),
                kek_id: row.get::<_, Option<_>>(9).unwrap_or_default(),
            });
            Ok(Take::Taken(Lease {
                job,
                key,
                ordinal: row.get(3),
                version: row.get(4),
                id,
                epoch: row.get(5),
                signed: row.get(6),
                material,
                expires: asked.plus(duration.saturating_sub(margin(duration))),
            }))
        }
        "held" => {
            if row.get::<_, Option<bool>>(2) == Some(true) {
                end_expired(ledger, job).await?;
            }
            let seconds = row.get::<_, Option<f64>>(1).unwrap_or_default();
            Ok(Take::Held { for_: Duration::try_from_secs_f64(seconds).unwrap_or_default() })
        }
        _ => Ok(Take::Retired),
    }
}

/// What a worker's deadline is earlier than the lease's end: a tenth, at least a second.
fn margin(duration: Duration) -> Duration {
    (duration / 10).max(Duration::from_secs(1))
}

/// Stores the pair that the holder of the lease made for a key without one.
///
/// # Errors
///
/// When Postgres fails; calling again is safe.
pub async fn store_material(
    ledger: &Ledger,
    lease: &Lease,
    public: &[u8],
    wrapped: &[u8],
    kek_id: &str,
) -> Result<Stored, QueryError> {
    const ACTION: &str = "store a key";
    let client = ledger.client(ACTION).await?;
    let row = client
        .query_one(
            "SELECT vaultstream.store_material($1, $2, $3, $4, $5, $6, $7)",
            &[
                &lease.key.0,
                &lease.epoch,
                &lease.id,
                &public,
                &wrapped,
                &kek_id,
                &vaultstream_signing::MAX_WRAPS_PER_KEK,
            ],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(match row.get(0) {
        "stored" => {
            vaultstream_faults::point("material-stored");
            Stored::Stored
        }
        "limit" => Stored::WrapLimit,
        "unregistered" => Stored::UnknownKek,
        _ => Stored::LeaseLost,
    })
}

/// Gives the lease back. Not ours any more is as good.
///
/// # Errors
///
/// When Postgres fails; the lease ends by itself then.
pub async fn release(ledger: &Ledger, lease: &Lease) -> Result<(), QueryError> {
    end(
        ledger,
        lease,
        "UPDATE vaultstream.keys SET holder = NULL, lease_until = NULL WHERE id = $1 AND epoch = $2 AND holder = $3",
    )
    .await
    .map(drop)
}

/// Retires the key, which is worn out, and gives its lease back. False when the lease is not ours any more.
///
/// # Errors
///
/// When Postgres fails.
pub async fn retire(ledger: &Ledger, lease: &Lease) -> Result<bool, QueryError> {
    end(
        ledger,
        lease,
        "UPDATE vaultstream.keys SET state = 'retired', holder = NULL, lease_until = NULL \
         WHERE id = $1 AND epoch = $2 AND holder = $3 AND lease_until > clock_timestamp()",
    )
    .await
}

async fn end(ledger: &Ledger, lease: &Lease, sql: &str) -> Result<bool, QueryError> {
    const ACTION: &str = "end a lease";
    let client = ledger.client(ACTION).await?;
    let changed = client
        .execute(sql, &[&lease.key.0, &lease.epoch, &lease.id])
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(changed > 0)
}

/// Ends sessions that still hold locks under leases that have expired: their clients are frozen, and no timeout of
/// Postgres ends a COPY that waits for its client. Answers how many.
///
/// # Errors
///
/// When Postgres fails.
pub async fn end_expired(ledger: &Ledger, job: JobId) -> Result<i64, QueryError> {
    const ACTION: &str = "end the sessions of expired leases";
    let client = ledger.client(ACTION).await?;
    let row = client
        .query_one("SELECT vaultstream.end_expired($1)", &[&job.0])
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    let ended: i64 = row.get(0);
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
    /// Until when it is leased; none when it is free.
    pub leased_until: Option<SystemTime>,
    /// How long the lease lasts still, by the server's clock; zero when it is free or has expired.
    pub leased_for: Duration,
}

/// The job's active keys for records, least recently used first: the order in which their tokens are published.
///
/// # Errors
///
/// When Postgres fails.
pub async fn active_keys(ledger: &Ledger, job: JobId) -> Result<Vec<ActiveKey>, QueryError> {
    const ACTION: &str = "list the job's keys";
    let client = ledger.client(ACTION).await?;
    let rows = client
        .query(
            "SELECT id, lease_until, extract(epoch FROM greatest(lease_until - clock_timestamp(), interval '0'))::float8 \
             FROM vaultstream.keys WHERE job_id = $1 AND ordinal > 0 AND state = 'active' \
             ORDER BY last_used NULLS FIRST, ordinal",
            &[&job.0],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(rows
        .iter()
        .map(|row| ActiveKey {
            id: KeyId(row.get(0)),
            leased_until: row.get(1),
            leased_for: Duration::try_from_secs_f64(row.get::<_, Option<f64>>(2).unwrap_or_default())
                .unwrap_or_default(),
        })
        .collect())
}
