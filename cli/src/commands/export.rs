//! `vaultstream export`: records and signatures, streamed to stdout.
//!
//! Batches are read a page at a time, in the order of their numbers; within adjacent batches, ids ascend. Memory holds the
//! leaves of one batch when proofs are wanted, and each payload only until its row is written.

mod bundle;
mod covered;
mod stopped;

use std::{
    collections::HashMap,
    io::{self, BufWriter},
    ops::ControlFlow,
    process::ExitCode,
};

use indicatif::HumanCount;
use vaultstream_ledger::{
    Job, JobState, KeyId, Ledger, rejects,
    verify::{Rows, SignedBatch, SignedRow, SignedRows, public_keys},
};
use vaultstream_proof::{BatchProofs, LineFormat, LineOptions, LineWriter, Proofs, SignatureEncoding, page};
use vaultstream_signing::{PublicKey, Thumbprint};

use stopped::{Stopped, of_ledger};

use crate::{
    args::{ExportArgs, ExportFormat, SignatureForm},
    error::Failure,
    job::{how_far, title},
    ledger, output,
    verify::problem::named,
};

/// Rejects that are read at a time.
const REJECTS_READ: usize = 10_000;

/// Writes a job's records and signatures.
///
/// # Errors
/// One sentence.
pub(crate) async fn export(args: ExportArgs) -> Result<ExitCode, Failure> {
    if args.proofs && args.format == ExportFormat::Csv {
        return Err(Failure::bad_input("--proofs needs --format jsonl: a proof does not fit into a CSV column"));
    }
    let opened = ledger::open_with_source(&args.ledger, &args.source, args.job.named()).await?;
    let job = opened.find(&args.job).await?;
    finished(&opened.ledger, &job, &args).await?;
    if let Some(file) = &args.bundle {
        return bundle::write(&opened.ledger, &job, file, !args.no_payloads).await.map(|()| ExitCode::SUCCESS);
    }
    let keys = key_ids(&opened.ledger, &job).await?;
    let mut writer = LineWriter::new(BufWriter::new(io::stdout()), &job, &keys, line_options(&args));
    let mut signed = SignedRows::of(&opened.ledger, &job);
    match rows(&opened.ledger, &job, &args, &keys, &mut signed, &mut writer).await {
        Ok(()) => {}
        Err(Stopped::Write(error)) => return Err(output::unwritten(&error)),
        Err(Stopped::Ledger(failure)) => return Err(failure),
    }
    if let Some(lost) = signed.lost() {
        output::remark(format_args!("note: no payload could be read: {}", lost.why));
    }
    let changed = writer.not_as_signed();
    if changed.count() == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    let number = HumanCount(changed.count());
    if args.message {
        let named = named(changed);
        return Err(Failure::failed(format!(
            "{number} records are no longer what was signed: what was signed is lost, and their \"message\" is null: {named}"
        )));
    }
    output::remark(format_args!(
        "note: {number} records are no longer what was signed; their members \"changed\" and \"row\" say so"
    ));
    Ok(ExitCode::SUCCESS)
}

/// Writes the job's rejects, after its records.
async fn rejected(ledger: &Ledger, job: &Job, writer: &mut LineWriter<'_>) -> Result<(), Stopped> {
    let mut after = None;
    loop {
        let page = rejects(ledger, job, after, REJECTS_READ).await.map_err(of_ledger)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        for reject in &page {
            writer.reject(reject).map_err(Stopped::Write)?;
        }
    }
}

/// What a line of the export holds.
fn line_options(args: &ExportArgs) -> LineOptions {
    let format = match args.format {
        ExportFormat::Jsonl => LineFormat::Jsonl,
        ExportFormat::Csv => LineFormat::Csv,
    };
    let signature = match args.signature {
        SignatureForm::Der => SignatureEncoding::Der,
        SignatureForm::Raw => SignatureEncoding::Raw,
        SignatureForm::Jose => SignatureEncoding::Jose,
    };
    LineOptions { format, signature, message: args.message }
}

/// Refuses a job that is not Complete unless a part is wanted, and then says how large it is.
async fn finished(ledger: &Ledger, job: &Job, args: &ExportArgs) -> Result<(), Failure> {
    if job.state == JobState::Complete {
        return Ok(());
    }
    if args.bundle.is_some() && job.is_following() {
        return Ok(());
    }
    let (name, state, done) = (title(job), job.state, how_far(ledger, job).await?);
    if args.bundle.is_some() {
        return Err(Failure::bad_input(format!("{name} is {state}: a bundle proves a job that is Complete; {done}")));
    }
    if args.proofs {
        return Err(Failure::bad_input(format!(
            "{name} is {state}: proofs lead to the root of a job that is Complete, which this one does not have; {done}"
        )));
    }
    if !args.partial {
        return Err(Failure::bad_input(format!("{name} is {state}: {done}; --partial exports those")));
    }
    output::remark(format_args!("note: {name} is {state}: {done}, and no others are in this export"));
    Ok(())
}

async fn rows(
    ledger: &Ledger,
    job: &Job,
    args: &ExportArgs,
    keys: &HashMap<KeyId, Thumbprint>,
    signed: &mut SignedRows<'_>,
    writer: &mut LineWriter<'_>,
) -> Result<(), Stopped> {
    writer.header().map_err(Stopped::Write)?;
    if job.times.signed.is_none() {
        // The index of the signatures is created once all are there; until then the rows are read in one pass.
        write_rows(signed, Rows::All, None, writer).await?;
        rejected(ledger, job, writer).await?;
        return writer.flush().map_err(Stopped::Write);
    }
    let proofs = if args.proofs { Some(Proofs::new(ledger, job).await.map_err(of_ledger)?) } else { None };
    let mut from = 0;
    loop {
        let page = page(ledger, job, from).await.map_err(of_ledger)?;
        let Some(last) = page.last() else { break };
        from = last.batch.0 + 1;
        match &proofs {
            Some(proofs) => {
                for batch in &page {
                    let proof = proofs.of_batch(ledger, job, batch, keys, signed).await.map_err(of_ledger)?;
                    write_rows(signed, range(batch, batch), Some(&proof), writer).await?;
                }
            }
            None => {
                for run in page.chunk_by(|one, next| one.last.checked_add(1) == Some(next.first)) {
                    let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
                    write_rows(signed, range(first, last), None, writer).await?;
                }
            }
        }
    }
    rejected(ledger, job, writer).await?;
    writer.flush().map_err(Stopped::Write)
}

fn range(first: &SignedBatch, last: &SignedBatch) -> Rows {
    Rows::Range { first: first.first, last: last.last }
}

async fn write_rows(
    signed: &mut SignedRows<'_>,
    which: Rows,
    proof: Option<&BatchProofs>,
    writer: &mut LineWriter<'_>,
) -> Result<(), Stopped> {
    let mut failed = None;
    let mut index = 0;
    let mut visit = |row: SignedRow<'_>| {
        let proof = proof.map(|proofs| proofs.of_row(index));
        index += 1;
        match writer.row(&row, proof.as_ref()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    signed.read(which, &mut visit).await.map_err(of_ledger)?;
    failed.map_or(Ok(()), |error| Err(Stopped::Write(error)))
}

/// The ids of the job's keys. A damaged key has none: its signatures are exported without a key id, after a note.
async fn key_ids(ledger: &Ledger, job: &Job) -> Result<HashMap<KeyId, Thumbprint>, Failure> {
    let mut ids = HashMap::new();
    for row in public_keys(ledger, job.id).await.map_err(|error| Failure::of(&error))? {
        match PublicKey::from_spki_der(&row.public_key) {
            Ok(key) => drop(ids.insert(row.id, key.thumbprint())),
            Err(error) => output::remark(format_args!(
                "note: key {} of the ledger is damaged: {error}; its signatures are exported without a key id",
                row.id.0
            )),
        }
    }
    Ok(ids)
}
