//! The commit of a unit: every signature of it or none, once, under a lease that is current.
//!
//! ```text
//! wait 1   BEGIN + application_name vs:<lease>  ─┐
//!          fence_unit(…): locks, checks, raises  ├ sent together
//!          COPY signatures_<job> FROM STDIN     ─┘
//! wait 2   header, segments, trailer            ─┐
//!          finish_sealed_unit(…): rejects, … ├ sent together
//!          COMMIT                               ─┘
//! ```
//!
//! - The fence raises an error, so that nothing sent after it can commit. A COMMIT in an aborted transaction returns ROLLBACK
//!   without an error: the answers before it decide.
//! - An unknown outcome is resolved by the fence of the next try: it waits for the locks of the lost session, and finds the
//!   batches signed by this very lease, or not signed.
//! - A session that waits for locks under an expired lease ends the session that holds them.
//!
//! `fence_unit` is in migrations/V14__tenants.sql, `finish_sealed_unit` in V18__seals.sql.

mod attempt;
mod unit;

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::leases::{self, Lease};
use crate::class::Class;
use crate::clock::BootInstant;
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;
use attempt::attempt;

pub use unit::{CommitError, Committed, Reject, Segment};

/// Commits the segments under the lease, and returns the lease when `release` is set and the commit succeeded.
///
/// Deadlocks, lock timeouts, shutdowns, full servers and lost connections are tried again until the lease ends; calling again after
/// any outcome is safe. After an unknown outcome it asks the ledger for as long as [`ConnectOptions::patience`] allows.
///
/// [`ConnectOptions::patience`]: crate::ConnectOptions::patience
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
    unit::check(segments)?;
    if segments.is_empty() {
        return Ok(Committed::Done);
    }
    // In batch order, because every session locks in that order.
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
        // Only the server's answer to this transaction says that it did not commit.
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
