//! A hostile worker: with the complete Secret of one tenant it tries everything that the catalog of the ledger, Postgres and NATS have on the
//! job of another one, and prints a line for each attempt.
//!
//! ```text
//! connection folder, victim.json ─▶ catalog, server   (Postgres: each relation, column and function; what a login can do beside them)
//!                                 └▶ messages          (NATS: JetStream's API, acknowledgements, subjects, inboxes)
//! ```
//!
//! `tests/it/hostile.rs` runs it against a job that signs. By hand, against an installation whose servers are reached without TLS:
//!
//! ```console
//! $ psql -At -f tests/hostile/victim.sql OWNERS_URL >victim.json
//! $ cargo run --release -p vaultstream-tests --bin hostile -- FOLDER victim.json
//! ```
//!
//! FOLDER holds `DATABASE_URL` and `NATS_URL` of another namespace's Secret. Transactions are rolled back, so that a gap does no harm; with
//! `--commit` they are committed. It does not have the server send an empty message to a subject of the victim, which docs/threat-model.md
//! accepts: that costs the job time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this program is a test")]

mod calls;
mod catalog;
mod database;
#[path = "../../crates/streams/tests/nats/hostile.rs"]
mod hostile;
mod messages;
mod report;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde::Deserialize;
use uuid::Uuid;
use vaultstream_streams::{JobStreams, Tenant};

use calls::Victim;
use catalog::Own;
use database::Database;
use messages::Nats;
use report::Report;

/// Tries to reach another tenant's job.
#[derive(Parser)]
struct Args {
    /// The attacker's connection Secret, as a folder.
    folder: PathBuf,
    /// What is known of the victim, as `victim.sql` prints it.
    victim: PathBuf,
    /// Commit what succeeds, instead of rolling it back.
    #[arg(long)]
    commit: bool,
}

/// The victim's job.
#[derive(Deserialize)]
struct Known {
    cluster: String,
    namespace: String,
    role: String,
    uid: Uuid,
    generation: i64,
    job: i64,
    key: i64,
    epoch: i64,
    lease: Uuid,
    #[serde(rename = "planEpoch")]
    plan_epoch: i64,
    plan: Uuid,
    kek: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let read = |name: &str| std::fs::read_to_string(args.folder.join(name)).expect(name).trim().to_owned();
    let known = std::fs::read_to_string(&args.victim).expect("the file of the victim");
    let known: Known = serde_json::from_str(&known).expect("what victim.sql prints");
    let victim = Victim {
        job: known.job,
        key: known.key,
        epoch: known.epoch,
        lease: known.lease,
        plan: (known.plan_epoch, known.plan),
        kek: known.kek.clone(),
    };
    let config: tokio_postgres::Config = read("DATABASE_URL").parse().expect("DATABASE_URL");

    let mut report = Report::default();
    let holder = Database::connect(&config, args.commit).await;
    let database = Database::connect(&config, args.commit).await;
    let own = Own::read(&database).await;
    assert_ne!((&own.cluster, &own.namespace), (&known.cluster, &known.namespace), "the attacker is the victim");
    report.own(format_args!("the tenant {}", own.namespace));

    server::hold(&holder, &mut report, known.job).await;
    server::login_as(&config, &mut report, &known.role).await;
    catalog::relations(&database, &mut report, &own, &victim, &known.namespace).await;
    catalog::functions(&database, &mut report, &own, &victim).await;
    server::statements(&database, &mut report, &known.role, known.job).await;
    match holder.notifications() {
        0 => report.nothing("what the channels told"),
        told => report.found("what the channels told", told),
    }

    let streams = JobStreams::new(Tenant::new(&known.cluster, &known.namespace), known.uid, known.generation);
    let mine = JobStreams::new(Tenant::new(&own.cluster, &own.namespace), Uuid::new_v4(), 1);
    Nats::read(&read("NATS_URL")).attack(&mut report, &streams, &known.role, &mine).await;
    if report.end() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
