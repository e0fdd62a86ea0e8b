//! Rows that are inserted at a rate that can be changed, for as long as the story needs them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Transactions a second.
const OFTEN: u64 = 4;

pub(crate) struct Load {
    rows_a_second: Arc<AtomicU64>,
    over: CancellationToken,
    inserting: AbortOnDropHandle<u64>,
}

impl Load {
    pub(crate) fn start(sql: Client) -> Self {
        let (rows_a_second, over) = (Arc::<AtomicU64>::default(), CancellationToken::new());
        let inserting = tokio::spawn(insert(sql, Arc::clone(&rows_a_second), over.clone()));
        Self { rows_a_second, over, inserting: AbortOnDropHandle::new(inserting) }
    }

    pub(crate) fn set(&self, rows_a_second: u64) {
        assert!(!self.inserting.is_finished(), "nothing is inserted any more");
        self.rows_a_second.store(rows_a_second, Ordering::SeqCst);
    }

    /// Returns how many rows were committed.
    pub(crate) async fn stop(&mut self) -> u64 {
        self.over.cancel();
        (&mut self.inserting).await.unwrap()
    }
}

/// Every tenth transaction is rolled back.
async fn insert(sql: Client, rows_a_second: Arc<AtomicU64>, over: CancellationToken) -> u64 {
    sql.batch_execute("SET SESSION AUTHORIZATION till").await.unwrap();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / u32::try_from(OFTEN).unwrap());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut committed = 0;
    for turn in 1_u64.. {
        tick.tick().await;
        if over.is_cancelled() {
            break;
        }
        let count = rows_a_second.load(Ordering::SeqCst) / OFTEN;
        let (end, kept) = if turn % 10 == 0 { ("ROLLBACK", 0) } else { ("COMMIT", count) };
        sql.batch_execute(&format!(
            "BEGIN; INSERT INTO shop.orders (doc) SELECT jsonb_build_object('no', n, 'at', clock_timestamp()) \
             FROM generate_series(1, {count}) n; {end}"
        ))
        .await
        .unwrap();
        committed += kept;
    }
    committed
}
