//! A model of a job that follows a table: arrivals → mapping → batches → checkpoints. All histories of it are explored.
//!
//! `cargo test --release --locked -p vaultstream-model -- --nocapture` prints the size of each exploration, and a shortest history for
//! each planted bug. Where the design was open, the model takes one of several ways. Such a choice is written here with its reason, and most
//! have a planted bug ([`bug`]) that shows what happens otherwise.
//!
//! # Planning
//!
//! 1. Arrivals, the rows that were there, and the rows that no trigger has seen are planned by one transaction in the ledger: a row that has
//!    an ordinal keeps it, others get the next ones, full batches are closed. So the three may overlap and be repeated in any order.
//! 2. An ordinal is the number of the rows before, counted under the job's lock. A sequence counts rows that turn out to be planned
//!    already, and leaves gaps.
//! 3. A row is unique in the whole mapping of the job. If the mapping had partitions, an arrival that is read again after a crash would get a
//!    second ordinal in the next one.
//! 4. What a planner stores names its epoch. The ordinals would be right without that; it protects all else that a planner says: how far
//!    the table was looked through, and that no arrival waits. Each new planner raises the epoch, and so does who removes `follow`: what was
//!    read before has to be read again. A planner that is refused, or does not know what became of its commit, takes a new epoch before it
//!    reads, because its own transaction may be committed later; that is the same as a planner that was overtaken.
//! 5. Arrivals are deleted after the ledger has said that their rows are committed, which is on disk by then; exactly those that were read;
//!    in a transaction of its own in the source; and only if the arrivals table is the one, by its oid, that they were read from. Whoever does that may be
//!    paused for any time: what it deletes is planned. A planner that was refused deletes nothing.
//! 6. No number of a row or an arrival decides what is read. All arrivals that are visible wait to be planned, the smallest number first.
//! 7. Another arrivals table than the one that the ledger knows may have replaced one with arrivals in it. Who plans the first reading of it
//!    begins a new look through the table in the same transaction.
//!
//! # Start
//!
//! 8. The rows that are there are read in statements that begin after the trigger is committed. `CREATE TRIGGER` waits for
//!    the transactions that have written, so that a row without an arrival is visible to these statements.
//!
//! # Signing
//!
//! 9. Batches are closed in the ledger, from what it knows itself: a planner only says that it is time.
//! 10. Rows are read from the server that arrivals are read from, or from one that cannot lag behind it: else a row that is there is
//!     taken for gone.
//! 11. A row that was rejected because it was gone, and comes back, keeps its reject: a key has one ordinal for ever, as a row that is changed
//!     keeps its signature.
//!
//! # Checkpoints
//!
//! 12. A checkpoint is stored if the one that it names is still the last one; else its maker makes another. That is enough: no lease is
//!     needed. It is published after that, because what strangers have seen cannot be taken back.
//!
//! # End
//!
//! 13. The job owes the rows that were committed before `follow` was removed, if they are there or have left an arrival. Those of later
//!     transactions may be in it, or not.
//! 14. It has read all arrivals when a reading, made under an epoch after the removal, found fewer than it asked for, and the ledger has
//!     committed what was found. That is noted in the same transaction, and nothing is read afterwards. To wait until no
//!     arrival is left would take for ever while others insert. Arrivals may still be there when the job is complete.
//! 15. After the removal the table is looked through once more from its beginning; else rows that no trigger has seen would be missing.
//! 16. The last checkpoint is the receipt. The transaction that stores it asks once more, under the job's lock, whether all this is so and all ordinals
//!     are in signed batches, and completes the job.
//!
//! # What is left out
//!
//! A restart of a server, a connection that is lost, and a commit whose outcome is unknown are a process that ends or is paused before or
//! after that transaction. Transactions have one row: those with more are seen as a whole, which allows less. Messages are hints, so that a
//! worker may take any closed batch at any time. Two jobs do not follow one table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this program holds only tests")]

mod bug;
mod choices;
mod explore;
mod ledger;
mod model;
mod planted;
mod scenario;
mod sound;
mod source;
mod state;
mod steps;
