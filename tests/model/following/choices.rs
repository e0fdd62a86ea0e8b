//! What can happen next in a state.

use crate::bug::Bug;
use crate::ledger::{Ledger, Phase};
use crate::scenario::Scenario;
use crate::source::Place;
use crate::state::{From, Maker, Planner, State, Worker};

/// One step. Numbers are rows, batches, and places in the lists of planners, workers and makers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    // Steps of the protocol, which happen sooner or later.
    TakeFreeLease(usize),
    ReadArrivals(usize),
    ReadTable(usize),
    Store(usize),
    DeleteArrivals(usize),
    CloseBatch(usize),
    Reconcile(usize),
    ReadBatch(usize, usize),
    Sign(usize),
    MakeCheckpoint(usize),
    StoreCheckpoint(usize),
    Publish(usize),
    Flush,
    // What may happen, or not.
    Insert(u8),
    InsertUnseen(u8),
    Commit(u8),
    RollBack(u8),
    Delete(u8),
    ArriveAgain(u8),
    MakeTrigger,
    MakeTriggerAnew,
    RemoveFollow,
    TakeOver(usize),
    CrashPlanner(usize),
    CrashWorker(usize),
    CrashMaker(usize),
    RestartLedger,
}

/// The steps that the protocol itself can take. Where there is none, all has come to rest.
///
/// A reading that would find nothing to do is left out: it changes nothing.
pub(crate) fn progress(scenario: &Scenario, bug: Option<Bug>, state: &State, actions: &mut Vec<Action>) {
    for (place, planner) in state.planners.iter().enumerate() {
        match planner {
            Planner::Idle if state.ledger.phase != Phase::Complete && !state.is_led() => {
                actions.push(Action::TakeFreeLease(place));
            }
            Planner::Idle => {}
            Planner::Ready { .. } => planning(scenario, bug, state, place, actions),
            Planner::Holding { from: From::Arrivals { deleted: false, .. }, .. }
                if bug == Some(Bug::DeleteBeforeCommit) =>
            {
                actions.push(Action::DeleteArrivals(place));
            }
            Planner::Holding { .. } => actions.push(Action::Store(place)),
            Planner::Stored { .. } => actions.push(Action::DeleteArrivals(place)),
        }
    }
    for (place, worker) in state.workers.iter().enumerate() {
        match worker {
            Worker::Idle => {
                let unsigned = state.ledger.batches.iter().enumerate().filter(|(_, batch)| !batch.signed);
                actions.extend(unsigned.map(|(batch, _)| Action::ReadBatch(place, batch)));
            }
            Worker::Signing { .. } => actions.push(Action::Sign(place)),
        }
    }
    for (place, maker) in state.makers.iter().enumerate() {
        match maker {
            Maker::Idle if state.ledger.next_checkpoint(place, bug).is_some() => {
                actions.push(Action::MakeCheckpoint(place))
            }
            Maker::Idle => {}
            Maker::Made { published: false, .. } if bug == Some(Bug::PublishBeforeCommit) => {
                actions.push(Action::Publish(place));
            }
            Maker::Made { .. } => actions.push(Action::StoreCheckpoint(place)),
            Maker::Stored { .. } => actions.push(Action::Publish(place)),
        }
    }
    if state.on_disk.is_some() {
        actions.push(Action::Flush);
    }
}

/// What a planner may do next that believes it has the lease.
fn planning(scenario: &Scenario, bug: Option<Bug>, state: &State, place: usize, actions: &mut Vec<Action>) {
    let State { source, ledger, .. } = state;
    let drains = ledger.phase == Phase::Finishing && !ledger.drained;
    let arrivals = source.visible(ledger.mark).next().is_some() || source.table != ledger.table;
    if source.trigger && !ledger.drained && (arrivals || drains) {
        actions.push(Action::ReadArrivals(place));
    }
    if ledger.scan.is_some() && (source.trigger || bug == Some(Bug::RowsBeforeTrigger)) {
        actions.push(Action::ReadTable(place));
    }
    if ledger.closed() < ledger.mapping.len() {
        actions.push(Action::CloseBatch(place));
    }
    if scenario.reconciles && ledger.phase == Phase::Following && ledger.scan.is_none() && misses_rows(state) {
        actions.push(Action::Reconcile(place));
    }
}

/// Stands for the time of the next look through the table: one that finds all rows planned changes nothing, and is left out.
fn misses_rows(state: &State) -> bool {
    let State { source, ledger: Ledger { mapping, .. }, .. } = state;
    (0..)
        .zip(&source.rows)
        .any(|(key, row)| row.place == Place::There && mapping.iter().all(|ordinal| ordinal.row != Some(key)))
}

/// What writers, owners and misfortune may do. Nothing of it matters to a job that is complete.
pub(crate) fn chance(bug: Option<Bug>, state: &State, actions: &mut Vec<Action>) {
    let State { source, ledger, left, .. } = state;
    if ledger.phase == Phase::Complete {
        return;
    }
    for (key, row) in (0..).zip(&source.rows) {
        match row.place {
            Place::Unborn => {
                actions.push(Action::Insert(key));
                add(actions, left.unseen, Action::InsertUnseen(key));
            }
            Place::Open => {
                actions.push(Action::Commit(key));
                add(actions, left.rollbacks, Action::RollBack(key));
            }
            Place::There => {
                add(actions, left.deletes, Action::Delete(key));
                add(actions, left.repeats * u8::from(source.trigger), Action::ArriveAgain(key));
            }
            Place::Gone => add(actions, left.repeats * u8::from(source.trigger), Action::ArriveAgain(key)),
            Place::RolledBack => {}
        }
    }
    if source.can_make_trigger(bug) {
        actions.push(Action::MakeTrigger);
    }
    add(actions, left.anew * u8::from(source.can_make_anew()), Action::MakeTriggerAnew);
    add(actions, left.removals, Action::RemoveFollow);
    misfortune(state, actions);
}

fn misfortune(state: &State, actions: &mut Vec<Action>) {
    let left = &state.left;
    for (place, planner) in state.planners.iter().enumerate() {
        match planner {
            Planner::Idle => add(actions, left.takeovers * u8::from(state.is_led()), Action::TakeOver(place)),
            _ => add(actions, left.crashes, Action::CrashPlanner(place)),
        }
    }
    for (place, worker) in state.workers.iter().enumerate() {
        add(actions, left.crashes * u8::from(*worker != Worker::Idle), Action::CrashWorker(place));
    }
    for (place, maker) in state.makers.iter().enumerate() {
        add(actions, left.crashes * u8::from(*maker != Maker::Idle), Action::CrashMaker(place));
    }
    add(actions, left.crashes * u8::from(state.on_disk.is_some()), Action::RestartLedger);
}

fn add(actions: &mut Vec<Action>, left: u8, action: Action) {
    if left > 0 {
        actions.push(action);
    }
}
