//! Those who insert: each row in a transaction of its own.

use std::time::{Duration, Instant};

use futures_util::future;
use tokio::time::MissedTickBehavior;
use tokio_postgres::Client;

use super::table::{BenchTable, document, failed};
use crate::error::Failure;

/// How many sessions insert. Commits of several at once share a flush to disk.
pub(super) const SESSIONS: u32 = 16;

/// How long they insert, and how fast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Rows a second together; `None` as fast as they can.
    pub(super) rate: Option<u32>,
    pub(super) time: Duration,
    pub(super) payload_bytes: u32,
}

/// Rows that were inserted, and how long that took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inserted {
    pub(super) rows: u64,
    pub(super) time: Duration,
}

impl Inserted {
    pub(super) fn per_second(self) -> f64 {
        self.rows as f64 / self.time.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// Inserts. A pace that the server cannot keep takes longer.
pub(super) async fn insert(sessions: &[Client], pace: Pace) -> Result<Inserted, Failure> {
    let begun = Instant::now();
    let number = u32::try_from(sessions.len()).unwrap_or(u32::MAX).max(1);
    let inserting = sessions.iter().zip(0..).map(|(session, place)| one(session, pace, place, number));
    let rows = future::try_join_all(inserting).await?.iter().sum();
    Ok(Inserted { rows, time: begun.elapsed() })
}

async fn one(session: &Client, pace: Pace, place: u32, of: u32) -> Result<u64, Failure> {
    let sql = format!("INSERT INTO {} (doc) VALUES ($1)", BenchTable::sql_name());
    let (insert, document) = (session.prepare(&sql).await.map_err(failed)?, document(pace.payload_bytes));
    let begun = Instant::now();
    let mut rows = 0;
    let Some(rate) = pace.rate else {
        while begun.elapsed() < pace.time {
            session.execute(&insert, &[&document]).await.map_err(failed)?;
            rows += 1;
        }
        return Ok(rows);
    };
    // The sessions' turns are spread over the time between two of one.
    let between = Duration::from_secs(1) * of / rate;
    let mut turns = tokio::time::interval_at(tokio::time::Instant::now() + between * place / of, between);
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let all = (pace.time.as_secs_f64() / between.as_secs_f64()).round() as u64;
    while rows < all {
        turns.tick().await;
        session.execute(&insert, &[&document]).await.map_err(failed)?;
        rows += 1;
    }
    Ok(rows)
}
