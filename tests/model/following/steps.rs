//! What each step does.

use crate::bug::Bug;
use crate::choices::Action;
use crate::ledger::Phase;
use crate::scenario::Scenario;
use crate::state::{From, Maker, Planner, State, Worker};

/// Takes one step. Whatever touches both databases is two steps.
pub(crate) fn step(scenario: &Scenario, bug: Option<Bug>, before: &State, action: Action) -> State {
    let mut state = before.clone();
    let in_time = state.ledger.phase == Phase::Following;
    match action {
        Action::TakeFreeLease(place) => take_lease(&mut state, place),
        Action::TakeOver(place) => {
            state.left.takeovers -= 1;
            take_lease(&mut state, place);
        }
        Action::ReadArrivals(place) => read_arrivals(&mut state, place, scenario.chunk),
        Action::ReadTable(place) => read_table(&mut state, place),
        Action::Store(place) => store(&mut state, place, scenario.batch_size, bug),
        Action::DeleteArrivals(place) => delete_arrivals(&mut state, place, bug),
        Action::CloseBatch(place) => if_accepted(&mut state, place, bug, |state| state.ledger.close()),
        Action::Reconcile(place) => if_accepted(&mut state, place, bug, |state| state.ledger.scan = Some(0)),
        Action::ReadBatch(place, batch) => {
            let is_gone = |row: Option<u8>| {
                row.is_some_and(|row| !state.source.has(row) || bug == Some(Bug::RowsReadFromStandby))
            };
            let gone = state.ledger.range(batch).filter(|place| is_gone(state.ledger.mapping[*place].row)).collect();
            state.workers[place] = Worker::Signing { batch, gone };
        }
        Action::Sign(place) => {
            if let Worker::Signing { batch, gone } = std::mem::replace(&mut state.workers[place], Worker::Idle) {
                state.ledger.sign(batch, &gone, bug);
            }
        }
        Action::MakeCheckpoint(place) => {
            let next = state.ledger.next_checkpoint(place, bug);
            state.makers[place] = next.map_or(Maker::Idle, |checkpoint| Maker::Made { checkpoint, published: false });
        }
        Action::StoreCheckpoint(place) => store_checkpoint(&mut state, place, bug),
        Action::Publish(place) => publish(&mut state, place),
        Action::Flush => state.on_disk = None,
        Action::Insert(row) => state.source.insert(row, true),
        Action::InsertUnseen(row) => {
            state.left.unseen -= 1;
            state.source.insert(row, false);
        }
        Action::Commit(row) => state.source.commit(row, in_time),
        Action::RollBack(row) => {
            state.left.rollbacks -= 1;
            state.source.roll_back(row);
        }
        Action::Delete(row) => {
            state.left.deletes -= 1;
            state.source.delete(row);
        }
        Action::ArriveAgain(row) => {
            state.left.repeats -= 1;
            state.source.arrive_again(row, in_time);
        }
        Action::MakeTrigger => state.source.trigger = true,
        Action::MakeTriggerAnew => {
            state.left.anew -= 1;
            state.source.make_anew();
        }
        Action::RemoveFollow => {
            state.left.removals -= 1;
            state.ledger.remove_follow(bug);
        }
        Action::CrashPlanner(_) | Action::CrashWorker(_) | Action::CrashMaker(_) | Action::RestartLedger => {
            state.left.crashes -= 1;
            crash(&mut state, action);
        }
    }
    flush(before, &mut state, action, bug);
    state.planners.sort();
    state.workers.sort();
    state
}

fn crash(state: &mut State, action: Action) {
    match action {
        Action::CrashPlanner(place) => state.planners[place] = Planner::Idle,
        Action::CrashWorker(place) => state.workers[place] = Worker::Idle,
        Action::CrashMaker(place) => state.makers[place] = Maker::Idle,
        _ => {
            if let Some(ledger) = state.on_disk.take() {
                state.ledger = *ledger;
            }
        }
    }
}

/// Every commit in the ledger takes those before it to the disk, and all of them wait for that.
fn flush(before: &State, state: &mut State, action: Action, bug: Option<Bug>) {
    if before.ledger != state.ledger && action != Action::RestartLedger {
        let unflushed = bug == Some(Bug::CommitNotFlushed) && matches!(action, Action::Store(_));
        let disk = before.on_disk.clone().unwrap_or_else(|| Box::new(before.ledger.clone()));
        state.on_disk = unflushed.then_some(disk);
    }
}

fn take_lease(state: &mut State, place: usize) {
    state.ledger.epoch += 1;
    state.planners[place] = Planner::Ready { epoch: state.ledger.epoch };
}

/// One statement in the source: the oldest arrivals that it sees.
fn read_arrivals(state: &mut State, place: usize, chunk: usize) {
    let Planner::Ready { epoch } = state.planners[place] else { return };
    let seen = || state.source.visible(state.ledger.mark).take(chunk);
    let numbers: Vec<u8> = seen().map(|arrival| arrival.number).collect();
    let rows = seen().map(|arrival| arrival.row).collect();
    let from = From::Arrivals { table: state.source.table, all: numbers.len() < chunk, numbers, deleted: false };
    state.planners[place] = Planner::Holding { epoch, rows, from };
}

/// One statement in the source: the next row in the order of keys.
fn read_table(state: &mut State, place: usize) {
    let Planner::Ready { epoch } = state.planners[place] else { return };
    let row = state.ledger.scan.and_then(|from| state.source.first_row(from));
    let from = From::Table { next: row.map(|key| key + 1) };
    state.planners[place] = Planner::Holding { epoch, rows: row.into_iter().collect(), from };
}

/// One transaction in the ledger. A planner whose epoch is over changes nothing, forgets what it read, and needs a new lease.
fn store(state: &mut State, place: usize, batch_size: usize, bug: Option<Bug>) {
    let Planner::Holding { epoch, rows, from } = std::mem::replace(&mut state.planners[place], Planner::Idle) else {
        return;
    };
    let ledger = &mut state.ledger;
    let accepted = ledger.accepts(epoch, bug);
    if accepted {
        ledger.plan(&rows, batch_size, bug);
    }
    let planner = &mut state.planners[place];
    match from {
        From::Table { next } if accepted => {
            ledger.scan = next;
            *planner = Planner::Ready { epoch };
        }
        From::Table { .. } => {}
        From::Arrivals { table, numbers, all, deleted } => {
            if accepted {
                if table != ledger.table {
                    ledger.table = table;
                    ledger.scan = if bug == Some(Bug::NoScanOfAnotherTable) { ledger.scan } else { Some(0) };
                }
                ledger.drained |= all && ledger.phase == Phase::Finishing;
                if bug == Some(Bug::HighWaterMark) {
                    ledger.mark = numbers.last().map_or(ledger.mark, |last| last + 1);
                }
            }
            if accepted && (deleted || numbers.is_empty()) {
                *planner = Planner::Ready { epoch };
            } else if !deleted && (accepted || bug == Some(Bug::DeleteAlthoughRefused)) {
                *planner = Planner::Stored { epoch, table, numbers };
            }
        }
    }
}

/// One transaction in the source.
fn delete_arrivals(state: &mut State, place: usize, bug: Option<Bug>) {
    let planner = &mut state.planners[place];
    match planner {
        Planner::Stored { epoch, table, numbers } => {
            state.source.forget(*table, numbers, bug);
            *planner = Planner::Ready { epoch: *epoch };
        }
        Planner::Holding { from: From::Arrivals { table, numbers, deleted, .. }, .. } => {
            state.source.forget(*table, numbers, bug);
            *deleted = true;
        }
        _ => {}
    }
}

/// A transaction of a planner in the ledger that needs no reading.
fn if_accepted(state: &mut State, place: usize, bug: Option<Bug>, change: impl FnOnce(&mut State)) {
    if state.planners[place].epoch().is_some_and(|epoch| state.ledger.accepts(epoch, bug)) {
        change(state);
    } else {
        state.planners[place] = Planner::Idle;
    }
}

fn store_checkpoint(state: &mut State, place: usize, bug: Option<Bug>) {
    if let Maker::Made { checkpoint, published } = std::mem::replace(&mut state.makers[place], Maker::Idle)
        && state.ledger.store_checkpoint(&checkpoint, bug)
        && !published
    {
        state.makers[place] = Maker::Stored { digest: checkpoint.digest };
    }
}

fn publish(state: &mut State, place: usize) {
    let digest = match &mut state.makers[place] {
        Maker::Idle => return,
        Maker::Made { checkpoint, published } => {
            *published = true;
            checkpoint.digest
        }
        Maker::Stored { digest } => {
            let digest = *digest;
            state.makers[place] = Maker::Idle;
            digest
        }
    };
    if !state.published.contains(&digest) {
        state.published.push(digest);
        state.published.sort_unstable();
    }
}
