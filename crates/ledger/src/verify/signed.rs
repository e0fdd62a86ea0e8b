//! Every signature of a job with what it signs.

use std::ops::ControlFlow;

use vaultstream_signing::copy::{CopyError, int8};

use crate::connect::Ledger;
use crate::copy_out::{ReadError, copy_out};
use crate::ids::KeyId;
use crate::jobs::Job;
use crate::session::Session;
use crate::source::{ReadFrom, signatures_partition};

/// Which signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// All.
    All,
    /// Those of records `first` to `last`.
    Range {
        /// First id.
        first: i64,
        /// Last id.
        last: i64,
    },
    /// About `rows` of them, spread over all: the same ones for the same seed.
    Sample {
        /// How many.
        rows: u64,
        /// Chooses.
        seed: u64,
    },
}

/// A signature and what it signs.
#[derive(Clone, Copy, Debug)]
pub struct SignedRow<'a> {
    /// Which record.
    pub id: i64,
    /// The key that signed.
    pub key: KeyId,
    /// r and s.
    pub signature: &'a [u8],
    /// The digest that was signed, for records of a table.
    pub digest: Option<&'a [u8]>,
    /// The payload now; none when the row is gone, or its payload is NULL now.
    pub payload: Option<&'a [u8]>,
}

/// What ends a COPY early.
enum Stop {
    Asked,
    Failed(ReadError),
}

impl From<CopyError> for Stop {
    fn from(error: CopyError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

/// Shows the signatures to `visit`, ids ascending, until it breaks. Nothing of a row is kept.
///
/// # Errors
///
/// See [`ReadError`].
pub async fn signed_rows(
    ledger: &Ledger,
    job: &Job,
    which: Rows,
    mut visit: impl FnMut(SignedRow<'_>) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    const ACTION: &str = "read signatures";
    let signatures = signatures_partition(job.id);
    let ReadFrom { table, key, payload, .. } = ReadFrom::of(job);
    // The key is compared as it is: its index fits no cast. Its own bounds keep a plan from reading all that lies before them.
    let mut bounds = String::new();
    let condition = match which {
        Rows::All => String::new(),
        Rows::Range { first, last } => {
            bounds = format!("WHERE {key} BETWEEN '{first}'::bigint AND '{last}'::bigint");
            format!("WHERE s.record_id BETWEEN '{first}'::bigint AND '{last}'::bigint")
        }
        Rows::Sample { rows, seed } => {
            // A hash of the id decides: no sort, no table of chosen ones.
            let of = u64::try_from(job.total.unwrap_or(0)).unwrap_or(0).max(1);
            let share = u32::try_from((u128::from(rows) << 31) / u128::from(of)).unwrap_or(u32::MAX).min(1 << 31);
            let seed = i64::from_ne_bytes(seed.to_ne_bytes());
            format!("WHERE (hashint8extended(s.record_id, '{seed}'::bigint) & 2147483647) < {share}")
        }
    };
    let source = format!("SELECT {key} AS id, {payload} AS payload FROM {table} {bounds}");
    let sql = format!(
        "SELECT s.record_id, s.key_id, s.signature, s.digest, r.payload FROM {signatures} s \
         LEFT JOIN ({source}) r ON r.id = s.record_id {condition} ORDER BY s.record_id"
    );
    let session = Session::new(ledger.client(ACTION).await?);
    let Some(client) = session.client() else { return Ok(()) };
    // With the session's own rights: vaultstream_source, which reads source tables for workers, sees no signatures.
    let read = copy_out::<5, Stop>(client, "", &sql, |[id, key, signature, digest, payload]| {
        let row = SignedRow {
            id: int8(id)?,
            key: KeyId(int8(key)?),
            signature: signature.unwrap_or_default(),
            digest,
            payload,
        };
        if visit(row).is_break() { Err(Stop::Asked) } else { Ok(()) }
    });
    match read.await {
        Ok(()) => {
            session.settle();
            Ok(())
        }
        Err(Stop::Asked) => Ok(()),
        Err(Stop::Failed(error)) => Err(error),
    }
}
