//! How a read of signatures proceeds: which piece is next, how large, and when one is tried again.

use std::time::{Duration, Instant};

use crate::error::QueryError;
use crate::jobs::Job;

/// Signatures read at a time: a few MiB of memory.
const PIECE_ROWS: i64 = 20_000;

/// Chosen signatures read at a time; those between them are read, too.
const SAMPLE_PIECE_ROWS: i64 = 256;

/// How long a read waits for an unreachable server or a lock before it fails.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause before the next try.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

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
pub(crate) struct Piece {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Piece {
    pub(crate) fn between(self, column: &str) -> String {
        format!("{column} BETWEEN '{}'::bigint AND '{}'::bigint", self.first, self.last)
    }
}

/// How far a read is.
pub(super) struct Walk {
    /// The next id; `None` at the end.
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
            Rows::All => (i64::MIN, i64::MAX, None, PIECE_ROWS),
            Rows::Range { first, last } => (first, last, None, PIECE_ROWS),
            Rows::Sample { rows, seed } => {
                // A hash of the id decides: no sort, no table of chosen ones.
                let of = u64::try_from(job.total.unwrap_or(0)).unwrap_or(0).max(1);
                let share = u32::try_from((u128::from(rows) << 31) / u128::from(of)).unwrap_or(u32::MAX).min(1 << 31);
                let seed = i64::from_ne_bytes(seed.to_ne_bytes());
                let chosen = format!("(hashint8extended(s.record_id, '{seed}'::bigint) & 2147483647) < {share}");
                (i64::MIN, i64::MAX, Some(chosen), SAMPLE_PIECE_ROWS)
            }
        };
        let from = (from <= until).then_some(from);
        Self { from, until, chosen, most: indexed.then_some(largest), largest, failing_since: None }
    }

    /// The size of the next piece when it is read in bulk. What follows a failure is read the careful way, in smaller pieces, until they
    /// have grown again; so is a sample, whose rows are far apart, and signatures without an index.
    pub(super) fn in_bulk(&self) -> Option<i64> {
        self.most.filter(|most| *most == self.largest && self.chosen.is_none())
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

    /// For an unreachable server or a lock: up to [`RETRY_TIMEOUT`]. For a statement that takes too long: while it can be made
    /// smaller.
    pub(super) fn may_try_again(&mut self, error: &QueryError) -> bool {
        if error.code() == Some(STATEMENT_ENDED) {
            return self.most.is_none_or(|most| most > 1);
        }
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        error.is_transient() && since.elapsed() < RETRY_TIMEOUT
    }

    pub(super) async fn before_the_next_try(&mut self, error: &QueryError) {
        // A limit on transactions is only visible as a closed connection.
        self.halve();
        if error.code() != Some(STATEMENT_ENDED) {
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::class::Class;
    use crate::jobs::fixture;

    fn walk(which: Rows) -> Walk {
        let mut job = fixture::job(fixture::generated(32));
        job.times.signed = Some(job.times.created);
        Walk::over(which, &job)
    }

    #[test]
    fn a_piece_that_fails_is_halved_and_grows_again() {
        let mut walk = walk(Rows::All);
        assert_eq!((walk.from, walk.until, walk.most), (Some(i64::MIN), i64::MAX, Some(PIECE_ROWS)));
        let mut seen = Vec::new();
        assert_eq!(walk.in_bulk(), Some(PIECE_ROWS));
        for _ in 0..15 {
            walk.halve();
            seen.extend(walk.most);
        }
        assert_eq!((seen[0], seen[12], seen[13], walk.in_bulk()), (10_000, 2, 1, None));
        walk.went_well(Piece { first: 1, last: 5 });
        assert_eq!((walk.from, walk.most, walk.in_bulk()), (Some(6), Some(2), None));
        for _ in 0..14 {
            walk.went_well(Piece { first: 6, last: i64::MAX });
        }
        assert_eq!((walk.from, walk.most, walk.in_bulk()), (None, Some(PIECE_ROWS), Some(PIECE_ROWS)));
    }

    #[test]
    fn a_range_is_read_to_its_end_and_an_empty_one_not_at_all() {
        let mut range = walk(Rows::Range { first: 10, last: 20 });
        range.shown_up_to(Some(19));
        assert_eq!(range.from, Some(20));
        range.shown_up_to(None);
        assert_eq!(range.from, Some(20));
        range.shown_up_to(Some(20));
        assert_eq!(range.from, None);
        range.went_well(Piece { first: 10, last: 19 });
        assert_eq!(range.from, Some(20));
        assert_eq!(walk(Rows::Range { first: 2, last: 1 }).from, None);
        assert_eq!(walk(Rows::Range { first: 2, last: 2 }).from, Some(2));
        let piece = Piece { first: -1, last: 3 };
        assert_eq!(range.condition(piece), "s.record_id BETWEEN '-1'::bigint AND '3'::bigint");
    }

    #[test]
    fn a_sample_is_a_share_of_all_records() {
        let sample = |rows| walk(Rows::Sample { rows, seed: 3 }).condition(Piece { first: 1, last: 2 });
        let share = |rows: u64| {
            let condition = sample(rows);
            condition.rsplit(' ').next().and_then(|share| share.parse::<u32>().ok()).unwrap()
        };
        assert!(sample(10).contains("(hashint8extended(s.record_id, '3'::bigint) & 2147483647) < "));
        assert_eq!(walk(Rows::Sample { rows: 1, seed: 3 }).in_bulk(), None);
        assert_eq!([share(0), share(500), share(1000), share(u64::MAX)], [0, 1 << 30, 1 << 31, 1 << 31]);
    }

    #[test]
    fn only_failures_that_pass_are_tried_again() {
        let mut walk = walk(Rows::All);
        let error = |class| QueryError::inside("read", class, io::Error::other("x"));
        assert!(walk.may_try_again(&error(Class::Unreachable)) && walk.may_try_again(&error(Class::Contention)));
        assert!(!walk.may_try_again(&error(Class::NoPermission)) && !walk.may_try_again(&error(Class::NoSpace)));
        walk.failing_since = Instant::now().checked_sub(RETRY_TIMEOUT);
        assert!(!walk.may_try_again(&error(Class::Unreachable)), "it has failed for too long");
        walk.shown_up_to(Some(1));
        assert!(walk.may_try_again(&error(Class::Unreachable)), "it has proceeded since");
    }

    #[test]
    fn before_there_is_an_index_all_is_read_at_once() {
        let job = fixture::job(fixture::generated(32));
        let walk = Walk::over(Rows::All, &job);
        assert_eq!((walk.most, walk.in_bulk()), (None, None));
    }
}
