//! Takes the lines of a bundle one after the other, and compares them with each other and with the receipt.
//!
//! ```text
//! key… ──▶ Check ─▶ Checkers (threads), once all keys are known
//! batch ─▶ OpenBatch ◀─ record, reject
//!            └ at its end: root and counts ──▶ tree of the job, RangesAndRejects
//! end ───▶ finish: what depends on all lines, and the receipt
//! ```

use std::{collections::HashMap, io, path::Path};

use vaultstream_ledger::KeyId;
use vaultstream_signing::{
    Backend, Digest, PublicKey, RawSignature, Receipt, Thumbprint, merkle,
    receipt::{KeyUse, KeyUseCollector, ReceiptFormat},
};

use super::{
    batch::OpenBatch,
    earlier::Earlier,
    error::{BundleProblem, BundleProblemKind},
    findings::{BundleFindings, Problems},
    line::{BatchLine, EndLine, HeaderLine, KeyLine, RecordLine, RejectLine},
    once::{OnceOnly, Twice, key_id},
    options::BundleOptions,
    ranges::RangesAndRejects,
    read::{LineReader, LineType, Next},
    receipt::{self, Messages, Sums},
    row_keys::RowKeys,
};
use crate::{
    checkers::{Checkers, RUN_LENGTH, SignatureRun},
    records::Records,
    seals::SealRuns,
};

/// The threads that check signatures: they run once all keys are known.
struct Running {
    checkers: Checkers,
    run: SignatureRun,
    seals: SealRuns,
}
/// A key and what it has signed.
struct Key {
    kid: Thumbprint,
    public: PublicKey,
    line: KeyLine,
    found: u64,
    seals: u64,
}
pub(super) struct Check {
    header: HeaderLine,
    receipt: Option<Receipt>,
    earlier: Option<Earlier>,
    messages: Option<Messages>,
    checker: Backend,
    options: BundleOptions,
    keys: Vec<Key>,
    running: Option<Running>,
    by_kid: HashMap<Thumbprint, usize>,
    batch: Option<OpenBatch>,
    tree: merkle::Tree,
    ranges: RangesAndRejects,
    signed: u64,
    rejected: u64,
    sealed: u64,
    other_payload: Records,
    changed: Records,
    row_keys: RowKeys,
    once: OnceOnly,
    problems: Problems,
}

impl Check {
    pub(super) fn of(header: HeaderLine, size: u64, options: BundleOptions) -> Self {
        let most = options.most;
        let mut problems = Problems::keeping(most);
        let receipt = match receipt::read(&header) {
            Ok(receipt) => {
                receipt::header_problems(&header, &receipt).into_iter().for_each(|problem| problems.add(problem));
                Some(receipt)
            }
            Err(why) => {
                problems.add(BundleProblem::new(BundleProblemKind::Receipt, why));
                None
            }
        };
        let earlier = options.earlier.as_deref().and_then(|jws| {
            let earlier = Earlier::read(jws, &header).map_err(|problem| problems.add(problem)).ok()?;
            let found = receipt.as_ref().map(|receipt| earlier.problems(receipt)).unwrap_or_default();
            found.into_iter().for_each(|problem| problems.add(problem));
            Some(earlier)
        });
        let messages = match Messages::of(&header) {
            Ok(messages) => Some(messages),
            Err(why) => {
                problems.add(BundleProblem::new(BundleProblemKind::Receipt, why));
                None
            }
        };
        let row_keys = RowKeys::of(&header, receipt.as_ref());
        let makers = receipt.as_ref().map(|receipt| receipt.backends.clone()).unwrap_or_default();
        Self {
            receipt,
            earlier,
            messages,
            checker: Backend::bulk_checker(&makers),
            options,
            keys: Vec::new(),
            running: None,
            by_kid: HashMap::new(),
            batch: None,
            tree: merkle::Tree::new(),
            ranges: RangesAndRejects::default(),
            signed: 0,
            rejected: 0,
            sealed: 0,
            other_payload: Records::keeping(most),
            changed: Records::keeping(most),
            row_keys,
            once: OnceOnly::expecting(size, row_keys.are_there()),
            problems,
            header,
        }
    }

    pub(super) fn problem(&mut self, kind: BundleProblemKind, message: String) {
        self.problems.add(BundleProblem::new(kind, message));
    }

    /// Takes a line; true for the last one.
    pub(super) fn line(&mut self, kind: LineType, reader: &mut LineReader) -> Result<bool, String> {
        match kind {
            LineType::Header => return Err("a second header".to_owned()),
            LineType::Unknown => return Err("not a line of a bundle".to_owned()),
            LineType::Key => {
                if !self.tree.is_empty() {
                    return Err("a key after the first batch".to_owned());
                }
                self.key(reader.parse()?)?;
            }
            LineType::Batch => {
                self.close();
                self.open(reader.parse()?, reader.number())?;
            }
            LineType::Record => self.record(&reader.parse()?)?,
            LineType::Reject => self.reject(&reader.parse()?)?,
            LineType::End => {
                self.close();
                end(reader)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn key(&mut self, line: KeyLine) -> Result<(), String> {
        let public = line.jwk.public_key().map_err(|error| format!("a key that is damaged: {error}"))?;
        let kid = public.thumbprint();
        let place = |line: &KeyLine| (line.ordinal, line.version);
        if line.ordinal < 1
            || line.version < 1
            || self.keys.last().is_some_and(|last| place(&last.line) >= place(&line))
        {
            return Err("keys do not ascend by ordinal and version".to_owned());
        }
        if self.by_kid.insert(kid, self.keys.len()).is_some() {
            return Err(format!("the key {kid} is there twice"));
        }
        if kid == self.header.receipt_key.kid {
            self.problem(BundleProblemKind::Key, format!("the receipt key {kid} signs records, too"));
        }
        self.keys.push(Key { kid, public, line, found: 0, seals: 0 });
        Ok(())
    }

    fn open(&mut self, line: BatchLine, number: u64) -> Result<(), String> {
        if line.batch != self.tree.len() {
            return Err(format!("batch {}, where batch {} is expected", line.batch, self.tree.len()));
        }
        if line.first > line.last {
            return Err(format!("a batch whose range is empty: {} to {}", line.first, line.last));
        }
        let key = match line.kid {
            Some(kid) => Some(*self.by_kid.get(&kid).ok_or_else(|| format!("the key {kid} is not in the bundle"))?),
            None => None,
        };
        match (&line.seal, key) {
            (None, _) => {}
            (Some(_), _) if self.header.bundle == 1 => return Err("a seal in a bundle of format 1".to_owned()),
            (Some(_), None) => return Err("a seal of no key".to_owned()),
            (Some(seal), Some(key)) => self.seal(key, &line, seal),
        }
        self.tree.push(line.root);
        self.earlier.iter_mut().for_each(|earlier| earlier.see(&self.tree));
        self.ranges.range(line.first, line.last, line.batch);
        self.batch = Some(OpenBatch::of(line, number, key));
        Ok(())
    }

    /// Passes a seal on to the threads.
    fn seal(&mut self, key: usize, line: &BatchLine, seal: &RawSignature) {
        self.sealed += 1;
        self.keys[key].seals += 1;
        self.once.nonce(key_id(key), seal);
        let batch = i64::try_from(line.batch).unwrap_or(i64::MAX);
        let Running { checkers, seals, .. } = self.running();
        seals.add(checkers, key_id(key), batch, &line.root, seal);
    }

    fn running(&mut self) -> &mut Running {
        self.running.get_or_insert_with(|| {
            let keys = (0..).map(KeyId).zip(self.keys.iter().map(|key| key.public.spki_der().to_vec()));
            let checkers = Checkers::start(keys, self.checker, self.options.threads, self.options.most);
            Running { checkers, run: SignatureRun::default(), seals: SealRuns::default() }
        })
    }

    fn record(&mut self, record: &RecordLine) -> Result<(), String> {
        let batch = self.batch.as_mut().ok_or("a record before the first batch")?;
        batch.take_id(record.id)?;
        let name = self.row_keys.name(record.id, record.key.as_ref())?;
        let key = batch.key.ok_or("a record in a batch without a key")?;
        let digest = Digest(record.digest);
        batch.tree.push(merkle::leaf(name, &digest, &record.signature));
        name.key.iter().for_each(|key| self.once.row_key(key));
        self.payload(record, &digest)?;
        self.signed += 1;
        self.keys[key].found += 1;
        self.once.nonce(key_id(key), &record.signature);
        self.check_signature(key_id(key), record);
        Ok(())
    }

    /// Passes a signature on to the threads, together with others of its key.
    fn check_signature(&mut self, key: KeyId, record: &RecordLine) {
        let Running { checkers, run, .. } = self.running();
        if run.ids.len() >= RUN_LENGTH || run.key != Some(key) {
            checkers.check(std::mem::take(run));
            run.key = Some(key);
        }
        run.ids.push(record.id);
        run.digests.push(Digest(record.digest));
        run.signatures.push(record.signature);
    }

    fn payload(&mut self, record: &RecordLine, digest: &Digest) -> Result<(), String> {
        match (&record.payload, record.row, self.header.payloads) {
            (Some(payload), None, true) => {
                let is_signed = |messages: &Messages| messages.is_of(record.id, payload, *digest);
                if !self.messages.as_ref().is_none_or(is_signed) {
                    self.other_payload.add(record.id);
                }
            }
            (None, Some(_), true) => self.changed.add(record.id),
            (None, None, false) => {}
            (Some(_), Some(_), _) => return Err("a record with a payload and a reason why it has none".to_owned()),
            (None, None, true) => return Err("a record without its payload".to_owned()),
            (_, _, false) => return Err("a payload in a bundle without payloads".to_owned()),
        }
        Ok(())
    }

    fn reject(&mut self, reject: &RejectLine) -> Result<(), String> {
        let batch = self.batch.as_mut().ok_or("a reject before the first batch")?;
        batch.take_id(reject.id)?;
        let name = self.row_keys.name(reject.id, reject.key.as_ref())?;
        name.key.iter().for_each(|key| self.once.row_key(key));
        let leaf = merkle::reject_leaf(name, &reject.reason);
        batch.rejects.push(leaf);
        self.ranges.reject(reject.id, leaf);
        self.rejected += 1;
        Ok(())
    }

    /// Compares the batch that ends with its lines.
    fn close(&mut self) {
        let Some(batch) = self.batch.take() else { return };
        let name = format!("batch {} (line {})", batch.line.batch, batch.number);
        let (signed, rejected) = (batch.tree.len(), batch.rejects.len());
        if (signed, rejected) != (batch.line.signed, batch.line.rejected) {
            let says = format!("{} signed and {} rejected records", batch.line.signed, batch.line.rejected);
            self.problem(BundleProblemKind::Batch, format!("{name} says {says}, and has {signed} and {rejected}"));
        }
        if batch.root(self.header.job.uid) != Some(batch.line.root) {
            self.problem(BundleProblemKind::Batch, format!("{name} has a root that is not the root of its lines"));
        }
    }

    /// The end: what depends on all lines. Unless it `is_whole`, a problem says where reading ended, and sums over its lines tell nothing.
    pub(super) fn finish(mut self, path: &Path, is_whole: bool) -> io::Result<BundleFindings> {
        let most = self.options.most;
        let checked = self.running.take().map(|Running { checkers, run, mut seals }| {
            checkers.check(run);
            seals.flush(&checkers);
            checkers.finish()
        });
        if is_whole {
            self.compare_sums();
        }
        let Twice { nonces: repeated_nonce, row_keys } = self.once.finish(path, &self.by_kid, most)?;
        if row_keys.count() > 0 {
            self.problem(BundleProblemKind::Line, row_keys_twice(&row_keys));
        }
        let revoked =
            self.keys.iter().filter_map(|key| Some((key.kid, key.found, key.line.revoked.clone()?))).collect();
        let (problems, more_problems) = self.problems.finish();
        Ok(BundleFindings {
            tokens: receipt::tokens(&self.header),
            header: self.header,
            receipt: self.receipt,
            earlier: self.earlier.map(Earlier::into_checkpoint),
            signed: self.signed,
            rejected: self.rejected,
            batches: self.tree.len(),
            sealed: self.sealed,
            seals_checked: checked.as_ref().map_or(0, |checked| checked.seals),
            wrong_seals: checked.as_ref().map_or_else(|| Records::keeping(most), |checked| checked.wrong_seals.clone()),
            checked: checked.as_ref().map_or(0, |checked| checked.checked),
            by_equation: checked.as_ref().map_or(0, |checked| checked.by_equation),
            checker: self.checker,
            lost_a_thread: checked.as_ref().is_some_and(|checked| checked.lost_a_thread),
            wrong: checked.map_or_else(|| Records::keeping(most), |checked| checked.wrong),
            other_payload: self.other_payload,
            changed: self.changed,
            repeated_nonce,
            revoked,
            problems,
            more_problems,
        })
    }

    fn compare_sums(&mut self) {
        if let Some((one, other)) = self.ranges.overlap() {
            self.problem(BundleProblemKind::Batch, format!("the batches {one} and {other} cover the same records"));
        }
        if let Some(problem) = self.earlier.as_ref().and_then(|earlier| earlier.batch_problem(self.tree.len())) {
            self.problems.add(problem);
        }
        for key in self.keys.iter().filter(|key| key.line.signed != key.found) {
            let message = format!("the key {} has signed {} records, and not {}", key.kid, key.found, key.line.signed);
            self.problems.add(BundleProblem::new(BundleProblemKind::Key, message));
        }
        for key in self.keys.iter().filter(|key| key.found == 0 && key.seals == 0) {
            let message = format!("the key {} has signed nothing", key.kid);
            self.problems.add(BundleProblem::new(BundleProblemKind::Key, message));
        }
        if let Some(receipt) = self.receipt.take() {
            let sums = self.sums(receipt.format_version);
            receipt::detail_problems(&self.header, &receipt, &sums)
                .into_iter()
                .for_each(|problem| self.problems.add(problem));
            receipt::sum_problems(&receipt, &sums).into_iter().for_each(|problem| self.problems.add(problem));
            self.receipt = Some(receipt);
        }
    }

    fn sums(&mut self, format: ReceiptFormat) -> Sums {
        let mut keys = KeyUseCollector::new(format);
        for key in self.keys.iter().filter(|key| key.found > 0) {
            keys.push(KeyUse { kid: key.kid, signed: key.found });
        }
        Sums {
            signed: self.signed,
            rejected: self.rejected,
            batches: self.tree.len(),
            sealed: self.sealed,
            root: self.tree.root(),
            rejects_root: self.ranges.rejects_root(format),
            keys: keys.finish(),
        }
    }
}

/// A row that is there twice was signed twice, or rejected besides.
fn row_keys_twice(records: &Records) -> String {
    let named: Vec<String> = records.ids().map(|id| id.to_string()).collect();
    let more = records.count() - named.len() as u64;
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} records have the key of a row that another one has, too: {}{more}", records.count(), named.join(", "))
}

/// The last line: nothing follows it, and it says how many precede it.
fn end(reader: &mut LineReader) -> Result<(), String> {
    let EndLine { lines } = reader.parse()?;
    let before = reader.number() - 1;
    if lines != before {
        return Err(format!("it says that {lines} lines precede it, there are {before}"));
    }
    if matches!(reader.next(), Ok(Next::End)) { Ok(()) } else { Err("lines follow the last one".to_owned()) }
}
