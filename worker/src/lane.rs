//! A signing lane: takes one unit at a time from gathered to acknowledged. This is the whole path on one screen.
//!
//! What holds here (numbers of the design's invariants):
//! - a key is leased only for a unit that was read, and given back at once when the lane has no next unit;
//! - 1, 4: everything is committed under the lease it was signed under, behind fences that raise;
//! - 3: a batch is acknowledged only after its commit, or when the ledger says that it is signed;
//! - 6: payloads are hashed as they stream; a unit's memory is its share of the budget;
//! - 7, 8: a dependency that fails makes the lane wait and continue with what it holds; nothing counts against a record.

mod outcome;
mod parts;

use std::{sync::Arc, time::Duration};

use async_channel::Receiver;
use tracing::{Instrument as _, Span, field};
use vaultstream_ledger::{
    BatchNo,
    commit::{self, Committed, Segment},
};
use vaultstream_program::chain;
use vaultstream_trace::{Span as Traced, TraceId};

use self::{
    outcome::{Left, Signed},
    parts::{UnitInFlight, ack, first_trace, narrow, redeliver, split_off_fitting, traced},
};
use crate::{
    keys::{KeySettled, LeasedKey},
    metrics::{Stage, UnitMetrics},
    read,
    session::{Session, SessionError},
    sign::{self, SignFailure, SignedUnit, SigningKey},
    unit::{BatchRecords, ReadBatch, ReadUnit, Unit},
};

/// Signs units until there are no more.
pub(crate) async fn run(session: Arc<Session>, units: Receiver<Unit>) -> Result<(), SessionError> {
    let mut lane = Lane { session: &session, units, next: None, key: None };
    let result = lane.sign_all().await;
    if let Some(key) = lane.key {
        let _settled: KeySettled = session.keys.release(key).await;
    }
    result
}

struct Lane<'a> {
    session: &'a Session,
    units: Receiver<Unit>,
    /// Taken before a commit, to know whether the key is needed further.
    next: Option<Unit>,
    /// Kept from one unit to the next while its lease has records left.
    key: Option<LeasedKey>,
}

impl Lane<'_> {
    async fn sign_all(&mut self) -> Result<(), SessionError> {
        while let Some(unit) = self.next_unit().await {
            let _in_flight = UnitInFlight::new(self.session);
            let span = tracing::info_span!(
                "unit", job = %self.session.job.name, batches = unit.batches.len(),
                records = field::Empty, key = field::Empty, lease = field::Empty
            );
            self.one(unit).instrument(span).await?;
        }
        Ok(())
    }

    async fn one(&mut self, unit: Unit) -> Result<(), SessionError> {
        let unit = self.read(unit).await?;
        Span::current().record("records", unit.signable());
        self.session.rate_limit.wait(unit.signable()).await;
        self.sign_and_commit(unit).await
    }

    async fn next_unit(&mut self) -> Option<Unit> {
        match self.next.take() {
            Some(unit) => Some(unit),
            None => self.units.recv().await.ok(),
        }
    }

    /// COPY out and hash.
    async fn read(&self, mut unit: Unit) -> Result<ReadUnit, SessionError> {
        let traces = || unit.batches.iter().map(|batch| &batch.trace);
        let (_reading, metrics) = (Traced::children(traces(), "read"), self.metrics(Traced::first_trace(traces())));
        loop {
            let result = {
                let _time = metrics.time(Stage::Read);
                read::read(&self.session.shared.ledger, &self.session.job, &self.session.form, unit).await
            };
            match result {
                Ok(read) => return self.session.split_outgrown(read).await,
                Err((back, error)) => {
                    unit = back;
                    self.session.wait_out(self.session.failed_read(error)).await?;
                }
            }
        }
    }

    async fn sign_and_commit(&mut self, unit: ReadUnit) -> Result<(), SessionError> {
        let ReadUnit { mut batches, share } = unit;
        // Fewer for a worker that is too slow to sign the whole unit while a lease lasts.
        let mut most = u64::MAX;
        let mut lost_before = false;
        while !batches.is_empty() {
            let leasing = traced(&batches, "lease");
            let Some(key) = self.lease(first_trace(&batches)).await? else {
                self.session.shared.metrics.key_starved.inc();
                tracing::warn!(batches = batches.len(), "no key became free in time: the batches are given back");
                redeliver(batches, Duration::ZERO);
                break;
            };
            drop(leasing);
            let part = split_off_fitting(&mut batches, self.session.keys.left(key.lease()).min(most));
            let (left, _settled): (Left, KeySettled) = match self.sign(part, key).await? {
                Signed::Segments { part, key, segments } => {
                    vaultstream_faults::point("unit-signed");
                    self.commit(part, *key, segments, batches.is_empty()).await?
                }
                Signed::LeaseEnded { part, key } => {
                    self.session.shared.metrics.leases_lost.inc();
                    tracing::warn!(batches = part.len(), "a key's lease ended before its unit was signed");
                    (Left::TooMuch(part), key.lost())
                }
                Signed::Again { part, key } => (Left::SignAnew(part), key.keep(&mut self.key)),
            };
            match left {
                Left::Nothing => lost_before = false,
                Left::SignAnew(part) => drop(batches.splice(0..0, part)),
                // Once, it may have been the ledger that was slow.
                Left::LeaseLost(part) if !lost_before => {
                    lost_before = true;
                    batches.splice(0..0, part);
                }
                Left::LeaseLost(part) | Left::TooMuch(part) => most = self.try_less(part, &mut batches).await?,
            }
        }
        drop(share);
        Ok(())
    }

    /// Puts back what a lease was too short for, the only batch of it cut in two. Returns how many records to try next.
    async fn try_less(&self, mut part: Vec<ReadBatch>, batches: &mut Vec<ReadBatch>) -> Result<u64, SessionError> {
        let records = part.iter().map(|batch| batch.records.ids.len() as u64).sum::<u64>();
        if part.len() == 1
            && let Some(batch) = part.pop()
        {
            part.extend(self.session.make_smaller(batch).await?);
        }
        batches.splice(0..0, part);
        Ok(records / 2)
    }

    async fn lease(&mut self, trace: Option<TraceId>) -> Result<Option<LeasedKey>, SessionError> {
        let key = match self.key.take() {
            Some(key) => Some(key),
            None => {
                let _time = self.session.shared.metrics.time(Stage::Lease, trace);
                loop {
                    match self.session.keys.lease().await {
                        Ok(key) => break key,
                        Err(error) => self.session.wait_out(error.into()).await?,
                    }
                }
            }
        };
        if let Some(key) = &key {
            Span::current().record("key", key.id().0).record("lease", field::display(key.lease().id));
        }
        Ok(key)
    }

    /// Signs on a CPU thread. A batch that fails is counted in the ledger and tried later; one that failed too often is
    /// taken apart until the records at fault stand alone.
    async fn sign(&self, part: Vec<ReadBatch>, key: LeasedKey) -> Result<Signed, SessionError> {
        let _signing = traced(&part, "sign");
        let (mut part, key, SignedUnit { segments, failed }) = match self.sign_unit(part, key).await? {
            Ok(signed) => signed,
            Err((part, key)) => return Ok(Signed::LeaseEnded { part, key: Box::new(key) }),
        };
        let mut exhausted = Vec::new();
        for (number, failure) in failed {
            let attempts = self.count_failure(number, &failure).await?;
            let Some(at) = part.iter().position(|batch| batch.records.number() == number) else { continue };
            let batch = part.remove(at);
            if attempts.unsigned_abs() < self.session.job.spec.retry.max_attempts {
                batch.redeliver_after(self.session.retry_delay(attempts));
            } else {
                exhausted.push((batch, attempts));
            }
        }
        if exhausted.is_empty() {
            return Ok(Signed::Segments { part, key: Box::new(key), segments });
        }
        self.isolate(exhausted, key, part, segments).await
    }

    /// Signs a unit, with another backend when one makes wrong signatures. Returns it as it was when the lease ended before that.
    async fn sign_unit(
        &self,
        mut part: Vec<ReadBatch>,
        mut key: LeasedKey,
    ) -> Result<Result<(Vec<ReadBatch>, LeasedKey, SignedUnit), (Vec<ReadBatch>, LeasedKey)>, SessionError> {
        loop {
            self.session.ensure_backend(&mut key).await?;
            let (plan, metrics) = (self.session.plan, self.metrics(first_trace(&part)));
            let sign =
                move |batches: &[&BatchRecords], key: &mut SigningKey| sign::sign_unit(batches, key, &plan, &metrics);
            let signed;
            (part, key, signed) = self.on_cpu(part, key, sign).await?;
            match signed {
                // Another lane has found out meanwhile that this backend is not to be trusted.
                Ok(_) if key.signing.backend.is_withdrawn() => {}
                Ok(signed) => return Ok(Ok((part, key, signed))),
                Err(stopped) => {
                    if self.session.is_lease_over(&mut key, stopped).await? {
                        return Ok(Err((part, key)));
                    }
                }
            }
        }
    }

    /// Signs batches that failed too often without the records at fault, and adds them to what is signed already.
    async fn isolate(
        &self,
        exhausted: Vec<(ReadBatch, i32)>,
        key: LeasedKey,
        mut part: Vec<ReadBatch>,
        mut segments: Vec<Segment>,
    ) -> Result<Signed, SessionError> {
        let (batches, attempts): (Vec<ReadBatch>, Vec<i32>) = exhausted.into_iter().unzip();
        let (plan, metrics) = (self.session.plan, self.metrics(first_trace(&batches)));
        let isolate = move |batches: &[&BatchRecords], key: &mut SigningKey| {
            let each = batches.iter().zip(attempts);
            each.map(|(batch, attempts)| sign::isolate(batch, key, &plan, attempts, &metrics))
                .collect::<Result<Vec<_>, _>>()
        };
        let (batches, mut key, isolated) = self.on_cpu(batches, key, isolate).await?;
        part.extend(batches);
        let isolated = match isolated {
            Ok(isolated) => isolated,
            Err(stopped) if self.session.is_lease_over(&mut key, stopped.clone()).await? => {
                return Ok(Signed::LeaseEnded { part, key: Box::new(key) });
            }
            // Another backend signs all of it, under the same lease.
            Err(_) => return Ok(Signed::Again { part, key: Box::new(key) }),
        };
        for segment in &isolated {
            tracing::warn!(
                batch = segment.batch.0,
                signed = segment.signed,
                rejected = segment.rejected,
                "a batch failed too often: the records at fault are isolated"
            );
        }
        segments.extend(isolated);
        Ok(Signed::Segments { part, key: Box::new(key), segments })
    }

    async fn count_failure(&self, batch: BatchNo, failure: &SignFailure) -> Result<i32, SessionError> {
        self.session.shared.metrics.attempts_failed.inc();
        let why = format!("{}: {}", sign::SIGNING_FAILED, chain(failure));
        let attempts = self.session.count_attempt(batch, &why).await?;
        vaultstream_faults::point("attempt-counted");
        Ok(attempts)
    }

    /// Runs `work` on a CPU thread, which has batches and key meanwhile.
    async fn on_cpu<T: Send + 'static>(
        &self,
        part: Vec<ReadBatch>,
        mut key: LeasedKey,
        work: impl FnOnce(&[&BatchRecords], &mut SigningKey) -> T + Send + 'static,
    ) -> Result<(Vec<ReadBatch>, LeasedKey, T), SessionError> {
        let run = move || {
            let batches: Vec<&BatchRecords> = part.iter().map(|batch| &batch.records).collect();
            let result = work(&batches, &mut key.signing);
            (part, key, result)
        };
        Ok(self.session.shared.cpu.run(run).await?)
    }

    /// Commits and acknowledges. Returns the batches that must be signed again.
    async fn commit(
        &mut self,
        mut part: Vec<ReadBatch>,
        mut key: LeasedKey,
        mut segments: Vec<Segment>,
        last_of_unit: bool,
    ) -> Result<(Left, KeySettled), SessionError> {
        let keys = &self.session.keys;
        let (committing, metrics) = (traced(&part, "commit"), self.metrics(first_trace(&part)));
        if segments.is_empty() {
            return Ok((Left::Nothing, keys.release(key).await));
        }
        if last_of_unit && self.next.is_none() {
            self.next = self.units.try_recv().ok();
        }
        // The same for every try: one whose outcome is not known may be the one that was committed.
        let release = (last_of_unit && self.next.is_none()) || self.session.lease_is_used_up(&key, &segments);
        loop {
            match self.try_commit(&key, &segments, release, &metrics).await {
                Ok(Committed::Done) => {
                    self.session.committed(&mut key, &segments);
                    vaultstream_faults::point("before-ack");
                    drop(committing);
                    ack(part);
                    let settled = if release { keys.give_back(key).await } else { self.keep(key).await };
                    return Ok((Left::Nothing, settled));
                }
                Ok(Committed::AlreadySigned(settled)) => {
                    self.session.shared.metrics.already_signed.inc_by(settled.len() as u64);
                    segments.retain(|segment| !settled.contains(&segment.batch));
                    ack(part.extract_if(.., |batch| settled.contains(&batch.records.number())));
                    if segments.is_empty() {
                        return Ok((Left::Nothing, keys.release(key).await));
                    }
                }
                Ok(Committed::LeaseLost) => {
                    self.session.shared.metrics.leases_lost.inc();
                    tracing::warn!(key = key.id().0, "a key's lease ended before its commit");
                    return Ok((Left::LeaseLost(part), key.lost()));
                }
                Ok(Committed::KeySpent { .. }) => {
                    let settled = keys.retire(key).await;
                    vaultstream_faults::point("spent-key-retired");
                    return Ok((Left::SignAnew(part), settled));
                }
                Ok(Committed::RangeChanged(ranges)) => {
                    narrow(&mut part, &ranges);
                    return Ok((Left::SignAnew(part), key.keep(&mut self.key)));
                }
                Ok(Committed::JobGone) => return Err(SessionError::JobOver),
                Err(error) => self.session.wait_out(error.into()).await?,
            }
        }
    }

    async fn try_commit(
        &self,
        key: &LeasedKey,
        segments: &[Segment],
        release: bool,
        metrics: &UnitMetrics,
    ) -> Result<Committed, commit::CommitError> {
        let _time = metrics.time(Stage::Commit);
        commit::unit(&self.session.shared.ledger, self.session.job.id, key.lease(), segments, release).await
    }

    /// The metrics of work on a unit in this trace.
    fn metrics(&self, trace: Option<TraceId>) -> UnitMetrics {
        UnitMetrics::new(&self.session.shared.metrics, trace)
    }

    /// Keeps a key for the next unit, unless waiting for the ledger has used its lease up.
    async fn keep(&mut self, key: LeasedKey) -> KeySettled {
        if self.session.lease_is_used_up(&key, &[]) {
            self.session.keys.release(key).await
        } else {
            key.keep(&mut self.key)
        }
    }
}
