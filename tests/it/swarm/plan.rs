//! What a seed stands for: for each round a job, and the faults that meet it.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};

use crate::harness::{generated, of_table};

/// Records of each job.
pub(super) const RECORDS: i64 = 2400;
/// Workers of each job.
pub(super) const WORKERS: usize = 3;
/// Rows of a table job without a payload: each of this number.
const NULL_EVERY: i64 = 97;
/// Records whose signatures never verify, in jobs that have such.
pub(super) const BROKEN: &str = "77,1402,2399";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    KillWorker,
    KillAtPoint,
    StopWorker,
    StopAtPoint,
    Cut,
    Hold,
    Delay,
    Duplicate,
    RestartPostgres,
    CrashPostgres,
    RestartNats,
    CrashNats,
    WipeJetStream,
    ReplaceDriver,
}

impl Fault {
    pub(super) const ALL: [Self; 14] = [
        Self::KillWorker,
        Self::KillAtPoint,
        Self::StopWorker,
        Self::StopAtPoint,
        Self::Cut,
        Self::Hold,
        Self::Delay,
        Self::Duplicate,
        Self::RestartPostgres,
        Self::CrashPostgres,
        Self::RestartNats,
        Self::CrashNats,
        Self::WipeJetStream,
        Self::ReplaceDriver,
    ];
}

/// Fault points of a worker's way from a batch to its acknowledgement.
const POINTS: &[&str] = &[
    "unit-gathered",
    "payload-read",
    "unit-signed",
    "before-fence",
    "after-fence",
    "mid-copy",
    "before-commit",
    "after-commit",
    "before-ack",
    "before-key-return",
];

/// A fault, and the circumstances in which it meets the job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strike {
    pub(super) fault: Fault,
    /// It waits until this many records are signed.
    pub(super) signed: i64,
    /// The worker that it meets. Faults of the network meet the driver, too: it is the last one.
    pub(super) whom: usize,
    pub(super) lasts: Duration,
    /// Where and at which pass a process ends or stops.
    pub(super) point: (&'static str, u32),
    /// Whether the network breaks on the way to Postgres, and on the way to NATS.
    pub(super) ways: (bool, bool),
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Generated,
    /// A table in which some rows have no payload.
    Table,
    /// The same, with most rows inserted while the job follows it.
    Followed,
    /// Some records can never be signed.
    Broken,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) kind: Kind,
    pub(super) manifest: String,
    pub(super) rejected: i64,
    pub(super) strikes: Vec<Strike>,
}

impl Plan {
    /// The plan of one round; the same for the same seed.
    pub(super) fn of(seed: u64, round: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let kind = *[Kind::Generated, Kind::Table, Kind::Followed, Kind::Broken].choose(&mut random).unwrap();
        let spec = spec(kind, &mut random);
        let (manifest, rejected) = match kind {
            Kind::Generated => (generated("job", RECORDS.unsigned_abs(), &spec), 0),
            Kind::Table => (of_table("job", "rows", &spec), RECORDS / NULL_EVERY),
            Kind::Followed => (of_table("job", "rows", &format!("{spec}\n{FOLLOW}")), RECORDS / NULL_EVERY),
            Kind::Broken => (generated("job", RECORDS.unsigned_abs(), &spec), BROKEN.split(',').count() as i64),
        };
        let strikes = faults(seed, round).into_iter().map(|fault| Strike::new(fault, &mut random)).collect();
        Self { kind, manifest, rejected, strikes }
    }

    /// Statements that make the table of a table job.
    pub(super) fn table() -> String {
        format!("CREATE TABLE rows (id bigint PRIMARY KEY, body text); {}", Self::rows(1, RECORDS))
    }

    /// Those that make the table of a job that follows it, with its first rows.
    pub(super) fn growing_table() -> String {
        format!("CREATE TABLE rows (id bigint PRIMARY KEY, body text); {}", Self::rows(1, RECORDS / 4))
    }

    /// The statement that inserts some rows, unless they are there.
    pub(super) fn rows(first: i64, last: i64) -> String {
        format!(
            "INSERT INTO public.rows SELECT n, CASE WHEN n % {NULL_EVERY} <> 0 THEN 'row ' || n END \
             FROM generate_series({first}, {last}) n ON CONFLICT DO NOTHING"
        )
    }
}

const FOLLOW: &str = "follow: {maxDelay: 200ms, checkpoint: {every: 2s}}";

fn spec(kind: Kind, random: &mut StdRng) -> String {
    let batch = [7, 20, 50].choose(random).unwrap();
    let keys = random.random_range(3..=8);
    let wears_out = if random.random_bool(0.3) { ", maxSignatures: 300" } else { "" };
    let message = ["Payload", "Bound"].choose(random).unwrap();
    // What is never signed is found only where each signature is checked.
    let verify = if kind == Kind::Broken { "All" } else { ["None", "Sample", "All"].choose(random).unwrap() };
    format!(
        "batchSize: {batch}\nkeys: {{count: {keys}, lease: {{records: 100, duration: 5s}}{wears_out}}}\n\
         concurrency: {{records: 2, signers: 2}}\nworkers: {{maxRecordsPerSecond: 200}}\nmaxRejected: 30\n\
         signing: {{message: {message}, verify: {verify}}}\n\
         retry: {{maxAttempts: 2, initialBackoff: 10ms, maxBackoff: 50ms}}"
    )
}

/// Two to five, dealt from decks that hold each kind once: a few rounds meet every kind.
fn faults(seed: u64, round: u64) -> Vec<Fault> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut deck = Vec::new();
    let mut passed = 0;
    loop {
        let number = random.random_range(2..=5);
        if deck.len() < number {
            let mut all = Fault::ALL;
            all.shuffle(&mut random);
            deck.extend(all);
        }
        let dealt: Vec<Fault> = deck.drain(..number).collect();
        if passed == round {
            return dealt;
        }
        passed += 1;
    }
}

impl Strike {
    fn new(fault: Fault, random: &mut StdRng) -> Self {
        let ways = *[(true, false), (false, true), (true, true)].choose(random).unwrap();
        Self {
            fault,
            signed: random.random_range(RECORDS / 20..RECORDS * 7 / 10),
            whom: random.random_range(0..=WORKERS),
            lasts: Duration::from_millis(random.random_range(200..7000)),
            point: (POINTS.choose(random).unwrap(), random.random_range(1..=3)),
            ways,
        }
    }
}

#[test]
fn a_seed_stands_for_its_rounds_and_a_few_of_them_hold_every_fault() {
    let told = |seed, round| format!("{:?}", Plan::of(seed, round));
    assert_eq!(told(5, 3), told(5, 3));
    assert_ne!(told(5, 3), told(5, 4));
    assert_ne!(told(5, 3), told(6, 3));
    for seed in 0..200 {
        let mut met: Vec<Fault> = (0..8).flat_map(|round| Plan::of(seed, round).strikes).map(|one| one.fault).collect();
        met.sort_unstable();
        met.dedup();
        assert_eq!(met, Fault::ALL, "of seed {seed}");
    }
}
