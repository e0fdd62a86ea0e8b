//! The commit of a unit: every signature of it or none, once, under a lease that is current.
//!
//! ```text
//! wait 1   BEGIN + application_name vs:<lease>  ─┐
//!          fence_unit(…): locks, checks, raises  ├ sent together
//!          COPY signatures_<job> FROM STDIN     ─┘
//! wait 2   header, segments, trailer            ─┐
//!          finish_unit(…): rejects, batches, key ├ sent together
//!          COMMIT                               ─┘
//! ```
//!
//! - The fence raises, so that nothing sent behind it can commit. A COMMIT in an aborted transaction answers ROLLBACK
//!   without an error: the other answers decide.
//! - An outcome that is not known is found out by the fence of the next try: it waits for the locks of the lost session,
//!   and finds the batches signed by this very lease, or not at all.
//! - Whoever waits for locks of a session whose lease has expired ends that session.

mod attempt;

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use vaultstream_signing::Hash;
use vaultstream_signing::copy::{SIGNATURE_ROW, SIGNATURE_ROW_WITH_DIGEST};

use crate::class::Class;
use crate::clock::BootInstant;
use crate::connect::Ledger;
use crate::error::QueryError;
use crate::ids::{BatchNo, BatchRange, JobId};
use crate::leases::{self, Lease};

use attempt::attempt;

pub use crate::batches::count_attempt;
pub use crate::leases::end_expired;

/// A record that cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Which record.
    pub id: i64,
    /// A word for the kind of reason.
    pub reason: String,
    /// A sentence.
    pub detail: String,
    /// Attempts that were made before.
    pub attempts: i32,
}

/// One batch of a unit, signed.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Which batch.
    pub batch: BatchNo,
    /// First id of the range that was read.
    pub first: i64,
    /// Last id of the range that was read.
    pub last: i64,
    /// Rows seen.
    pub rows: i64,
    /// Signatures in `copy`.
    pub signed: i64,
    /// Number of `rejects`.
    pub rejected: i64,
    /// The batch's root.
    pub root: Hash,
    /// Rows for COPY BINARY as [`vaultstream_signing::copy::put_signature_row`] writes them, without header and trailer.
    pub copy: Bytes,
    /// What could not be signed.
    pub rejects: Vec<Reject>,
}

/// What came of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// All of it is in the ledger.
    Done,
    /// These batches are signed already, by somebody. Nothing was committed: ack them, drop their segments, call again.
    AlreadySigned(Vec<BatchNo>),
    /// These batches have other ranges now, here they are. Nothing was committed: sign them anew.
    RangeChanged(Vec<BatchRange>),
    /// The lease is over. Nothing was committed.
    LeaseLost,
    /// The key may make only so many more signatures. Nothing was committed.
    KeySpent {
        /// How many.
        left: i64,
    },
    /// The job was deleted, or does not sign any more. Nothing was committed.
    JobGone,
}

/// Why it is not known, or cannot be, that the unit is committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The segments contradict themselves.
    #[error("the unit is malformed: {0}")]
    Malformed(&'static str),
    /// The connection broke at the COMMIT and the ledger could not be asked since: neither ack nor count anything.
    #[error("it is unknown whether the unit was committed")]
    Unknown(#[source] QueryError),
    /// A record of these batches is rejected already although its batch is open: the ledger is damaged.
    #[error("the ledger already holds a reject of a record whose batch is not signed")]
    Duplicate(#[source] QueryError),
    /// Postgres failed; nothing was committed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Commits the segments under the lease, and gives the lease back when `release` is set and it was committed.
///
/// Deadlocks, lock timeouts, shutdowns, full servers and lost connections are tried again until the lease ends; calling
/// again after any answer is safe. An outcome that is not known is looked for as long as the ledger's patience lasts.
///
/// # Errors
///
/// See [`CommitError`].
pub async fn unit(
    ledger: &Ledger,
    job: JobId,
    lease: &Lease,
    segments: &[Segment],
    release: bool,
) -> Result<Committed, CommitError> {
    check(segments)?;
    if segments.is_empty() {
        return Ok(Committed::Done);
    }
    // In batch order, for everybody locks in that order.
    let mut segments: Vec<&Segment> = segments.iter().collect();
    segments.sort_unstable_by_key(|segment| segment.batch);

    let mut delays = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_secs(2))
        .with_jitter()
        .without_max_times()
        .build();
    let mut unknown = false;
    let mut deadline = lease.expires;
    loop {
        // A frozen network must not freeze this lane; dropping the attempt closes its connection.
        let limit = deadline.remaining() + Duration::from_secs(1);
        let mut sent_commit = false;
        let tried =
            tokio::time::timeout(limit, attempt(ledger, job, lease, &segments, release, &mut sent_commit)).await;
        let error = match tried {
            Ok(Ok(answer)) => {
                if answer == Committed::Done {
                    vaultstream_faults::point("after-commit");
                }
                return Ok(answer);
            }
            Ok(Err(error)) => error,
            Err(elapsed) => QueryError::unreachable("commit a unit in time", elapsed),
        };
        // Only an answer of the server to the very transaction says that it did not commit.
        if sent_commit && error.class() == Class::Unreachable && !unknown {
            unknown = true;
            deadline = deadline.max(BootInstant::now()).plus(ledger.settings.patience);
        }
        if error.code() == Some("23505") {
            return Err(CommitError::Duplicate(error));
        }
        if !error.is_transient() {
            return Err(if unknown { CommitError::Unknown(error) } else { error.into() });
        }
        if deadline.has_passed() {
            return if unknown { Err(CommitError::Unknown(error)) } else { Ok(Committed::LeaseLost) };
        }
        tracing::debug!(job = job.0, lease = %lease.id, %error, unknown, "a unit's commit is tried again");
        if error.class() == Class::Contention
            && let Err(error) = leases::end_expired(ledger, job).await
        {
            tracing::warn!(job = job.0, %error, "sessions of expired leases could not be ended");
        }
        tokio::time::sleep(delays.next().unwrap_or_default().min(deadline.remaining())).await;
    }
}

/// What would only be found out by a verification otherwise.
fn check(segments: &[Segment]) -> Result<(), CommitError> {
    for segment in segments {
        let Segment { batch: _, first, last, rows, signed, rejected, root: _, copy, rejects } = segment;
        let length = |row: usize| usize::try_from(*signed).ok().and_then(|signed| signed.checked_mul(row));
        if length(SIGNATURE_ROW) != Some(copy.len()) && length(SIGNATURE_ROW_WITH_DIGEST) != Some(copy.len()) {
            return Err(CommitError::Malformed("the length of the rows is not that of the signatures"));
        }
        if i64::try_from(rejects.len()) != Ok(*rejected) || signed + rejected != *rows || first > last {
            return Err(CommitError::Malformed("the counts of a segment do not add up"));
        }
    }
    let mut batches: Vec<_> = segments.iter().map(|segment| segment.batch).collect();
    batches.sort_unstable();
    if batches.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(CommitError::Malformed("a batch is in it twice"));
    }
    Ok(())
}
