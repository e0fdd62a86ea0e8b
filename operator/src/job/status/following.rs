//! What the status says of a job that follows its table. Pure.

use std::time::Duration;

use vaultstream_api::{CheckpointSummary, FollowingStatus, GoDuration};
use vaultstream_ledger::LastCheckpoint;
use vaultstream_signing::merkle::to_hex;

use crate::{job::status::times::from_system, lifecycle::snapshot::JobSnapshot};

/// Whether rows may still be added to the job: how much of it is done, and when the rest will be, means nothing.
pub(super) fn is_endless(snapshot: &JobSnapshot) -> bool {
    snapshot.job.as_ref().is_some_and(|row| row.is_following() || row.spec.follow.is_some())
}

/// How far it is; `None` of a job that does not follow its table, and of one that has ended.
pub(super) fn status(snapshot: &JobSnapshot) -> Option<FollowingStatus> {
    let row = snapshot.job.as_ref().filter(|row| !row.state.is_terminal())?;
    let follow = row.follow.as_ref()?;
    let progress = snapshot.progress.as_ref();
    Some(FollowingStatus {
        lag: progress.and_then(|progress| progress.lag).map(|lag| GoDuration::from_std(short(lag))),
        waiting: progress.and_then(|progress| progress.waiting).map(i64::unsigned_abs),
        found_by_reconciling: Some(follow.found.unsigned_abs()),
        last_reconciled: follow.scanned.map(from_system),
    })
}

/// The summary of a checkpoint.
pub(super) fn checkpoint(last: &LastCheckpoint) -> CheckpointSummary {
    CheckpointSummary {
        number: last.number.unsigned_abs(),
        digest: to_hex(&last.digest),
        merkle_root: to_hex(&last.merkle_root),
        records: last.records.unsigned_abs(),
        batches: last.batches.unsigned_abs(),
        time: from_system(last.made),
    }
}

/// Rounded to what a person reads: tenths below ten seconds, seconds below ten minutes, then minutes.
fn short(lag: Duration) -> Duration {
    let step = match lag.as_secs() {
        0..10 => 100,
        10..600 => 1_000,
        _ => 60_000,
    };
    let millis = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis.saturating_add(step / 2) / step * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_as_short_as_a_person_reads_it() {
        let shown = |millis| GoDuration::from_std(short(Duration::from_millis(millis))).to_string();
        let lags = [0, 49, 50, 1_234, 9_960, 12_345, 72_345, 601_000, 5_400_000];
        assert_eq!(lags.map(shown), ["0s", "0s", "100ms", "1.2s", "10s", "12s", "1m12s", "10m", "1h30m"]);
    }
}
