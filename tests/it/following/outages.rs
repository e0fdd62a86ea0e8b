//! The table is in another server than the ledger, and both go away while others insert: one by one, both at once, and the ways to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use vaultstream_embedded::Servers;

use super::{TABLE, ending, following, writers};
use crate::harness::{Lines, PATIENCE, Running, Site, Weather, assert_complete, blocking, until};

/// What a writer knows of the rows that it inserted.
#[derive(Default)]
struct Wrote {
    committed: BTreeSet<Uuid>,
    rolled_back: BTreeSet<Uuid>,
}

/// Inserts until it is told to stop, over a new connection whenever the last one is lost. Whether a transaction is committed whose outcome it
/// does not know, the table says.
async fn write(url: String, mut chance: StdRng, stop: Arc<AtomicBool>) -> Wrote {
    let mut wrote = Wrote::default();
    while !stop.load(Ordering::SeqCst) {
        let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        tokio::spawn(connection);
        while !stop.load(Ordering::SeqCst) && transaction(&client, &mut chance, &mut wrote).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(chance.random_range(0..60))).await;
        }
    }
    wrote
}

async fn transaction(client: &Client, chance: &mut StdRng, wrote: &mut Wrote) -> Result<(), tokio_postgres::Error> {
    let (mut kept, mut lost) = (BTreeSet::new(), BTreeSet::new());
    client.batch_execute("BEGIN").await?;
    for step in 0..chance.random_range(1..4) {
        let is_kept = chance.random_range(0..4) > 0;
        client.batch_execute(&format!("SAVEPOINT s{step}")).await?;
        let ids: Vec<Uuid> = (0..chance.random_range(1..20)).map(|_| Uuid::from_u128(chance.random())).collect();
        let insert = "INSERT INTO public.moves (id, body) SELECT id, 'row ' || id FROM unnest($1::uuid[]) id";
        client.execute(insert, &[&ids]).await?;
        if is_kept {
            kept.extend(ids);
        } else {
            client.batch_execute(&format!("ROLLBACK TO s{step}")).await?;
            lost.extend(ids);
        }
        if chance.random_range(0..3) == 0 {
            tokio::time::sleep(Duration::from_millis(chance.random_range(0..200))).await;
        }
    }
    if chance.random_range(0..5) == 0 {
        client.batch_execute("ROLLBACK").await?;
        lost.append(&mut kept);
    } else {
        client.batch_execute("COMMIT").await?;
    }
    wrote.committed.append(&mut kept);
    wrote.rolled_back.append(&mut lost);
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Sessions are ended, buffers are written.
    SourceRestarted,
    /// Immediate shutdown: it recovers from its log.
    SourceCrashed,
    LedgerRestarted,
    LedgerCrashed,
    BothCrashed,
    /// Neither is reached from here, while others still insert.
    BothCut,
    /// What was sent to either arrives much later.
    BothHeld,
}

impl Fault {
    const ALL: [Self; 7] = [
        Self::SourceRestarted,
        Self::SourceCrashed,
        Self::LedgerRestarted,
        Self::LedgerCrashed,
        Self::BothCrashed,
        Self::BothCut,
        Self::BothHeld,
    ];
}

/// A ledger, a source of its own, and the ways to them from the program that runs.
struct Two {
    site: Site,
    source: Site,
    to_ledger: Lines,
    to_source: Lines,
}

/// An immediate shutdown, this long away, and back.
async fn crash(site: &Site, away: Duration) {
    site.servers(move |servers: &Servers| {
        let postmaster = servers.postgres_pid().and_then(|pid| Pid::from_raw(i32::try_from(pid).unwrap())).unwrap();
        kill_process(postmaster, Signal::QUIT).unwrap();
        servers.stop_postgres();
        std::thread::sleep(away);
        servers.start_postgres().unwrap();
    })
    .await;
}

async fn restart(site: &Site) {
    site.servers(|servers| servers.restart_postgres().unwrap()).await;
}

impl Two {
    async fn new() -> Self {
        let (site, source) = (Site::breakable().await, Site::breakable().await);
        source
            .execute(&format!("{TABLE}; INSERT INTO moves (body) SELECT 'old ' || g FROM generate_series(1, 500) g"))
            .await;
        source.enable("public.moves").await;
        let (to_ledger, to_source) = (Lines::to(&site).await, Lines::to(&source).await);
        Self { site, source, to_ledger, to_source }
    }

    fn run(&self, manifest: &str) -> Running {
        let run = self.site.run(manifest).args(&["--source-url", &self.to_source.database_url]);
        run.env("DATABASE_URL", &self.to_ledger.database_url).start()
    }

    async fn weather(&self, weather: Weather, lasts: Duration) {
        let relays = [&self.to_ledger.postgres, &self.to_source.postgres];
        let before = relays.map(|relay| relay.met.total());
        relays.iter().for_each(|relay| relay.set(weather));
        // However idle the job is. Who waits for one server may ask nothing of the other.
        until("one of both ways is met", || async {
            relays.iter().zip(before).any(|(relay, met)| relay.met.total() > met)
        })
        .await;
        tokio::time::sleep(lasts).await;
        relays.iter().for_each(|relay| relay.set(Weather::default()));
    }

    async fn strike(&self, fault: Fault, lasts: Duration) {
        match fault {
            Fault::SourceRestarted => restart(&self.source).await,
            Fault::SourceCrashed => crash(&self.source, lasts).await,
            Fault::LedgerRestarted => restart(&self.site).await,
            Fault::LedgerCrashed => crash(&self.site, lasts).await,
            Fault::BothCrashed => {
                tokio::join!(crash(&self.source, lasts), crash(&self.site, lasts / 2));
            }
            Fault::BothCut => self.weather(Weather { cut: true, ..Weather::default() }, lasts).await,
            Fault::BothHeld => self.weather(Weather { held: true, ..Weather::default() }, lasts).await,
        }
    }

    /// Keys in the table.
    async fn there(&self) -> BTreeSet<Uuid> {
        let rows = self.source.sql().await.query("SELECT id FROM moves", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Keys that have an ordinal, and how many signatures each of them has.
    async fn planned(&self) -> BTreeMap<Uuid, i64> {
        let sql = "SELECT r.k1, count(s.record_id) FROM vaultstream.rows_1 r \
                   LEFT JOIN vaultstream.signatures_1 s ON s.record_id = r.ordinal GROUP BY r.ordinal, r.k1";
        let rows = self.site.sql().await.query(sql, &[]).await.unwrap();
        let planned: BTreeMap<Uuid, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(planned.len(), rows.len(), "a key has two ordinals");
        planned
    }

    /// Waits until each row that is in the table now is signed.
    async fn until_all_signed(&self) {
        let (there, begun) = (self.there().await, Instant::now());
        loop {
            let planned = self.planned().await;
            let missing = there.iter().filter(|key| planned.get(key).is_none_or(|signed| *signed == 0)).count();
            if missing == 0 {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{missing} of {} rows are not signed", there.len());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The job in the state `state` verifies, its rows and its chain of checkpoints, too.
    async fn assert_verified(&self, state: &str, rows: usize) {
        let verify = ["verify", "--job", "job", "--mode", "full", "--output", "json"];
        let ended = self.site.ledger_command(&verify).args(&["--source-url", &self.source.database_url]).end().await;
        let report = ended.assert_code(0).report();
        assert_eq!((report["state"].as_str(), report["rows"]["compared"].as_u64()), (Some(state), Some(rows as u64)));
        let chain = "SELECT count(*) FROM (SELECT number, batches, lag(number, 1, 0::bigint) OVER w AS before, \
                       lag(batches, 1, 0::bigint) OVER w AS covered FROM vaultstream.checkpoints WINDOW w AS (ORDER BY number)) c \
                     WHERE number <> before + 1 OR batches <= covered";
        assert_eq!(self.site.number(chain).await, 0, "checkpoints follow each other");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_server_goes_away_each_committed_row_is_signed_once_and_no_other() {
    let two = Two::new().await;
    let seed = writers::seed();
    let mut chance = StdRng::seed_from_u64(seed);
    let mut faults = [Fault::ALL, Fault::ALL].concat();
    faults.shuffle(&mut chance);
    eprintln!("{faults:?}");

    let run = two.run(&following(""));
    until("it follows", || async {
        let read = "SELECT count(*) FROM vaultstream.jobs WHERE state = 'Signing' AND follow_read_at IS NOT NULL";
        two.site.number_or_zero(read).await == 1
    })
    .await;
    let stop = Arc::<AtomicBool>::default();
    let mut all = JoinSet::new();
    for number in 0..3 {
        let chance = StdRng::seed_from_u64(seed.wrapping_add(1 + number));
        all.spawn(write(two.source.database_url.clone(), chance, Arc::clone(&stop)));
    }
    for fault in faults {
        // Half of them meet a job that has not recovered from the one before.
        if chance.random_bool(0.5) {
            two.until_all_signed().await;
        }
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..700))).await;
        two.strike(fault, Duration::from_millis(chance.random_range(100..1500))).await;
        assert!(run.status("State").starts_with(['R', 'S', 'D']), "it gave up after {fault:?}: {}", run.stderr());
    }
    stop.store(true, Ordering::SeqCst);
    let wrote = all.join_all().await;
    two.until_all_signed().await;
    // The first ones may have been made while nothing went away.
    let checkpoints = "SELECT coalesce(max(batches), 0) FROM vaultstream.checkpoints";
    let signed = "SELECT count(*) FROM vaultstream.batches";
    until("a checkpoint covers all", || async { two.site.number(checkpoints).await == two.site.number(signed).await })
        .await;
    run.signal(Signal::INT);
    run.end().await.assert_code(0);
    let there = two.there().await;
    two.assert_verified("Signing", there.len()).await;

    two.run(&ending("")).end().await.assert_code(0);
    let planned = two.planned().await;
    assert!(planned.values().all(|signed| *signed == 1), "each row has one signature");
    assert_eq!(planned.into_keys().collect::<BTreeSet<_>>(), there, "the rows of the table, and no others");
    for Wrote { committed, rolled_back } in &wrote {
        assert!(committed.len() > 50 && !rolled_back.is_empty(), "the writers did little");
        assert!(committed.is_subset(&there) && rolled_back.is_disjoint(&there));
    }
    assert_complete(&two.site, "job", there.len() as i64, 0).await;
    two.assert_verified("Complete", there.len()).await;
    blocking(move || drop(two)).await;
}
