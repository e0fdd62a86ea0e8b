//! How a read of signatures proceeds: which piece is next, how large, and when one is tried again.

use std::time::{Duration, Instant};

use crate::error::QueryError;
use crate::jobs::Job;

/// Signatures read at a time.
const PIECE: i64 = 5_000;

/// Chosen signatures read at a time; those between them are read, too.
const SAMPLE_PIECE: i64 = 256;

/// How long a server that is away, or a lock, is waited for before a read fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pause before the next try.
const PAUSE: Duration = Duration::from_millis(500);

/// A statement that was cancelled, by a timeout or by a person.
pub(super) const STATEMENT_ENDED: &str = "57014";

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

/// A range of ids that is read at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Piece {
    pub(super) fn between(self, column: &str) -> String {
        format!("{column} BETWEEN '{}'::bigint AND '{}'::bigint", self.first, self.last)
    }
}

/// How far a read is.
pub(super) struct Walk {
    /// The next id; none when there is none any more.
    pub(super) from: Option<i64>,
    pub(super) until: i64,
    /// Which of the ids, as a condition.
    chosen: Option<String>,
    /// Signatures of a piece; all of them where no index leads to the next ones.
    pub(super) most: Option<i64>,
    largest: i64,
    failing_since: Option<Instant>,
}

impl Walk {
    pub(super) fn over(which: Rows, job: &Job) -> Self {
        // The signatures' index is made once all are there.
        let indexed = job.times.signed.is_some();
        let (from, until, chosen, largest) = match which {
            Rows::All => (i64::MIN, i64::MAX, None, PIECE),
            Rows::Range { first, last } => (first, last, None, PIECE),
            Rows::Sample { rows, seed } => {
                // A hash of the id decides: no sort, no table of chosen ones.
                let of = u64::try_from(job.total.unwrap_or(0)).unwrap_or(0).max(1);
                let share = u32::try_from((u128::from(rows) << 31) / u128::from(of)).unwrap_or(u32::MAX).min(1 << 31);
                let seed = i64::from_ne_bytes(seed.to_ne_bytes());
                let chosen = format!("(hashint8extended(s.record_id, '{seed}'::bigint) & 2147483647) < {share}");
                (i64::MIN, i64::MAX, Some(chosen), SAMPLE_PIECE)
            }
        };
        let from = (from <= until).then_some(from);
        Self { from, until, chosen, most: indexed.then_some(largest), largest, failing_since: None }
    }

    pub(super) fn condition(&self, piece: Piece) -> String {
        let between = piece.between("s.record_id");
        self.chosen.as_ref().map_or_else(|| between.clone(), |chosen| format!("{between} AND {chosen}"))
    }

    pub(super) fn shown_up_to(&mut self, id: Option<i64>) {
        if let Some(id) = id {
            self.from = id.checked_add(1).filter(|next| *next <= self.until);
            self.failing_since = None;
        }
    }

    pub(super) fn went_well(&mut self, piece: Piece) {
        self.from = piece.last.checked_add(1).filter(|next| *next <= self.until);
        self.failing_since = None;
        self.most = self.most.map(|most| (most * 2).min(self.largest));
    }

    pub(super) fn halve(&mut self) {
        self.most = Some((self.most.unwrap_or(self.largest) / 2).max(1));
    }

    /// A server that is away or a lock, for a while; a statement that takes too long, while it can be made smaller.
    pub(super) fn may_try_again(&mut self, error: &QueryError) -> bool {
        if error.code() == Some(STATEMENT_ENDED) {
            return self.most.is_none_or(|most| most > 1);
        }
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        error.is_transient() && since.elapsed() < PATIENCE
    }

    pub(super) async fn before_the_next_try(&mut self, error: &QueryError) {
        // A limit on transactions only shows as a connection that was closed.
        self.halve();
        if error.code() != Some(STATEMENT_ENDED) {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
