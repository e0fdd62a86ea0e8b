//! The pipeline of a session, its tasks and how they end.
//!
//! ```text
//! puller ─▶ gatherer ─▶ ledger confirms ─▶ [units read ahead] ─▶ lanes: read ─▶ lease ─▶ sign ─▶ commit ─▶ ack
//! ```
//!
//! The channel between gatherer and lanes is bounded by `spec.concurrency.records`, the units in it by the memory budget.
//! Stopping closes the flow from its upper end: the puller hands over what it has, the gatherer ends, the channel closes,
//! the lanes finish; nothing is thrown away unless the time for that is over.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vaultstream_streams::{BatchPuller, StreamsError};

use crate::{
    confirm::{HintedBatch, confirm, record_count},
    finish,
    gather::{Gathered, Gatherer},
    lane,
    metrics::Dependency,
    session::{Session, SessionError},
    unit::Unit,
};

/// Work in flight may continue for this long after a drain began.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);

/// Records in flight are kept within what a rate limit lets through in this time, so that a drain can finish them.
const RATE_WINDOW: Duration = Duration::from_secs(2);

/// Runs a session until `drain`, the end of its streams, or a failure that waiting cannot mend.
pub(crate) async fn run(
    session: Arc<Session>,
    puller: BatchPuller,
    drain: CancellationToken,
    abort: CancellationToken,
) -> Result<(), SessionError> {
    let keep_alive_until = CancellationToken::new();
    let keeping_alive = {
        let (in_flight, ack_wait, until) = (session.in_flight.clone(), puller.ack_wait(), keep_alive_until.clone());
        tokio::spawn(async move { in_flight.keep_alive(ack_wait, until).await })
    };
    let result = flow(&session, puller, drain, abort).await;
    keep_alive_until.cancel();
    // The task only sends messages; when it panicked there is nothing left to do for it.
    let _ = keeping_alive.await;
    result
}

async fn flow(
    session: &Arc<Session>,
    puller: BatchPuller,
    drain: CancellationToken,
    abort: CancellationToken,
) -> Result<(), SessionError> {
    let (gathered, units) = async_channel::bounded(read_ahead(session));
    let mut lanes = JoinSet::new();
    for _ in 0..lane_count(session) {
        lanes.spawn(lane::run(Arc::clone(session), units.clone()));
    }
    drop(units);
    let stop_pulling = drain.child_token();
    let gathering = gather(session, puller, gathered, stop_pulling.clone());
    let watching = async {
        let mut first_error = None;
        while let Some(ended) = lanes.join_next().await {
            let ended = ended.unwrap_or(Err(SessionError::Thread(crate::cpu::ThreadEnded)));
            if let Err(error) = ended {
                // One lane's end is the session's: the others finish their units, nothing new is pulled.
                stop_pulling.cancel();
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    };
    let limiting = async {
        let in_time = async {
            drain.cancelled().await;
            tokio::time::sleep(DRAIN_TIMEOUT).await;
        };
        tokio::select! {
            () = in_time => {}
            () = abort.cancelled() => {}
        }
    };
    let result = tokio::select! {
        (gathered, signed) = async { tokio::join!(gathering, watching) } => signed.and(gathered),
        () = limiting => Err(SessionError::Aborted),
    };
    abort.cancel();
    // Lanes that were cut off drop their batches, which gives them back.
    lanes.shutdown().await;
    result
}

async fn gather(
    session: &Arc<Session>,
    puller: BatchPuller,
    gathered: async_channel::Sender<Unit>,
    stop: CancellationToken,
) -> Result<(), SessionError> {
    let mut gatherer = Gatherer {
        puller,
        in_flight: &session.in_flight,
        budget: &session.shared.budget,
        batch_size: session.job.spec.batch_size as usize,
        metrics: &session.shared.metrics,
        max_records: unit_records(session),
        lanes: lane_count(session),
        stopped: false,
    };
    let mut pending = None;
    loop {
        if !stop.is_cancelled() {
            // An open breaker stops the pulling; what was pulled already waits with its lane.
            for dependency in Dependency::ALL {
                session.shared.wait_for(dependency, &stop).await;
            }
        }
        match gatherer.next(&mut pending, &stop).await {
            Ok(Gathered::Batches(hinted)) => match hand_over(session, hinted, gatherer.most(), &gathered).await {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            },
            // The table was planned before this session began.
            Ok(Gathered::Plan(message)) => message.ack(),
            Ok(Gathered::Finish(message, challenge)) => {
                // Nothing is left to gather: the message comes when every batch is signed.
                if let Err(error) = finish::make_receipt(session, message, challenge).await {
                    break Err(error);
                }
            }
            Ok(Gathered::End) => break Ok(()),
            Err(error) if error.is_stream_gone() => break Err(SessionError::StreamsGone),
            Err(error) => {
                if let Err(error) = session.wait_out(StreamsError::into(error)).await {
                    break Err(error);
                }
            }
        }
    }
}

/// Gives the batches that the ledger knows to the lanes, each unit with its share of the memory. `false` when there are no lanes any more.
async fn hand_over(
    session: &Session,
    hinted: Vec<HintedBatch>,
    max_records: usize,
    gathered: &async_channel::Sender<Unit>,
) -> Result<bool, SessionError> {
    for batches in confirm(session, hinted, max_records).await? {
        let records = batches.iter().map(|batch| record_count(batch.range.rows)).sum();
        let Some(share) = session.shared.budget.take(records).await else { return Ok(false) };
        vaultstream_faults::point("unit-gathered");
        if gathered.send(Unit { batches, share }).await.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Lanes in use: a lane without a key of its own could never sign.
pub(crate) fn lane_count(session: &Session) -> usize {
    let spec = &session.job.spec;
    (spec.concurrency.signers.min(spec.keys.count) as usize).max(1)
}

/// Batch messages that may be pulled ahead of the gatherer.
pub(crate) fn pull_ahead(session: &Session) -> usize {
    unit_records(session).div_ceil(session.job.spec.batch_size.max(1) as usize).clamp(1, 512)
}

fn read_ahead(session: &Session) -> usize {
    match session.job.spec.workers.max_records_per_second {
        Some(_) => 1,
        None => (session.job.spec.concurrency.records as usize).max(1),
    }
}

fn unit_records(session: &Session) -> usize {
    let spec = &session.job.spec;
    let most = spec.keys.lease.records.max(spec.batch_size) as usize;
    match spec.workers.max_records_per_second {
        Some(rate) => most.min((f64::from(rate) * RATE_WINDOW.as_secs_f64()) as usize / lane_count(session)).max(1),
        None => most,
    }
}
