//! Writers of every kind, by chance: what they commit has to be signed, and what they roll back must not be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::harness::Site;

/// Writers that insert until they are stopped.
pub(super) struct Writers {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

/// What a writer does in one transaction. `{tag}` is another word each time.
const WORKS: &[&str] = &[
    "INSERT INTO moves (body) VALUES ('{tag}')",
    "INSERT INTO moves (body) SELECT '{tag} ' || g FROM generate_series(1, 40) g",
    "INSERT INTO moves (body) VALUES ('{tag}'); SAVEPOINT s; INSERT INTO moves (body) VALUES ('{tag} lost'); ROLLBACK TO s; \
     INSERT INTO moves (body) VALUES ('{tag} kept'); RELEASE s",
    "INSERT INTO moves (id, body) VALUES (md5('{tag}')::uuid, '{tag}') ON CONFLICT (id) DO UPDATE SET body = excluded.body",
    "INSERT INTO moves (id, body) SELECT id, 'again' FROM moves ORDER BY no DESC LIMIT 3 ON CONFLICT (id) DO NOTHING",
    "INSERT INTO moves (id, body) SELECT id, 'twice' FROM moves ORDER BY no DESC LIMIT 3 ON CONFLICT (id) DO UPDATE SET body = moves.body",
    "WITH made AS (INSERT INTO moves (body) VALUES ('{tag}') RETURNING id) SELECT count(*) FROM made",
    "INSERT INTO moves (id, body) VALUES (gen_random_uuid(), '{tag} gone'); DELETE FROM moves WHERE body = '{tag} gone'",
    "UPDATE moves SET body = body WHERE no % 97 = 0",
];

/// Starts some. The seed is printed.
pub(super) async fn start(site: &Site, count: usize) -> Writers {
    let seed = seed();
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (client, stop) = (site.sql().await, Arc::clone(&stop));
        let mut chance = StdRng::seed_from_u64(seed.wrapping_add(number as u64));
        tasks.spawn(async move {
            let mut turn = 0;
            while !stop.load(Ordering::SeqCst) {
                turn += 1;
                transaction(&client, &mut chance, &format!("{number} {turn}")).await;
                tokio::time::sleep(Duration::from_millis(chance.random_range(0..40))).await;
            }
        });
    }
    Writers { stop, tasks }
}

async fn transaction(client: &Client, chance: &mut StdRng, tag: &str) {
    let work = WORKS[chance.random_range(0..WORKS.len())].replace("{tag}", tag);
    let end = if chance.random_range(0..5) == 0 { "ROLLBACK" } else { "COMMIT" };
    client.batch_execute("BEGIN").await.unwrap();
    let done = client.batch_execute(&work).await;
    // It is committed later than others that began after it.
    if chance.random_range(0..3) == 0 {
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..300))).await;
    }
    // Two upserts may wait for each other.
    let end = if done.is_ok() { end } else { "ROLLBACK" };
    client.batch_execute(end).await.unwrap();
}

impl Writers {
    pub(super) async fn stop(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

/// Another one each time, unless `VAULTSTREAM_FOLLOW_SEED` says which; printed when the test fails.
pub(super) fn seed() -> u64 {
    let asked = std::env::var("VAULTSTREAM_FOLLOW_SEED").ok();
    let seed = asked.map_or_else(rand::random, |text| text.parse().expect("VAULTSTREAM_FOLLOW_SEED is a number"));
    eprintln!("VAULTSTREAM_FOLLOW_SEED={seed} plays this again, as far as servers do");
    seed
}
