//! Each planted bug is found.

use crate::bug::Bug;
use crate::explore::finds;
use crate::model::{CHAIN, COMPLETE, GONE, NO_GAPS, NOTHING_LOST, ONE_ORDINAL, ONE_OUTCOME, PUBLISHED};
use crate::scenario::{ANEW, CHANGES, CHECKPOINTS, FINISHING, FINISHING_UNSEEN, LATE_COMMITS, START};

#[test]
fn arrivals_deleted_before_the_ledger_commits() {
    finds(Bug::DeleteBeforeCommit, LATE_COMMITS, NOTHING_LOST);
}

#[test]
fn arrivals_deleted_although_the_ledger_refused() {
    finds(Bug::DeleteAlthoughRefused, LATE_COMMITS, NOTHING_LOST);
}

#[test]
fn arrivals_deleted_up_to_a_number() {
    finds(Bug::DeleteUpToNumber, LATE_COMMITS, NOTHING_LOST);
}

#[test]
fn arrivals_deleted_in_another_table() {
    finds(Bug::DeleteFromAnotherTable, ANEW, NOTHING_LOST);
}

#[test]
fn another_arrivals_table_without_a_look_through_the_table() {
    finds(Bug::NoScanOfAnotherTable, ANEW, NOTHING_LOST);
}

#[test]
fn a_high_water_mark() {
    finds(Bug::HighWaterMark, LATE_COMMITS, NOTHING_LOST);
}

#[test]
fn no_epoch_check() {
    finds(Bug::NoEpochCheck, ANEW, NOTHING_LOST);
    finds(Bug::NoEpochCheck, FINISHING, COMPLETE);
}

#[test]
fn the_epoch_of_before_counts_after_the_removal() {
    finds(Bug::EpochKeptAtRemoval, FINISHING, COMPLETE);
}

#[test]
fn rows_planned_before_the_trigger_is_there() {
    finds(Bug::RowsBeforeTrigger, START, NOTHING_LOST);
}

#[test]
fn a_trigger_that_waits_for_no_transaction() {
    finds(Bug::TriggerWithoutLock, START, NOTHING_LOST);
}

#[test]
fn a_commit_that_is_not_on_disk() {
    finds(Bug::CommitNotFlushed, LATE_COMMITS, NOTHING_LOST);
}

#[test]
fn ordinals_from_a_sequence() {
    finds(Bug::OrdinalsFromSequence, CHANGES, NO_GAPS);
}

#[test]
fn rows_unique_in_the_open_partition_only() {
    finds(Bug::UniqueInOpenPartition, CHANGES, ONE_ORDINAL);
}

#[test]
fn no_fence() {
    finds(Bug::NoFence, CHANGES, ONE_OUTCOME);
}

#[test]
fn rows_read_from_a_standby() {
    finds(Bug::RowsReadFromStandby, CHANGES, GONE);
}

#[test]
fn rows_that_are_gone_are_left_out() {
    finds(Bug::GoneRowsSkipped, CHANGES, ONE_OUTCOME);
}

#[test]
fn a_checkpoint_over_a_gap() {
    finds(Bug::CheckpointOverGap, CHECKPOINTS, CHAIN);
}

#[test]
fn a_checkpoint_beside_another() {
    finds(Bug::CheckpointNotCompared, CHECKPOINTS, CHAIN);
}

#[test]
fn a_checkpoint_published_before_it_is_stored() {
    finds(Bug::PublishBeforeCommit, CHECKPOINTS, PUBLISHED);
}

#[test]
fn an_end_while_arrivals_wait() {
    finds(Bug::FinishWhileArrivalsWait, FINISHING, COMPLETE);
}

#[test]
fn an_end_without_a_look_through_the_table() {
    finds(Bug::FinishWithoutScan, FINISHING_UNSEEN, COMPLETE);
}

#[test]
fn an_end_with_a_batch_that_is_open() {
    finds(Bug::FinishWithOpenBatch, FINISHING, COMPLETE);
}
