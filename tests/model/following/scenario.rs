//! What may happen in one exploration.

use crate::ledger::Phase;
use crate::source::Arrival;
use crate::state::{Budget, From, Maker, Planner, State};

/// Bounds of one exploration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// How many rows the table can have.
    pub(crate) rows: u8,
    /// How many of them are there from the beginning.
    pub(crate) old: u8,
    /// The trigger is there from the beginning.
    pub(crate) trigger: bool,
    /// The table, which is empty, was looked through already.
    pub(crate) looked_through: bool,
    pub(crate) batch_size: usize,
    /// How many arrivals a planner reads at once.
    pub(crate) chunk: usize,
    pub(crate) planners: usize,
    pub(crate) workers: usize,
    pub(crate) makers: usize,
    /// The table is looked through again when rows are missing.
    pub(crate) reconciles: bool,
    pub(crate) budget: Budget,
    /// What has to be seen in some state, so that the exploration is about what its name says.
    pub(crate) shows: fn(&State) -> bool,
}

const NOTHING: Budget =
    Budget { crashes: 0, takeovers: 0, rollbacks: 0, deletes: 0, repeats: 0, unseen: 0, anew: 0, removals: 0 };

const BASE: Scenario = Scenario {
    name: "",
    rows: 2,
    old: 0,
    trigger: true,
    looked_through: true,
    batch_size: 2,
    chunk: 2,
    planners: 2,
    workers: 0,
    makers: 0,
    reconciles: false,
    budget: NOTHING,
    shows: |_| true,
};

/// Transactions end in another order than they began, while one planner takes over from another.
pub(crate) const LATE_COMMITS: Scenario = Scenario {
    name: "late commits",
    rows: 3,
    budget: Budget { crashes: 1, takeovers: 1, rollbacks: 1, ..NOTHING },
    shows: |state| {
        let number = |arrival: &Arrival| arrival.number;
        let open = state.source.arrivals.iter().filter(|arrival| !arrival.committed).map(number).min();
        // An arrival that is open has a smaller number than one that was planned and deleted.
        open.is_some_and(|open| open == 0) && !state.ledger.mapping.is_empty()
    },
    ..BASE
};

/// A table with rows gets its trigger while others write.
pub(crate) const START: Scenario = Scenario {
    name: "start",
    rows: 3,
    old: 1,
    trigger: false,
    looked_through: false,
    budget: Budget { takeovers: 1, deletes: 1, ..NOTHING },
    // A row is planned by the look through the table, and its arrival waits.
    shows: |state| {
        let mut arrivals = state.source.arrivals.iter();
        arrivals.any(|arrival| state.ledger.mapping.iter().any(|ordinal| ordinal.row == Some(arrival.row)))
    },
    ..BASE
};

/// Rows are deleted before they are read, come back, and move between partitions; two workers sign.
pub(crate) const CHANGES: Scenario = Scenario {
    name: "changes",
    planners: 1,
    workers: 2,
    budget: Budget { crashes: 1, deletes: 1, repeats: 1, ..NOTHING },
    // A row was gone when it was read, and is there again.
    shows: |state| {
        let mut rejected = state.ledger.mapping.iter().filter(|ordinal| ordinal.rejects == 1);
        rejected.any(|ordinal| ordinal.row.is_some_and(|row| state.source.has(row)))
    },
    ..BASE
};

/// Two workers sign batches in any order, and two makers race.
pub(crate) const CHECKPOINTS: Scenario = Scenario {
    name: "checkpoints",
    rows: 3,
    old: 3,
    looked_through: false,
    batch_size: 1,
    planners: 1,
    workers: 2,
    makers: 2,
    budget: Budget { crashes: 2, ..NOTHING },
    // Both makers have signed over different runs.
    shows: |state| match &state.makers[..] {
        [Maker::Made { checkpoint: one, .. }, Maker::Made { checkpoint: other, .. }] => one.covers != other.covers,
        _ => false,
    },
    ..BASE
};

/// Rows that no trigger has seen are found in the table.
pub(crate) const RECONCILING: Scenario = Scenario {
    name: "reconciling",
    reconciles: true,
    budget: Budget { crashes: 1, takeovers: 1, deletes: 1, unseen: 1, ..NOTHING },
    // The table is looked through once more, by a planner that another one overtakes with a row in its hands.
    shows: |state| {
        let overtaken = |planner: &Planner| match planner {
            Planner::Holding { epoch, from: From::Table { .. }, rows } => {
                *epoch < state.ledger.epoch && !rows.is_empty()
            }
            _ => false,
        };
        !state.ledger.mapping.is_empty() && state.ledger.scan.is_some() && state.planners.iter().any(overtaken)
    },
    ..BASE
};

/// The owner drops trigger and arrivals table and makes them anew.
pub(crate) const ANEW: Scenario = Scenario {
    name: "anew",
    looked_through: false,
    budget: Budget { takeovers: 1, deletes: 1, anew: 1, ..NOTHING },
    // A planner has still to delete what it read in the former table.
    shows: |state| {
        let behind =
            |planner: &Planner| matches!(planner, Planner::Stored { table, .. } if *table < state.source.table);
        state.planners.iter().any(behind)
    },
    ..BASE
};

/// `follow` is removed while rows arrive and go, which also takes the lease from a planner that lives.
pub(crate) const FINISHING: Scenario = Scenario {
    name: "finishing",
    workers: 1,
    makers: 1,
    budget: Budget { deletes: 1, removals: 1, ..NOTHING },
    // The job is complete, and a row that was committed too late for it has arrived.
    shows: |state| state.ledger.phase == Phase::Complete && state.source.visible(0).next().is_some(),
    ..BASE
};

/// `follow` is removed while rows come that no trigger has seen.
pub(crate) const FINISHING_UNSEEN: Scenario = Scenario {
    name: "finishing, unseen",
    budget: Budget { unseen: 1, removals: 1, ..NOTHING },
    // The job is complete, and has signed a row that no trigger has seen.
    shows: |state| {
        let mut signed = state.ledger.mapping.iter().filter_map(|ordinal| ordinal.row);
        state.ledger.phase == Phase::Complete && signed.any(|row| !state.source.rows[usize::from(row)].traced)
    },
    ..FINISHING
};

/// `follow` is removed while processes end.
pub(crate) const FINISHING_CRASHES: Scenario = Scenario {
    name: "finishing, crashes",
    rows: 1,
    budget: Budget { crashes: 1, deletes: 1, repeats: 1, unseen: 1, removals: 1, ..NOTHING },
    // The job is complete, and a planner holds what it read before.
    shows: |state| {
        let holds = |planner: &Planner| matches!(planner, Planner::Holding { .. });
        state.ledger.phase == Phase::Complete && state.planners.iter().any(holds)
    },
    ..FINISHING
};
