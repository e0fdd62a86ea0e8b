//! The rows of a table that its job follows, inserted while faults meet the job; then the job ceases to follow.

use std::time::Duration;

use tokio_postgres::NoTls;
use uuid::Uuid;
use vaultstream_ledger::jobs;

use super::plan::{Plan, RECORDS};
use crate::harness::{PATIENCE, Program, Site};

/// Rows of an insert.
const STEP: i64 = 24;

/// Makes the table, and has its new rows noted.
pub(super) async fn prepare(site: &Site) {
    site.execute(&Plan::growing_table()).await;
    let enable = ["source", "enable", "--table", "public.rows", "--database-url", &site.database_url];
    Program::vaultstream(&enable).end().await.assert_code(0);
}

/// Inserts all rows, whatever the server does meanwhile, and removes `follow` from the job.
pub(super) async fn run(site: &Site, uid: Uuid) {
    let mut next = RECORDS / 4 + 1;
    while next <= RECORDS {
        let last = (next + STEP - 1).min(RECORDS);
        // One whose outcome is not known is inserted again.
        if insert(site, &Plan::rows(next, last)).await.is_some() {
            next = last + 1;
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    let removal = async {
        while remove_follow(site, uid).await.is_none() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, removal).await.expect("follow cannot be removed");
}

async fn insert(site: &Site, statement: &str) -> Option<()> {
    let (client, connection) = tokio_postgres::connect(&site.database_url, NoTls).await.ok()?;
    tokio::spawn(connection);
    client.batch_execute(statement).await.ok()
}

async fn remove_follow(site: &Site, uid: Uuid) -> Option<()> {
    let ledger = site.ledger().await;
    let mut job = jobs::by_uid(&ledger, uid).await.ok()??;
    job.spec.follow = None;
    jobs::update_spec(&ledger, job.id, &job.spec, job.spec_generation + 1).await.ok().map(drop)
}
