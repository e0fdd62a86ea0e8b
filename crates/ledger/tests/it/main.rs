//! The ledger on a real Postgres: one private server for all tests, a database of its own for each.

#![expect(clippy::unwrap_used, clippy::panic, reason = "this program holds only tests")]

mod advice;
mod answers;
mod arrivals;
mod attempts;
#[path = "../../../../tests/hostile/calls.rs"]
mod calls;
mod changed;
mod commits;
mod connecting;
#[path = "../../../../tests/hostile/contents.rs"]
mod contents;
mod data_keys;
mod ending;
mod erasure;
mod faults;
mod follow_figures;
mod following;
mod frozen;
mod isolation;
mod keyed_rows;
mod keys;
mod limits;
mod migrations;
mod operator;
mod partitions;
mod payloads;
mod planning;
mod poolers;
mod rights;
mod roles;
mod row_keys;
mod rows;
mod seals;
mod seeding;
mod settings;
mod signed_rows;
mod sources;
mod stage;
mod tables;
mod tenants;
mod tls;
mod unknown_outcomes;
mod unreadable;
mod verdicts;
mod verification;
mod views;
