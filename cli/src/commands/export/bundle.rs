//! `vaultstream export --bundle`: all that a stranger needs to verify a job, as one file.

use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File},
    io::{self, BufWriter, Write},
    iter::Peekable,
    ops::ControlFlow,
    path::{Path, PathBuf},
    vec,
};

use indicatif::HumanCount;
use vaultstream_anchor::Token;
use vaultstream_ledger::{
    Job, KeyId, Ledger, Rejected,
    anchors::{self, AnchorRow},
    rejects,
    verify::{Now, PublicKeyRow, Rows, SignedBatch, SignedRow, SignedRows, keys_of_rejects, public_keys},
};
use vaultstream_program::chain;
use vaultstream_proof::{
    bundle::{BatchLine, BundleWriter, HeaderLine, JobName, KeyLine, RecordLine, RejectLine, RevokedLine, RowState},
    page, row_digests,
};
use vaultstream_signing::{Jwk, PublicKey, RawSignature, Thumbprint, receipt::canonical_json};

use super::{
    covered::Covered,
    stopped::{Stopped, of_ledger},
};
use crate::{
    error::Failure,
    job::title,
    output::{self, unwritten},
    verify::receipt_key,
};

/// Writes the bundle of a job that is Complete, or of the last checkpoint of one that goes on, to `file`, or to stdout for `-`. A file appears
/// once it is whole.
///
/// # Errors
/// One sentence.
pub(super) async fn write(ledger: &Ledger, job: &Job, file: &Path, payloads: bool) -> Result<(), Failure> {
    let keys = public_keys(ledger, job.id).await.map_err(|error| Failure::of(&error))?;
    let covered = Covered::of(ledger, job).await?;
    let source = BundleSource { ledger, job, payloads, keys: &keys, covered };
    let header = source.header(tokens(ledger, job).await?)?;
    if file == Path::new("-") {
        return source.lines(BufWriter::new(io::stdout()), &header).await.map(drop);
    }
    let part = PartialFile::beside(file)?;
    let out = part.create()?;
    let out = source.lines(BufWriter::with_capacity(1 << 20, out), &header).await?;
    part.keep(out)
}

/// The timestamp tokens over the job's receipt, in the order of their authorities. A token that is wrong would make the bundle so.
async fn tokens(ledger: &Ledger, job: &Job) -> Result<Vec<Vec<u8>>, Failure> {
    let rows = anchors::of_job(ledger, job.id).await.map_err(|error| Failure::of(&error))?;
    let receipt = job.receipt.as_deref().unwrap_or_default();
    let mut tokens = Vec::new();
    for AnchorRow { tsa, policy, token, .. } in rows {
        let Some(token) = token else { continue };
        match Token::over(&token, receipt, policy.as_deref()) {
            Ok(_) => tokens.push(token),
            Err(error) => output::remark(format_args!(
                "note: the bundle is without the timestamp token of {tsa}, which is wrong: {}",
                chain(&error)
            )),
        }
    }
    if tokens.len() > HeaderLine::MAX_TOKENS {
        let (all, most) = (tokens.len(), HeaderLine::MAX_TOKENS);
        output::remark(format_args!(
            "note: the ledger has {all} timestamp tokens over this receipt, and no job has more than {most} authorities: somebody altered \
             it; the bundle has the first {most} of them"
        ));
        tokens.truncate(most);
    }
    Ok(tokens)
}

/// A file under another name until it is whole; removed unless it becomes that.
struct PartialFile<'a> {
    file: &'a Path,
    part: PathBuf,
    is_whole: bool,
}

impl<'a> PartialFile<'a> {
    fn beside(file: &'a Path) -> Result<Self, Failure> {
        let name = file.file_name().ok_or_else(|| {
            Failure::bad_input(format!("--bundle {}: this is not the name of a file", file.display()))
        })?;
        let mut part = name.to_owned();
        part.push(".part");
        Ok(Self { file, part: file.with_file_name(part), is_whole: false })
    }

    fn create(&self) -> Result<File, Failure> {
        File::create(&self.part).map_err(|error| {
            Failure::bad_input(format!("--bundle {}: the file cannot be written: {error}", self.file.display()))
        })
    }

    /// Gives the file its name.
    fn keep(mut self, out: BufWriter<File>) -> Result<(), Failure> {
        let kept = out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&self.part, self.file));
        kept.map_err(|error| unwritten(&error))?;
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for PartialFile<'_> {
    fn drop(&mut self) {
        if !self.is_whole {
            // What cannot be removed stays under the other name.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// What a bundle is written from.
struct BundleSource<'a> {
    ledger: &'a Ledger,
    job: &'a Job,
    payloads: bool,
    keys: &'a [PublicKeyRow],
    /// `None` of a job that is over: all of it.
    covered: Option<Covered>,
}

impl BundleSource<'_> {
    fn header(&self, tokens: Vec<Vec<u8>>) -> Result<HeaderLine, Failure> {
        let (job, name) = (self.job, title(self.job));
        let of_checkpoint = self.covered.as_ref().map(|covered| covered.last.checkpoint.clone());
        let receipt = job
            .receipt
            .clone()
            .or(of_checkpoint)
            .ok_or_else(|| Failure::failed(format!("{name} has no receipt, so it has no bundle")))?;
        let key = receipt_key(self.keys);
        let key = key.ok_or_else(|| Failure::failed(format!("{name} has no receipt key, so it has no bundle")))?;
        Ok(HeaderLine {
            bundle: if job.ordinals().is_some() { HeaderLine::FORMAT_WITH_KEYS } else { HeaderLine::FORMAT },
            job: JobName { uid: job.uid, namespace: job.namespace.clone(), name: job.name.clone() },
            payloads: self.payloads,
            // The one that the checkpoint has the hash of.
            spec: match self.covered.as_ref().and_then(|covered| covered.last.spec.clone()) {
                Some(spec) => spec,
                None => canonical_json(&job.spec),
            },
            receipt,
            receipt_key: Jwk::of(&self.public(key)?),
            tokens,
        })
    }

    fn public(&self, key: &PublicKeyRow) -> Result<PublicKey, Failure> {
        PublicKey::from_spki_der(&key.public_key).map_err(|error| {
            Failure::failed(format!("{} has no bundle: its key {} is damaged: {error}", title(self.job), key.id.0))
        })
    }

    async fn lines<W: Write + Send>(&self, out: W, header: &HeaderLine) -> Result<W, Failure> {
        match self.all(out, header).await {
            Ok((out, 0)) => Ok(out),
            Ok((out, without)) => {
                output::remark(format_args!(
                    "note: {} records are no longer what was signed, or cannot be read; the bundle has no payloads of them",
                    HumanCount(without)
                ));
                Ok(out)
            }
            Err(Stopped::Write(error)) => Err(unwritten(&error)),
            Err(Stopped::Ledger(failure)) => Err(failure),
        }
    }

    /// Writes everything. Returns how many records have no payload although they should.
    async fn all<W: Write + Send>(&self, out: W, header: &HeaderLine) -> Result<(W, u64), Stopped> {
        let mut writer = BundleWriter::begin(out, header).map_err(Stopped::Write)?;
        let mut kids = HashMap::new();
        let of_rejects = match &self.covered {
            Some(_) => BTreeSet::new(),
            None => keys_of_rejects(self.ledger, self.job.id).await.map_err(of_ledger)?,
        };
        let signed_by = |key: &PublicKeyRow| match &self.covered {
            Some(covered) => covered.keys.get(&key.id).copied(),
            None => (key.signed != 0 || of_rejects.contains(&key.id)).then_some(key.signed),
        };
        for key in self.keys.iter().filter(|key| key.ordinal > 0) {
            let Some(signed) = signed_by(key) else { continue };
            let public = self.public(key).map_err(Stopped::Ledger)?;
            kids.insert(key.id, public.thumbprint());
            writer.key(&key_line(key, signed, &public)?).map_err(Stopped::Write)?;
        }
        let mut signed = SignedRows::of(self.ledger, self.job);
        let (mut from, mut without) = (0, 0);
        loop {
            let mut page = page(self.ledger, self.job, from).await.map_err(of_ledger)?;
            if let Some(covered) = &self.covered {
                page.retain(|batch| batch.batch.0 < covered.last.batches);
            }
            let Some(last) = page.last() else { break };
            from = last.batch.0 + 1;
            for run in page.chunk_by(|one, next| one.last.checked_add(1) == Some(next.first)) {
                without += self.run(run, &kids, &mut signed, &mut writer).await?;
            }
        }
        Ok((writer.finish().map_err(Stopped::Write)?, without))
    }

    /// Writes adjacent batches.
    async fn run<W: Write + Send>(
        &self,
        batches: &[SignedBatch],
        kids: &HashMap<KeyId, Thumbprint>,
        signed: &mut SignedRows<'_>,
        writer: &mut BundleWriter<W>,
    ) -> Result<u64, Stopped> {
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else { return Ok(0) };
        let rejects = self.rejects(batches, first.first).await?;
        let which = Rows::Range { first: first.first, last: last.last };
        let mut run = Run {
            source: self,
            kids,
            writer,
            batches: batches.iter().peekable(),
            rejects: rejects.into_iter().peekable(),
            until: None,
            without: 0,
        };
        let mut stopped = None;
        let mut visit = |row: SignedRow<'_>| match run.row(&row) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                stopped = Some(error);
                ControlFlow::Break(())
            }
        };
        signed.read(which, &mut visit).await.map_err(of_ledger)?;
        match stopped {
            Some(stopped) => Err(stopped),
            None => run.end(),
        }
    }

    async fn rejects(&self, batches: &[SignedBatch], first: i64) -> Result<Vec<Rejected>, Stopped> {
        let counts = batches.iter().filter_map(|batch| usize::try_from(batch.rejected).ok());
        let most = counts.fold(0, usize::saturating_add);
        if most == 0 {
            return Ok(Vec::new());
        }
        rejects(self.ledger, self.job, first.checked_sub(1), most).await.map_err(of_ledger)
    }
}

/// Adjacent batches that are being written: records and rejects are merged by id.
struct Run<'a, W> {
    source: &'a BundleSource<'a>,
    kids: &'a HashMap<KeyId, Thumbprint>,
    writer: &'a mut BundleWriter<W>,
    batches: Peekable<std::slice::Iter<'a, SignedBatch>>,
    rejects: Peekable<vec::IntoIter<Rejected>>,
    /// The last id of the batch whose line was written.
    until: Option<i64>,
    without: u64,
}

impl<W: Write> Run<'_, W> {
    fn row(&mut self, row: &SignedRow<'_>) -> Result<(), Stopped> {
        self.up_to(row.id)?;
        let line = self.record(row)?;
        self.writer.record(&line).map_err(Stopped::Write)
    }

    /// Writes what is left. Returns how many records have no payload.
    fn end(mut self) -> Result<u64, Stopped> {
        self.up_to(i64::MAX)?;
        while self.batches.peek().is_some() {
            self.next_batch()?;
        }
        Ok(self.without)
    }

    /// Writes the lines that precede a record with this id.
    fn up_to(&mut self, id: i64) -> Result<(), Stopped> {
        while let Some(reject) = self.rejects.next_if(|reject| reject.id < id) {
            self.enter_batch_of(reject.id)?;
            let line = RejectLine { id: reject.id, key: reject.key, reason: reject.reason };
            self.writer.reject(&line).map_err(Stopped::Write)?;
        }
        self.enter_batch_of(id)
    }

    fn enter_batch_of(&mut self, id: i64) -> Result<(), Stopped> {
        while self.batches.peek().is_some() && self.until.is_none_or(|until| id > until) {
            self.next_batch()?;
        }
        Ok(())
    }

    fn next_batch(&mut self) -> Result<(), Stopped> {
        let Some(batch) = self.batches.next() else { return Ok(()) };
        self.until = Some(batch.last);
        let count =
            |count: i64| u64::try_from(count).map_err(|_| damaged(&format!("a count of batch {}", batch.batch.0)));
        let line = BatchLine {
            batch: count(batch.batch.0)?,
            first: batch.first,
            last: batch.last,
            signed: count(batch.signed)?,
            rejected: count(batch.rejected)?,
            kid: batch.key.and_then(|key| self.kids.get(&key).copied()),
            root: batch
                .root
                .as_slice()
                .try_into()
                .map_err(|_| damaged(&format!("the root of batch {}", batch.batch.0)))?,
            seal: batch
                .seal
                .as_deref()
                .map(|seal| seal.try_into().map(RawSignature))
                .transpose()
                .map_err(|_| damaged(&format!("the seal of batch {}", batch.batch.0)))?,
        };
        self.writer.batch(&line).map_err(Stopped::Write)
    }

    fn record(&mut self, row: &SignedRow<'_>) -> Result<RecordLine, Stopped> {
        let (signed, now) = row_digests(row, self.source.job.message_form());
        let digest = signed.ok_or_else(|| damaged(&format!("the digest of record {}", row.id)))?;
        let signature = row
            .signature
            .try_into()
            .map(RawSignature)
            .map_err(|_| damaged(&format!("the signature of record {}", row.id)))?;
        let payload = row.now.payload().filter(|_| self.source.payloads && now == Some(digest)).map(<[u8]>::to_vec);
        let state = (self.source.payloads && payload.is_none()).then(|| row_state(row.now));
        self.without += u64::from(state.is_some());
        Ok(RecordLine { id: row.id, key: row.row_key.cloned(), digest: digest.0, signature, payload, row: state })
    }
}

fn damaged(what: &str) -> Stopped {
    Stopped::Ledger(Failure::failed(format!("{what} is damaged or gone; `vaultstream verify` tells more")))
}

/// Why a payload is not what was signed.
fn row_state(now: Now<'_>) -> RowState {
    match now {
        Now::Payload(_) => RowState::Changed,
        Now::Null => RowState::Null,
        Now::Gone => RowState::Gone,
        Now::Unreadable(_) => RowState::Unreadable,
        Now::NotRead => RowState::NotRead,
    }
}

fn key_line(key: &PublicKeyRow, signed: i64, public: &PublicKey) -> Result<KeyLine, Stopped> {
    let signed = u64::try_from(signed).map_err(|_| damaged(&format!("the count of key {}", key.id.0)))?;
    Ok(KeyLine {
        ordinal: key.ordinal,
        version: key.version,
        signed,
        jwk: Jwk::of(public),
        revoked: key.revocation.as_ref().map(|revocation| RevokedLine {
            at: humantime::format_rfc3339_seconds(revocation.at).to_string(),
            reason: revocation.reason.clone(),
            compromised: revocation.compromised,
        }),
    })
}
