//! `vaultstream export`: records and signatures, streamed to stdout.
//!
//! A page of batches at a time, in the order of their numbers; within a run of batches side by side, ids ascend. Memory
//! holds one batch's leaves when proofs are wanted, and no payload longer than its row is written.

mod line;
mod proofs;

pub(crate) use proofs::rejects_root;

use std::{
    collections::HashMap,
    io::{self, BufWriter},
    ops::ControlFlow,
    process::ExitCode,
};

use vaultstream_ledger::{
    Job, KeyId, Ledger,
    verify::{Rows, SignedBatch, batch_roots, public_keys, signed_rows},
};
use vaultstream_signing::{PublicKey, Thumbprint};

use crate::{
    args::{ExportArgs, ExportFormat},
    error::Failure,
    ledger, output,
};

/// Batches read at a time.
const PAGE: usize = 5_000;

/// Writes a job's records and signatures.
///
/// # Errors
/// One sentence.
pub(crate) async fn export(args: ExportArgs) -> Result<ExitCode, Failure> {
    if args.proofs && args.format == ExportFormat::Csv {
        return Err(Failure::bad_input("--proofs needs --format jsonl: a proof does not fit into a CSV column"));
    }
    let opened = ledger::open(&args.ledger).await?;
    let job = ledger::find(&opened.ledger, &args.job).await?;
    let keys = key_ids(&opened.ledger, &job).await?;
    let mut writer = line::Writer::new(BufWriter::new(io::stdout()), &job, &keys, &args);
    match rows(&opened.ledger, &job, &args, &keys, &mut writer).await {
        Ok(()) => {}
        Err(Stopped::Write(error)) => return Err(output::unwritten(&error)),
        Err(Stopped::Ledger(failure)) => return Err(failure),
    }
    Ok(ExitCode::SUCCESS)
}

/// Why an export ended early.
enum Stopped {
    Write(io::Error),
    Ledger(Failure),
}

async fn rows(
    ledger: &Ledger,
    job: &Job,
    args: &ExportArgs,
    keys: &HashMap<KeyId, Thumbprint>,
    writer: &mut line::Writer<'_>,
) -> Result<(), Stopped> {
    writer.header().map_err(Stopped::Write)?;
    let proofs =
        if args.proofs { Some(proofs::Proofs::new(ledger, job).await.map_err(Stopped::Ledger)?) } else { None };
    let mut from = 0;
    loop {
        let batches = page(ledger, job, from).await.map_err(Stopped::Ledger)?;
        let Some(last) = batches.last() else { break };
        from = last.batch.0 + 1;
        for batch in &batches {
            let proof = match &proofs {
                Some(proofs) => Some(proofs.of_batch(ledger, job, batch, keys).await.map_err(Stopped::Ledger)?),
                None => None,
            };
            write_batch(ledger, job, batch, proof.as_ref(), writer).await?;
        }
    }
    writer.flush().map_err(Stopped::Write)
}

async fn write_batch(
    ledger: &Ledger,
    job: &Job,
    batch: &SignedBatch,
    proof: Option<&proofs::BatchProofs>,
    writer: &mut line::Writer<'_>,
) -> Result<(), Stopped> {
    let mut failed = None;
    let mut index = 0;
    let read = signed_rows(ledger, job, Rows::Range { first: batch.first, last: batch.last }, |row| {
        let proof = proof.map(|proofs| proofs.of_row(index));
        index += 1;
        match writer.row(&row, proof.as_ref()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    read.await.map_err(|error| Stopped::Ledger(Failure::of(&error)))?;
    failed.map_or(Ok(()), |error| Err(Stopped::Write(error)))
}

async fn page(ledger: &Ledger, job: &Job, from: i64) -> Result<Vec<SignedBatch>, Failure> {
    batch_roots(ledger, job.id, from, PAGE).await.map_err(|error| Failure::of(&error))
}

async fn key_ids(ledger: &Ledger, job: &Job) -> Result<HashMap<KeyId, Thumbprint>, Failure> {
    let mut ids = HashMap::new();
    for row in public_keys(ledger, job.id).await.map_err(|error| Failure::of(&error))? {
        let key = PublicKey::from_spki_der(&row.public_key)
            .map_err(|error| Failure::failed(format!("key {} of the ledger is damaged: {error}", row.id.0)))?;
        ids.insert(row.id, key.thumbprint());
    }
    Ok(ids)
}
