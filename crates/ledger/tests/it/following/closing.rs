//! Closing partitions of a followed job's signatures, while units are committed and rows planned.

use std::time::Duration;

use vaultstream_ledger::following::{self, PartStep, Stored};
use vaultstream_ledger::leases::Lease;
use vaultstream_ledger::steps::{self, Deleted, Step};

use super::{FollowedJob, NEVER, NOW, begun};
use crate::stage::segment;

impl FollowedJob {
    /// The limits, in rows and as an interval.
    async fn limit_parts(&self, rows: i64, age: &str) {
        let sql = format!(
            "CREATE OR REPLACE FUNCTION vaultstream.part_limits(OUT rows bigint, OUT age interval) LANGUAGE sql IMMUTABLE AS \
             $$ SELECT {rows}::bigint, interval '{age}' $$"
        );
        self.sql.batch_execute(&sql).await.unwrap();
    }

    async fn close(&self) -> PartStep {
        following::close_part(&self.stage.ledger, self.job.id).await.unwrap()
    }

    /// Signs the batches that are not signed.
    async fn sign(&self, lease: &Lease) {
        let sql = format!("SELECT batch FROM vaultstream.batches WHERE job_id = {} AND state <> 'signed'", self.job.id);
        let open: Vec<i64> = self.sql.query(&sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        let ranges = self.stage.ranges(&self.job).await;
        let segments: Vec<_> = ranges
            .iter()
            .filter(|range| open.contains(&range.batch.0))
            .map(|range| segment(range, lease.key))
            .collect();
        if !segments.is_empty() {
            self.stage.commit(&self.job, lease, &segments).await;
        }
    }

    /// For each partition in order its bounds, and how many signatures it has.
    async fn parts(&self) -> Vec<(String, i64)> {
        let id = self.job.id;
        let sql = format!(
            "SELECT c.oid::regclass::text, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
              WHERE i.inhparent = 'vaultstream.signatures_{id}'::regclass ORDER BY length(c.relname), c.relname"
        );
        let mut parts = Vec::new();
        for row in self.sql.query(&sql, &[]).await.unwrap() {
            let (name, bounds): (String, String) = (row.get(0), row.get(1));
            parts.push((bounds, self.stage.number(&format!("SELECT count(*) FROM {name}")).await));
        }
        parts
    }
}

fn bounds(from: &str, to: &str) -> String {
    format!("FOR VALUES FROM ({from}) TO ({to})")
}

#[tokio::test]
async fn a_partition_is_closed_step_by_step_while_rows_are_planned_and_signed() {
    let job = begun().await;
    assert_eq!((job.close().await, job.parts().await), (PartStep::Open, vec![(bounds("'1'", "MAXVALUE"), 0)]));
    job.limit_parts(25, "1 month").await;
    let (plan, lease) = (job.begin().await, job.stage.first_lease(&job.job).await);
    job.sign(&lease).await;
    assert_eq!(job.close().await, PartStep::Marked);
    // It ends a batch behind what is planned: at 36.
    job.insert("a", 10).await;
    let read = job.read().await;
    assert_eq!(job.store(&plan, &read, NOW).await, Stored::Planned { new: 10, unbatched: 0 });
    following::delete_arrivals(&job.stage.ledger, &read).await.unwrap();
    assert_eq!(job.close().await, PartStep::Fenced);
    job.insert("b", 1).await;
    let read = job.read().await;
    assert_eq!(job.store(&plan, &read, NOW).await, Stored::Wait, "there is no partition for it");
    job.sign(&lease).await;
    assert_eq!(job.close().await, PartStep::Validated);
    assert_eq!(job.close().await, PartStep::Switched);
    assert_eq!(job.store(&plan, &read, NOW).await, Stored::Wait, "it is not noted yet");
    assert_eq!(job.close().await, PartStep::Noted);
    assert_eq!(job.store(&plan, &read, NOW).await, Stored::Planned { new: 1, unbatched: 0 });
    assert_eq!(job.close().await, PartStep::Open);
    job.sign(&lease).await;
    assert_eq!(job.parts().await, [(bounds("'1'", "'36'"), 35), (bounds("'36'", "MAXVALUE"), 1)]);
    assert_eq!(job.stage.stored(&job.job).await, 36);
}

#[tokio::test]
async fn a_partition_is_closed_when_it_is_old_unless_it_is_empty() {
    let job = begun().await;
    job.limit_parts(1_000_000, "1 month").await;
    let grow_old = "UPDATE vaultstream.jobs SET part_opened_at = part_opened_at - interval '32 days'";
    assert_eq!(job.close().await, PartStep::Open);
    job.sql.batch_execute(grow_old).await.unwrap();
    let steps = [PartStep::Marked, PartStep::Fenced, PartStep::Validated, PartStep::Switched, PartStep::Noted];
    for step in steps {
        assert_eq!(job.close().await, step);
    }
    job.sql.batch_execute(grow_old).await.unwrap();
    assert_eq!(job.close().await, PartStep::Open, "nothing is planned for it");
    job.sql.batch_execute("UPDATE vaultstream.jobs SET state = 'Finishing'").await.unwrap();
    assert_eq!(job.close().await, PartStep::Lost);
}

/// Two sessions close partitions at once. Neither commits nor planning fail or stop because of that.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_closed_while_units_are_committed_and_rows_planned() {
    const ROUNDS: i64 = 60;
    let job = begun().await;
    job.limit_parts(40, "1 month").await;
    let lease = job.stage.first_lease(&job.job).await;
    let closers = (0..2).map(|_| {
        let (ledger, id) = (job.stage.ledger.clone(), job.job.id);
        tokio::spawn(async move {
            loop {
                // A lock that is not had within a moment is no fault here.
                let step = following::close_part(&ledger, id).await;
                if step.as_ref().is_ok_and(|step| *step == PartStep::Lost) {
                    return;
                }
                if let Err(error) = step {
                    assert!(format!("{error:?}").contains("55P03"), "{error:?}");
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        })
    });
    let closers: Vec<_> = closers.collect();
    let plan = job.begin().await;
    for round in 0..ROUNDS {
        job.insert(&format!("{round} "), 7).await;
        let read = job.read().await;
        while job.store(&plan, &read, if round % 3 == 0 { NOW } else { NEVER }).await == Stored::Wait {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        following::delete_arrivals(&job.stage.ledger, &read).await.unwrap();
        job.sign(&lease).await;
    }
    job.store(&plan, &job.read().await, NOW).await;
    job.sign(&lease).await;
    job.sql.batch_execute("UPDATE vaultstream.jobs SET state = 'Failed', live = false").await.unwrap();
    for closer in closers {
        closer.await.unwrap();
    }
    let parts = job.parts().await;
    assert!(parts.len() > 5, "{parts:?}");
    let ends = |bounds: &str| bounds.replace("FOR VALUES FROM ", "").replace(['(', ')', '\''], "");
    let ends: Vec<Vec<String>> =
        parts.iter().map(|(bounds, _)| ends(bounds).split(" TO ").map(str::to_owned).collect()).collect();
    assert!(ends.windows(2).all(|pair| pair[0][1] == pair[1][0]), "{ends:?}");
    assert_eq!(parts.iter().map(|(_, rows)| rows).sum::<i64>(), 25 + 7 * ROUNDS);
    assert!(parts[..parts.len() - 1].iter().all(|(_, rows)| *rows >= 40), "{parts:?}");
    let nothing = vaultstream_api::DeletionPolicy {
        signatures: vaultstream_api::Retention::Delete,
        records: vaultstream_api::Retention::Delete,
    };
    while steps::delete(&job.stage.ledger, job.job.id, &nothing).await.unwrap() != Step::Done(Deleted::Done) {}
    let left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'vaultstream'::regnamespace AND relname ~ '^signatures_[0-9]'";
    assert_eq!(job.stage.number(left).await, 0);
}
