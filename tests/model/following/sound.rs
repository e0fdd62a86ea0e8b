//! The protocol as it is keeps its promises.

use crate::explore::holds;
use crate::scenario::{
    ANEW, CHANGES, CHECKPOINTS, FINISHING, FINISHING_CRASHES, FINISHING_UNSEEN, LATE_COMMITS, RECONCILING, START,
};

#[test]
fn when_transactions_end_in_any_order() {
    holds(LATE_COMMITS);
}

#[test]
fn when_a_table_with_rows_gets_its_trigger() {
    holds(START);
}

#[test]
fn when_rows_go_and_come_back() {
    holds(CHANGES);
}

#[test]
fn when_makers_of_checkpoints_race() {
    holds(CHECKPOINTS);
}

#[test]
fn when_no_trigger_sees_a_row() {
    holds(RECONCILING);
}

#[test]
fn when_the_trigger_is_made_anew() {
    holds(ANEW);
}

#[test]
fn when_follow_is_removed() {
    holds(FINISHING);
}

#[test]
fn when_follow_is_removed_and_no_trigger_sees_a_row() {
    holds(FINISHING_UNSEEN);
}

#[test]
fn when_follow_is_removed_and_processes_end() {
    holds(FINISHING_CRASHES);
}
