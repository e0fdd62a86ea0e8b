//! A signing lane: takes one unit at a time from gathered to acknowledged. This is the whole path on one screen.
//!
//! What holds here (numbers of the design's invariants):
//! - a key is leased only for a unit that was read, and given back at once when the lane has no next unit;
//! - 1, 4: everything is committed under the lease it was signed under, behind fences that raise;
//! - 3: a batch is acknowledged only after its commit, or when the ledger says that it is signed;
//! - 6: payloads are hashed as they stream; a unit's memory is its share of the budget;
//! - 7, 8: a dependency that fails makes the lane wait and go on with what it holds; nothing counts against a record.

use std::{sync::Arc, time::Duration};

use async_channel::Receiver;
use vaultstream_ledger::{
    BatchNo, batches,
    commit::{self, Committed, Segment},
};

use crate::{
    metrics::Stage,
    read,
    session::{Session, SessionError},
    sign::{self, OpenKey, SignFailure},
    unit::{ReadBatch, ReadUnit, Unit},
};

/// Signs units until there are no more.
pub(crate) async fn run(session: Arc<Session>, units: Receiver<Unit>) -> Result<(), SessionError> {
    let mut lane = Lane { session: &session, units, next: None, key: None };
    let result = lane.sign_all().await;
    if let Some(key) = lane.key {
        session.keys.release(key).await;
    }
    result
}

struct Lane<'a> {
    session: &'a Session,
    units: Receiver<Unit>,
    /// Taken before a commit, to know whether the key is needed further.
    next: Option<Unit>,
    /// Kept from one unit to the next while its lease has records left.
    key: Option<OpenKey>,
}

impl Lane<'_> {
    async fn sign_all(&mut self) -> Result<(), SessionError> {
        while let Some(unit) = self.next_unit().await {
            let _in_flight = InFlight::new(self.session);
            if let Some(unit) = self.read(unit).await? {
                self.session.pace.wait(unit.signable()).await;
                self.sign_and_commit(unit).await?;
            }
        }
        Ok(())
    }

    async fn next_unit(&mut self) -> Option<Unit> {
        match self.next.take() {
            Some(unit) => Some(unit),
            None => self.units.recv().await.ok(),
        }
    }

    /// COPY out and hash. `None` when every batch of the unit was signed already.
    async fn read(&self, unit: Unit) -> Result<Option<ReadUnit>, SessionError> {
        let Some(mut unit) = self.drop_signed(unit).await? else { return Ok(None) };
        loop {
            let result = {
                let _time = self.session.deps.metrics.time(Stage::Read);
                read::read(&self.session.deps.ledger, &self.session.job, &self.session.form, unit).await
            };
            match result {
                Ok(read) => return self.session.split_outgrown(read).await.map(Some),
                Err((back, error)) => {
                    unit = back;
                    self.session.wait_out(error.into()).await?;
                }
            }
        }
    }

    /// A batch delivered again is often signed already; then its payloads need not be read.
    async fn drop_signed(&self, mut unit: Unit) -> Result<Option<Unit>, SessionError> {
        if !unit.batches.iter().any(|batch| batch.redelivered) {
            return Ok(Some(unit));
        }
        let numbers: Vec<BatchNo> = unit.batches.iter().map(|batch| batch.range().batch).collect();
        let signed = loop {
            match batches::signed_among(&self.session.deps.ledger, self.session.job.id, &numbers).await {
                Ok(signed) => break signed,
                Err(error) => self.session.wait_out(error.into()).await?,
            }
        };
        for batch in unit.batches.extract_if(.., |batch| signed.contains(&batch.range().batch)) {
            self.session.deps.metrics.already_signed.inc();
            batch.held.ack();
        }
        Ok((!unit.batches.is_empty()).then_some(unit))
    }

    async fn sign_and_commit(&mut self, unit: ReadUnit) -> Result<(), SessionError> {
        let ReadUnit { mut batches, share } = unit;
        // Fewer for a worker that is too slow to sign the whole unit while a lease lasts.
        let mut most = u64::MAX;
        let mut lost = 0;
        while !batches.is_empty() {
            let Some(key) = self.lease().await? else {
                self.session.deps.metrics.key_starved.inc();
                give_back(batches, Duration::ZERO);
                break;
            };
            let part = split_off_fitting(&mut batches, self.session.keys.left(&key.lease).min(most));
            match self.sign(part, key).await? {
                Signed::Segments { part, key, segments } => {
                    vaultstream_faults::point("unit-signed");
                    match self.commit(part, *key, segments, batches.is_empty()).await? {
                        Left::Nothing => lost = 0,
                        Left::SignAnew(part) => drop(batches.splice(0..0, part)),
                        // Once, it may have been the ledger that took so long.
                        Left::LeaseLost(part) if lost == 0 => {
                            lost = 1;
                            batches.splice(0..0, part);
                        }
                        Left::LeaseLost(part) => most = self.try_less(part, &mut batches).await?,
                    }
                }
                Signed::LeaseEnded { part } => {
                    self.session.deps.metrics.leases_lost.inc();
                    tracing::warn!(job = %self.session.job.name, batches = part.len(), "a key's lease ended before its unit was signed");
                    most = self.try_less(part, &mut batches).await?;
                }
            }
        }
        drop(share);
        Ok(())
    }

    /// Puts back what a lease was too short for, the only batch of it cut in two. Returns how many records to try next.
    async fn try_less(&self, mut part: Vec<ReadBatch>, batches: &mut Vec<ReadBatch>) -> Result<u64, SessionError> {
        let records = part.iter().map(|batch| batch.digests.len() as u64).sum::<u64>();
        if part.len() == 1
            && let Some(batch) = part.pop()
        {
            part.extend(self.session.make_smaller(batch).await?);
        }
        batches.splice(0..0, part);
        Ok(records / 2)
    }

    async fn lease(&mut self) -> Result<Option<OpenKey>, SessionError> {
        if let Some(key) = self.key.take() {
            return Ok(Some(key));
        }
        let _time = self.session.deps.metrics.time(Stage::Lease);
        loop {
            match self.session.keys.lease().await {
                Ok(key) => return Ok(key),
                Err(error) => self.session.wait_out(error.into()).await?,
            }
        }
    }

    /// Signs on a CPU thread. A batch that fails is counted in the ledger and tried later; one that failed too often is
    /// taken apart until the records at fault stand alone.
    async fn sign(&self, mut part: Vec<ReadBatch>, mut key: OpenKey) -> Result<Signed, SessionError> {
        let deps = &self.session.deps;
        let plan = self.session.plan;
        let mut isolated = Vec::new();
        let mut done = Vec::new();
        loop {
            let metrics = Arc::clone(&deps.metrics);
            let (back, key_back, result) = deps
                .cpu
                .run(move || {
                    let result = sign::sign(&part, &mut key, &plan, &metrics);
                    (part, key, result)
                })
                .await?;
            (part, key) = (back, key_back);
            match result {
                Ok(mut segments) => {
                    segments.append(&mut isolated);
                    part.append(&mut done);
                    return Ok(Signed::Segments { part, key: Box::new(key), segments });
                }
                Err(SignFailure::LeaseEnded) => {
                    part.append(&mut done);
                    return Ok(Signed::LeaseEnded { part });
                }
                Err(SignFailure::Batch { batch }) => {
                    deps.metrics.attempts_failed.inc();
                    let attempts = self.session.count_attempt(batch, sign::SIGNING_FAILED).await?;
                    vaultstream_faults::point("attempt-counted");
                    let Some(at) = part.iter().position(|candidate| candidate.from.range().batch == batch) else {
                        continue;
                    };
                    let failed = part.remove(at);
                    if attempts.unsigned_abs() < self.session.job.spec.retry.max_attempts {
                        failed.from.held.give_back(self.session.retry_delay(attempts));
                        continue;
                    }
                    let metrics = Arc::clone(&deps.metrics);
                    let (failed, key_back, result) = deps
                        .cpu
                        .run(move || {
                            let result = sign::isolate(&failed, &mut key, &plan, attempts, &metrics);
                            (failed, key, result)
                        })
                        .await?;
                    key = key_back;
                    done.push(failed);
                    match result {
                        Ok(segment) => isolated.push(segment),
                        Err(_) => {
                            part.append(&mut done);
                            return Ok(Signed::LeaseEnded { part });
                        }
                    }
                }
            }
        }
    }

    /// Commits and acknowledges. Hands back the batches that must be signed again.
    async fn commit(
        &mut self,
        mut part: Vec<ReadBatch>,
        mut key: OpenKey,
        mut segments: Vec<Segment>,
        last_of_unit: bool,
    ) -> Result<Left, SessionError> {
        if segments.is_empty() {
            self.session.keys.release(key).await;
            return Ok(Left::Nothing);
        }
        if last_of_unit && self.next.is_none() {
            self.next = self.units.try_recv().ok();
        }
        // The same for every try: one whose outcome is not known may be the one that was committed.
        let release = (last_of_unit && self.next.is_none()) || self.session.lease_is_used_up(&key, &segments);
        loop {
            let result = {
                let _time = self.session.deps.metrics.time(Stage::Commit);
                commit::unit(&self.session.deps.ledger, self.session.job.id, &key.lease, &segments, release).await
            };
            match result {
                Ok(Committed::Done) => {
                    self.session.committed(&mut key, &segments);
                    vaultstream_faults::point("before-ack");
                    ack(part);
                    if release {
                        self.session.keys.give_back(key).await;
                    } else {
                        self.keep(key).await;
                    }
                    return Ok(Left::Nothing);
                }
                Ok(Committed::AlreadySigned(settled)) => {
                    self.session.deps.metrics.already_signed.inc_by(settled.len() as u64);
                    segments.retain(|segment| !settled.contains(&segment.batch));
                    ack(part.extract_if(.., |batch| settled.contains(&batch.from.range().batch)));
                    if segments.is_empty() {
                        self.session.keys.release(key).await;
                        return Ok(Left::Nothing);
                    }
                }
                Ok(Committed::LeaseLost) => {
                    self.session.deps.metrics.leases_lost.inc();
                    tracing::warn!(job = %self.session.job.name, key = key.lease.key.0, "a key's lease ended before its commit");
                    return Ok(Left::LeaseLost(part));
                }
                Ok(Committed::KeySpent { .. }) => {
                    self.session.keys.retire(key).await;
                    vaultstream_faults::point("key-retired");
                    return Ok(Left::SignAnew(part));
                }
                Ok(Committed::RangeChanged(ranges)) => {
                    // Another worker has split them; what was cut off is a batch of its own.
                    for batch in &mut part {
                        if let Some(range) = ranges.iter().find(|range| range.batch == batch.from.range().batch) {
                            batch.narrow_to(range);
                        }
                    }
                    self.key = Some(key);
                    return Ok(Left::SignAnew(part));
                }
                Ok(Committed::JobGone) => return Err(SessionError::JobOver),
                Err(error) => self.session.wait_out(error.into()).await?,
            }
        }
    }

    /// Keeps a key for the next unit, unless waiting for the ledger has used its lease up.
    async fn keep(&mut self, key: OpenKey) {
        if self.session.lease_is_used_up(&key, &[]) {
            self.session.keys.release(key).await;
        } else {
            self.key = Some(key);
        }
    }
}

/// What a commit leaves to do.
#[must_use]
enum Left {
    Nothing,
    /// Nothing was committed: another key or other ranges are wanted.
    SignAnew(Vec<ReadBatch>),
    /// Nothing was committed: the lease was over.
    LeaseLost(Vec<ReadBatch>),
}

enum Signed {
    Segments { part: Vec<ReadBatch>, key: Box<OpenKey>, segments: Vec<Segment> },
    LeaseEnded { part: Vec<ReadBatch> },
}

/// The batches at the front that a key may still sign; always one, so that the commit's own check decides for a batch
/// that is larger than what is left.
fn split_off_fitting(batches: &mut Vec<ReadBatch>, left: u64) -> Vec<ReadBatch> {
    let mut records = 0;
    let fitting = batches
        .iter()
        .take_while(|batch| {
            records += batch.digests.len() as u64;
            records <= left
        })
        .count();
    let rest = batches.split_off(fitting.max(1));
    std::mem::replace(batches, rest)
}

fn ack(batches: impl IntoIterator<Item = ReadBatch>) {
    for batch in batches {
        batch.from.held.ack();
    }
}

fn give_back(batches: Vec<ReadBatch>, delay: Duration) {
    for batch in batches {
        batch.from.held.give_back(delay);
    }
}

struct InFlight<'a>(&'a Session);

impl<'a> InFlight<'a> {
    fn new(session: &'a Session) -> Self {
        session.deps.metrics.in_flight.inc();
        Self(session)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.deps.metrics.in_flight.dec();
    }
}
