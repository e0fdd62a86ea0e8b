//! One try of one transaction.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, future};
use tokio_postgres::Error;
use tokio_postgres::types::ToSql;
use vaultstream_signing::copy::{HEADER, TRAILER};

use crate::batches::numbers;
use crate::connect::Ledger;
use crate::error::QueryError;
use crate::ids::{BatchNo, BatchRange, JobId};
use crate::leases::Lease;
use crate::session::Session;
use crate::source::signatures_partition;

use super::{Committed, Reject, Segment};

const ACTION: &str = "commit a unit";
const FENCE: &str = "SELECT vaultstream.fence_unit($1, $2, $3, $4, $5, $6, $7, $8)";
const FINISH: &str = "SELECT vaultstream.finish_unit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/// Bytes of COPY that are handed to the connection at once, unless a segment is larger.
const PIECE: usize = 128 * 1024;

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
            answer(&error).ok_or(error)
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
    let fence_params: [&(dyn ToSql + Sync); 8] =
        [&job.0, &unit.batches, &unit.firsts, &unit.lasts, &lease.key.0, &lease.epoch, &lease.id, &unit.signs];
    let (begun, fenced, sink) = future::join3(
        client.batch_execute(&begin),
        client.execute(&fence, &fence_params),
        client.copy_in::<_, Bytes>(&copy),
    )
    .await;
    begun?;
    fenced?;
    let mut sink = pin!(sink?);
    vaultstream_faults::point("after-fence");

    *sent_commit = true;
    let copied = async {
        let mut piece = BytesMut::with_capacity(PIECE);
        piece.extend_from_slice(&HEADER);
        for segment in segments {
            // Small ones travel together: each piece is a hand-over between two tasks.
            if piece.len() + segment.copy.len() > PIECE {
                sink.feed(piece.split().freeze()).await?;
            }
            if segment.copy.len() > PIECE {
                sink.feed(segment.copy.clone()).await?;
            } else {
                piece.extend_from_slice(&segment.copy);
            }
            vaultstream_faults::point("mid-copy");
        }
        piece.extend_from_slice(&TRAILER);
        sink.feed(piece.freeze()).await?;
        sink.finish().await
    };
    let finish_params: [&(dyn ToSql + Sync); 13] = [
        &job.0,
        &unit.batches,
        &unit.rows,
        &unit.signed,
        &unit.rejected,
        &unit.roots,
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
    let (copied, finished, committed) = future::join3(copied, client.execute(&finish, &finish_params), commit).await;
    copied?;
    finished?;
    committed
}

/// What one of our own errors means; none for all others.
fn answer(error: &QueryError) -> Option<Committed> {
    let numbers = || numbers(error.report());
    Some(match error.code()? {
        "VS001" => Committed::AlreadySigned(numbers().into_iter().map(BatchNo).collect()),
        "VS002" => Committed::LeaseLost,
        "VS003" => Committed::KeySpent { left: numbers().first().copied().unwrap_or(0) },
        // No such partition: it was dropped, and the job with it.
        "VS004" | "42P01" => Committed::JobGone,
        "VS005" => Committed::RangeChanged(
            numbers()
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
            let Segment { batch, first, last, rows, signed, rejected, root, copy: _, rejects } = segment;
            columns.batches.push(batch.0);
            columns.firsts.push(*first);
            columns.lasts.push(*last);
            columns.rows.push(*rows);
            columns.signed.push(*signed);
            columns.rejected.push(*rejected);
            columns.roots.push(root);
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
