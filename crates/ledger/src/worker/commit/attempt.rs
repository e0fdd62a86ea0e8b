//! One attempt at the transaction.

use std::pin::{Pin, pin};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, future};
use tokio_postgres::error::DbError;
use tokio_postgres::{CopyInSink, Error};

use super::unit::{Committed, Reject, Segment};
use crate::connection::{Ledger, Session};
use crate::copy::{HEADER, TRAILER};
use crate::error::QueryError;
use crate::ids::{BatchNo, BatchRange, JobId};
use crate::queries::Params;
use crate::source::signatures_partition;
use crate::worker::leases::Lease;

const ACTION: &str = "commit a unit";
/// Locks, checks, and raises an error when the unit must not be committed: migrations/V3__unit_commit.sql.
const FENCE: &str = "SELECT vaultstream.fence_unit($1, $2, $3, $4, $5, $6, $7, $8)";
/// Stores rejects, batches, seals and counters: migrations/V18__seals.sql.
const FINISH: &str =
    "SELECT vaultstream.finish_sealed_unit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

/// Bytes of COPY that are handed to the connection at once, unless a segment is larger.
const PIECE_BYTES: usize = 128 * 1024;

/// Runs the transaction once. `sent_commit` becomes true before the first byte that may lead to a commit is sent.
pub(super) async fn attempt(
    ledger: &Ledger,
    job: JobId,
    lease: &Lease,
    segments: &[&Segment],
    release: bool,
    sent_commit: &mut bool,
) -> Result<Committed, QueryError> {
    let session = Session::new(ledger.client(ACTION).await?);
    match transaction(&session, job, lease, segments, release, sent_commit).await {
        Ok(()) => {
            session.settle();
            Ok(Committed::Done)
        }
        // The session is closed here, and with it the transaction.
        Err(error) => {
            drop(session);
            let error = QueryError::new(ACTION, error);
            outcome(&error).ok_or(error)
        }
    }
}

async fn transaction(
    session: &Session,
    job: JobId,
    lease: &Lease,
    segments: &[&Segment],
    release: bool,
    sent_commit: &mut bool,
) -> Result<(), Error> {
    let Some(client) = session.client() else { return Ok(()) };
    let copy =
        format!("COPY {} (record_id, key_id, signature, digest) FROM STDIN (FORMAT binary)", signatures_partition(job));
    let (fence, finish, copy) =
        future::try_join3(client.prepare_cached(FENCE), client.prepare_cached(FINISH), client.prepare_cached(&copy))
            .await?;
    let unit = Columns::of(segments);
    let begin = format!("BEGIN; SET LOCAL application_name = 'vs:{}'; SET LOCAL lock_timeout = '2s'", lease.id);

    vaultstream_faults::point("before-fence");
    // Polled, and so sent, in this order.
    let fence_params: Params<'_> =
        &[&job.0, &unit.batches, &unit.firsts, &unit.lasts, &lease.key.0, &lease.epoch, &lease.id, &unit.signs];
    let (begun, fenced, sink) = future::join3(
        client.batch_execute(&begin),
        client.execute(&fence, fence_params),
        client.copy_in::<_, Bytes>(&copy),
    )
    .await;
    begun?;
    fenced?;
    let mut sink = pin!(sink?);
    vaultstream_faults::point("after-fence");

    *sent_commit = true;
    let finish_params: Params<'_> = &[
        &job.0,
        &unit.batches,
        &unit.rows,
        &unit.signed,
        &unit.rejected,
        &unit.roots,
        &unit.trees,
        &unit.seals,
        &unit.reject_ids,
        &unit.reject_reasons,
        &unit.reject_details,
        &unit.reject_attempts,
        &lease.key.0,
        &lease.id,
        &release,
    ];
    let commit = async {
        vaultstream_faults::point("before-commit");
        client.batch_execute("COMMIT").await
    };
    let (copied, finished, committed) =
        future::join3(send(sink.as_mut(), segments), client.execute(&finish, finish_params), commit).await;
    copied?;
    finished?;
    committed
}

/// Sends the rows of the segments. Small segments travel together, because each piece is a hand-over between two tasks.
async fn send(mut sink: Pin<&mut CopyInSink<Bytes>>, segments: &[&Segment]) -> Result<u64, Error> {
    let mut piece = BytesMut::with_capacity(PIECE_BYTES);
    piece.extend_from_slice(&HEADER);
    for segment in segments {
        if piece.len() + segment.copy.len() > PIECE_BYTES {
            sink.feed(piece.split().freeze()).await?;
        }
        if segment.copy.len() > PIECE_BYTES {
            sink.feed(segment.copy.clone()).await?;
        } else {
            piece.extend_from_slice(&segment.copy);
        }
        vaultstream_faults::point("mid-copy");
    }
    piece.extend_from_slice(&TRAILER);
    sink.feed(piece.freeze()).await?;
    sink.finish().await
}

/// What one of the errors of `fence_unit` and `finish_sealed_unit` means; `None` for all others.
fn outcome(error: &QueryError) -> Option<Committed> {
    let detail = error.report().and_then(DbError::detail).unwrap_or_default();
    by_code(error.code()?, &numbers(detail))
}

fn by_code(code: &str, numbers: &[i64]) -> Option<Committed> {
    Some(match code {
        "VS001" => Committed::AlreadySigned(numbers.iter().copied().map(BatchNo).collect()),
        "VS002" => Committed::LeaseLost,
        "VS003" => Committed::KeySpent { left: numbers.first().copied().unwrap_or(0) },
        // No such partition: it was dropped, and the job with it.
        "VS004" | "42P01" => Committed::JobGone,
        "VS005" => Committed::RangeChanged(
            numbers
                .chunks_exact(4)
                .filter_map(|range| match *range {
                    [batch, first, last, rows] => Some(BatchRange { batch: BatchNo(batch), first, last, rows }),
                    _ => None,
                })
                .collect(),
        ),
        "VS006" => Committed::Done,
        _ => return None,
    })
}

/// The numbers in the DETAIL of one of our own errors.
fn numbers(detail: &str) -> Vec<i64> {
    detail.split([',', ';']).filter_map(|number| number.parse().ok()).collect()
}

/// The segments as the columns that the functions take.
#[derive(Default)]
struct Columns<'a> {
    batches: Vec<i64>,
    firsts: Vec<i64>,
    lasts: Vec<i64>,
    rows: Vec<i64>,
    signed: Vec<i64>,
    rejected: Vec<i64>,
    roots: Vec<&'a [u8]>,
    trees: Vec<&'a [u8]>,
    seals: Vec<&'a [u8]>,
    reject_ids: Vec<i64>,
    reject_reasons: Vec<&'a str>,
    reject_details: Vec<&'a str>,
    reject_attempts: Vec<i32>,
    signs: i64,
}

impl<'a> Columns<'a> {
    fn of(segments: &[&'a Segment]) -> Self {
        let mut columns = Self::default();
        for segment in segments {
            let Segment { batch, first, last, rows, signed, rejected, root, tree, seal, copy: _, rejects } = segment;
            columns.batches.push(batch.0);
            columns.firsts.push(*first);
            columns.lasts.push(*last);
            columns.rows.push(*rows);
            columns.signed.push(*signed);
            columns.rejected.push(*rejected);
            columns.roots.push(root);
            columns.trees.push(tree);
            columns.seals.push(&seal.0);
            columns.signs += signed;
            for Reject { id, reason, detail, attempts } in rejects {
                columns.reject_ids.push(*id);
                columns.reject_reasons.push(reason);
                columns.reject_details.push(detail);
                columns.reject_attempts.push(*attempts);
            }
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use vaultstream_signing::RawSignature;

    use super::*;

    #[test]
    fn segments_become_columns_in_their_order() {
        let reject = |id| Reject { id, reason: "Null".to_owned(), detail: format!("row {id}"), attempts: 2 };
        let segment = |batch, first, signed, rejects: Vec<Reject>| Segment {
            batch: BatchNo(batch),
            first,
            last: first + 9,
            rows: signed + rejects.len() as i64,
            signed,
            rejected: rejects.len() as i64,
            root: [batch as u8; 32],
            tree: [batch as u8 + 10; 32],
            seal: RawSignature([batch as u8 + 20; 64]),
            copy: Bytes::new(),
            rejects,
        };
        let (one, other) = (segment(1, 10, 3, vec![reject(14)]), segment(2, 20, 4, vec![reject(25), reject(26)]));
        let columns = Columns::of(&[&one, &other]);
        assert_eq!((columns.batches, columns.firsts, columns.lasts), (vec![1, 2], vec![10, 20], vec![19, 29]));
        assert_eq!((columns.rows, columns.signed, columns.rejected), (vec![4, 6], vec![3, 4], vec![1, 2]));
        assert_eq!((columns.signs, columns.roots), (7, vec![[1; 32].as_slice(), &[2; 32]]));
        assert_eq!(columns.trees, [[11; 32].as_slice(), &[12; 32]]);
        assert_eq!(columns.seals, [[21; 64].as_slice(), &[22; 64]]);
        assert_eq!((columns.reject_ids, columns.reject_reasons), (vec![14, 25, 26], vec!["Null"; 3]));
        assert_eq!(columns.reject_details, ["row 14", "row 25", "row 26"]);
        assert_eq!(columns.reject_attempts, [2, 2, 2]);
    }

    #[test]
    fn each_error_of_the_fence_says_what_became_of_the_unit() {
        let range = |batch, first, last, rows| BatchRange { batch: BatchNo(batch), first, last, rows };
        for (code, detail, expected) in [
            ("VS001", "3,17", Some(Committed::AlreadySigned(vec![BatchNo(3), BatchNo(17)]))),
            ("VS001", "", Some(Committed::AlreadySigned(Vec::new()))),
            ("VS002", "", Some(Committed::LeaseLost)),
            ("VS003", "12", Some(Committed::KeySpent { left: 12 })),
            ("VS004", "", Some(Committed::JobGone)),
            ("42P01", "", Some(Committed::JobGone)),
            (
                "VS005",
                "1,-5,9,14;2,10,19,10",
                Some(Committed::RangeChanged(vec![range(1, -5, 9, 14), range(2, 10, 19, 10)])),
            ),
            ("VS006", "", Some(Committed::Done)),
            ("23505", "3", None),
            ("40001", "", None),
        ] {
            assert_eq!(by_code(code, &numbers(detail)), expected, "{code} {detail}");
        }
    }
}
