//! Reads and hashes the payloads of a unit: one COPY over its ranges, hashed as the rows stream, payloads not kept.
//!
//! Hashing happens where rows are decoded, on the async thread: a payload that went to another thread would have to be
//! kept, and then memory would follow the payloads' size.

use vaultstream_ledger::{
    BatchRange, Job, Ledger, ROW_GONE,
    commit::Reject,
    payloads::{self, Payload, ReadError},
};
use vaultstream_signing::{Digest, Hash, MessageForm, RecordName};

use crate::confirm::record_count;
use crate::unit::{BatchRecords, ReadBatch, ReadUnit, RowKeys, Unit};

/// The payload was SQL NULL.
pub(crate) const PAYLOAD_MISSING: &str = "PayloadMissing";
/// The payload was larger than `spec.maxPayloadBytes`.
pub(crate) const PAYLOAD_TOO_LARGE: &str = "PayloadTooLarge";
/// The server could not read the record.
pub(crate) const PAYLOAD_UNREADABLE: &str = "PayloadUnreadable";
/// `spec.source.table.json` is JCS, and the record has JSON without a canonical form.
pub(crate) const PAYLOAD_NOT_CANONICAL: &str = "PayloadNotCanonical";
/// Two rows have the record's key.
pub(crate) const KEY_REPEATED: &str = "KeyRepeated";

/// Reads every record of the unit's ranges.
///
/// # Errors
/// [`ReadError`], with the unit, so that it can be read again.
pub(crate) async fn read(
    ledger: &Ledger,
    job: &Job,
    form: &MessageForm,
    unit: Unit,
) -> Result<ReadUnit, (Unit, ReadError)> {
    let ranges: Vec<BatchRange> = unit.batches.iter().map(|batch| batch.range).collect();
    let most = 2 * job.spec.batch_size as usize;
    let mut found: Vec<Found> = ranges.iter().map(|range| Found::with_room_for(range, most)).collect();
    let visit = |range: usize, name: RecordName, payload: Payload<'_>| found[range].add(form, job, name, payload);
    let reads = match payloads::read(ledger, job, &ranges, visit).await {
        Ok(reads) => reads,
        Err(error) => return Err((unit, error)),
    };
    vaultstream_faults::point("unit-read");
    let Unit { batches, share } = unit;
    let batches = batches
        .into_iter()
        .zip(found)
        .zip(reads)
        .map(|((pulled, Found { ids, digests, rejects, keys }), read)| ReadBatch {
            records: BatchRecords {
                range: pulled.range,
                ids,
                digests,
                rejects,
                keys: RowKeys::new(pulled.range.first, keys),
            },
            message: pulled.message,
            outgrown_at: read.outgrown_at,
            trace: pulled.trace,
        })
        .collect();
    Ok(ReadUnit { batches, share })
}

/// What the COPY showed of one batch.
struct Found {
    ids: Vec<i64>,
    digests: Vec<Digest>,
    rejects: Vec<Reject>,
    keys: Vec<Hash>,
}

impl Found {
    /// No range is read further than `most` records, whatever was planned.
    fn with_room_for(range: &BatchRange, most: usize) -> Self {
        let rows = record_count(range.rows).min(most);
        Self { ids: Vec::with_capacity(rows), digests: Vec::with_capacity(rows), rejects: Vec::new(), keys: Vec::new() }
    }

    fn add(&mut self, form: &MessageForm, job: &Job, name: RecordName, payload: Payload<'_>) {
        let RecordName { id, key } = name;
        if !matches!(payload, Payload::Repeated) {
            self.keys.extend(key);
        }
        match payload {
            Payload::Bytes(bytes) => {
                self.ids.push(id);
                self.digests.push(form.digest(id, bytes));
            }
            Payload::Null => self.reject(id, PAYLOAD_MISSING, "the payload is NULL".to_owned()),
            Payload::TooLarge(bytes) => {
                let limit = job.spec.max_payload_bytes;
                self.reject(
                    id,
                    PAYLOAD_TOO_LARGE,
                    format!("the payload has {bytes} bytes, above maxPayloadBytes {limit}"),
                );
            }
            Payload::Unreadable(why) => {
                self.reject(id, PAYLOAD_UNREADABLE, format!("the server cannot read it: {why}"))
            }
            Payload::NotCanonical(why) => {
                self.reject(id, PAYLOAD_NOT_CANONICAL, format!("it has no canonical JSON: {why}"))
            }
            Payload::Gone => self.reject(id, ROW_GONE, "no row has this key any more".to_owned()),
            Payload::Repeated => self.repeat(name),
        }
    }

    /// Neither of two rows with one key is signed.
    fn repeat(&mut self, RecordName { id, key }: RecordName) {
        if self.ids.last() == Some(&id) {
            self.ids.pop();
            self.digests.pop();
        }
        self.rejects.pop_if(|reject| reject.id == id);
        let why = match key {
            None => "more than one row has this key, whose unique index is damaged: REINDEX it",
            Some(_) => "more than one row has this key",
        };
        self.reject(id, KEY_REPEATED, why.to_owned());
    }

    fn reject(&mut self, id: i64, reason: &str, detail: String) {
        self.rejects.push(Reject { id, reason: reason.to_owned(), detail, attempts: 0 });
    }
}
