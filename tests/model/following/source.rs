//! The source database: the table, its trigger, and the arrivals that the trigger writes down.

use crate::bug::Bug;

/// A row of the table. Its key is its place in [`Source::rows`].
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) place: Place,
    /// It was deleted, and may be there again.
    pub(crate) was_gone: bool,
    /// An arrival of it was committed before `follow` was removed, and was not dropped together with the arrivals table.
    pub(crate) traced: bool,
    /// It was committed before `follow` was removed. A row that left no trace when it was deleted begins anew when it comes back.
    pub(crate) in_time: bool,
}

/// Where a row is.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) enum Place {
    Unborn,
    /// Inserted by a transaction that is open.
    Open,
    There,
    Gone,
    RolledBack,
}

/// A line of the arrivals table. Numbers are given out when a row is inserted, and seen in whatever order transactions end.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) number: u8,
    pub(crate) row: u8,
    pub(crate) committed: bool,
}

/// What the source database has committed, and what its open transactions have written.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) rows: Vec<Row>,
    /// The trigger is there.
    pub(crate) trigger: bool,
    /// Which arrivals table this is: its oid.
    pub(crate) table: u8,
    pub(crate) arrivals: Vec<Arrival>,
    next: u8,
}

impl Source {
    /// A table of which the first `old` rows are there.
    pub(crate) fn new(rows: u8, old: u8, trigger: bool) -> Self {
        let row = |key| {
            let place = if key < old { Place::There } else { Place::Unborn };
            Row { place, was_gone: false, traced: false, in_time: key < old }
        };
        Self { rows: (0..rows).map(row).collect(), trigger, table: 0, arrivals: Vec::new(), next: 0 }
    }

    /// A transaction inserts a row; the trigger, if it is there and not disabled, writes an arrival in the same transaction.
    pub(crate) fn insert(&mut self, row: u8, seen: bool) {
        self.place(row, Place::Open);
        if self.trigger && seen {
            self.arrive(row, false);
        }
    }

    /// The transaction that inserted the row commits.
    pub(crate) fn commit(&mut self, row: u8, in_time: bool) {
        self.place(row, Place::There);
        let mut traced = false;
        for arrival in self.arrivals.iter_mut().filter(|arrival| arrival.row == row) {
            arrival.committed = true;
            traced = true;
        }
        let row = &mut self.rows[usize::from(row)];
        row.traced |= traced && in_time;
        row.in_time |= in_time;
    }

    /// The transaction that inserted the row rolls back. Its number is not used again.
    pub(crate) fn roll_back(&mut self, row: u8) {
        self.place(row, Place::RolledBack);
        self.arrivals.retain(|arrival| arrival.row != row);
    }

    /// A committed transaction deletes the row.
    pub(crate) fn delete(&mut self, row: u8) {
        self.place(row, Place::Gone);
        let row = &mut self.rows[usize::from(row)];
        row.was_gone = true;
        row.in_time &= row.traced;
    }

    /// The row arrives once more: it was moved to another partition, or inserted again after it was deleted.
    pub(crate) fn arrive_again(&mut self, row: u8, in_time: bool) {
        self.arrive(row, false);
        self.commit(row, in_time);
    }

    /// `CREATE TRIGGER` waits for every transaction that has written to the table.
    pub(crate) fn can_make_trigger(&self, bug: Option<Bug>) -> bool {
        !self.trigger && (bug == Some(Bug::TriggerWithoutLock) || self.rows.iter().all(|row| row.place != Place::Open))
    }

    /// The owner has trigger and arrivals table dropped and made anew. Arrivals that waited are lost, and numbers begin again.
    pub(crate) fn make_anew(&mut self) {
        for arrival in std::mem::take(&mut self.arrivals) {
            self.rows[usize::from(arrival.row)].traced = false;
        }
        self.table += 1;
        self.next = 0;
    }

    /// No transaction is open that has written an arrival, for which dropping the table would wait.
    pub(crate) fn can_make_anew(&self) -> bool {
        self.trigger && self.arrivals.iter().all(|arrival| arrival.committed)
    }

    /// What a statement sees of the arrivals from a number on, in their order.
    pub(crate) fn visible(&self, from: u8) -> impl Iterator<Item = &Arrival> {
        self.arrivals.iter().filter(move |arrival| arrival.committed && arrival.number >= from)
    }

    /// Deletes arrivals that a planner read in a table, in a transaction of its own.
    pub(crate) fn forget(&mut self, table: u8, numbers: &[u8], bug: Option<Bug>) {
        if table != self.table && bug != Some(Bug::DeleteFromAnotherTable) {
            return;
        }
        let greatest = numbers.iter().max().copied();
        self.arrivals.retain(|arrival| {
            let meant = match bug {
                Some(Bug::DeleteUpToNumber) => Some(arrival.number) <= greatest,
                _ => numbers.contains(&arrival.number),
            };
            !(arrival.committed && meant)
        });
    }

    /// The first row from a key on.
    pub(crate) fn first_row(&self, from: u8) -> Option<u8> {
        (from..).zip(self.rows.iter().skip(from.into())).find(|(_, row)| row.place == Place::There).map(|(key, _)| key)
    }

    /// Whether a row is there.
    pub(crate) fn has(&self, row: u8) -> bool {
        self.rows[usize::from(row)].place == Place::There
    }

    fn place(&mut self, row: u8, place: Place) {
        self.rows[usize::from(row)].place = place;
    }

    fn arrive(&mut self, row: u8, committed: bool) {
        self.arrivals.push(Arrival { number: self.next, row, committed });
        self.next += 1;
    }
}
