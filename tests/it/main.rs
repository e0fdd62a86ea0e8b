//! The whole program on real servers: real Postgres, real nats-server, real processes that are killed, stopped, starved
//! and fed with nonsense.
//!
//! The programs are the shipped ones with fault points compiled in (`crates/faults`). All tests share one Postgres and one
//! nats-server, with a database each; those that break a server start their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this program holds only tests")]

mod harness;

mod anchors;
mod bench;
mod bundle_tokens;
mod bundles;
mod certificates;
mod checkpoints;
mod clusters;
mod confined;
mod custody;
mod damage;
mod development;
mod exports;
mod faulty_backends;
mod fences;
mod finished;
mod following;
mod forgeries;
mod forgers;
mod hints;
mod hostile_worker;
mod interrupts;
mod issued;
mod keys;
mod kills;
mod kms;
mod leaving;
mod live_page;
mod mutation;
mod nats;
mod operator_login;
mod outages;
mod pipes;
mod places;
mod receipts;
mod refusals;
mod rejects;
mod restore;
mod rows;
mod samples;
mod seeding;
mod sessions;
mod source_command;
mod sources;
mod status;
mod streams;
mod swarm;
mod tables;
mod tampering;
mod tenants;
mod traces;
mod transit;
mod transit_logins;
mod upgrades;
mod verdicts;
mod verifiers;
mod worker;
