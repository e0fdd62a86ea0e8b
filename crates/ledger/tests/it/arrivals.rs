//! New rows of a table are noted by the transaction that inserts them, whoever that is and however it does it.

mod kept;
mod refused;
mod rights;
mod writers;

use std::time::Duration;

use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use vaultstream_ledger::Ledger;
use vaultstream_ledger::arrivals::{self, Arrivals, ArrivalsError, Enable, Enabled, Outcome, TableName};

use crate::stage::{Stage, options, url_as};

fn table(name: &str) -> TableName {
    TableName { schema: "public".to_owned(), name: name.to_owned() }
}

fn wish(name: &str) -> Enable {
    Enable { table: table(name), key: None, readers: Vec::new(), lock_timeout: Duration::from_secs(20) }
}

fn by(name: &str, key: &[&str]) -> Enable {
    Enable { key: Some(key.iter().map(|column| (*column).to_owned()).collect()), ..wish(name) }
}

async fn enable(stage: &Stage, name: &str) -> Enabled {
    let enabled = arrivals::enable(&stage.ledger, &wish(name)).await.unwrap();
    assert_eq!(enabled.outcome, Outcome::Made);
    enabled
}

/// What is there for a table.
async fn there(stage: &Stage, name: &str) -> Arrivals {
    arrivals::find(&stage.sql().await, "public", name).await.unwrap().unwrap()
}

/// The keys that are noted, as texts, as they lie in the table.
async fn noted(sql: &Client, arrivals: &Arrivals) -> Vec<String> {
    let key: Vec<String> = (1..=arrivals.columns.len()).map(|at| format!("k{at}::text")).collect();
    let key = key.join(", ");
    let rows = sql.query(&format!("SELECT concat_ws(',', {key}) FROM {} ORDER BY ctid", arrivals.table), &[]).await;
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

/// The same, in the order of their texts.
async fn noted_sorted(sql: &Client, arrivals: &Arrivals) -> Vec<String> {
    let mut keys = noted(sql, arrivals).await;
    keys.sort();
    keys
}

/// A login of this test's own.
async fn role(stage: &Stage, what: &str) -> String {
    let role = format!("{what}_{:x}", Uuid::new_v4().as_u128());
    stage.sql().await.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    role
}

async fn connect(stage: &Stage, role: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(&url_as(&stage.url, role), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn ledger_as(stage: &Stage, role: &str) -> Ledger {
    Ledger::connect(&options(&url_as(&stage.url, role))).await.unwrap()
}

/// The sentence of an error.
fn told<T: std::fmt::Debug>(result: Result<T, ArrivalsError>) -> String {
    result.unwrap_err().to_string()
}
