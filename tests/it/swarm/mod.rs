//! Faults by chance: jobs over real servers and real processes, two to five faults at random moments, and the history of what
//! happened held against the promises by SQL.
//!
//! `VAULTSTREAM_SWARM_MINUTES` is how long rounds are begun; without it, as long as a test may take. What a failed round prints as
//! its seed plays it again: `VAULTSTREAM_SWARM_SEED=SEED:ROUND`, or `SEED` for all of them.

mod crew;
mod faults;
mod growth;
mod history;
mod plan;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

use crew::Crew;
use futures_util::future::join_all;
use history::History;
use plan::{Fault, Kind, Plan, RECORDS};

use crate::harness::Site;

/// How long rounds are begun in a test run.
const TIME: Duration = Duration::from_secs(75);

/// Jobs, and how often each kind of fault has met one of them.
#[derive(Default)]
struct Tally {
    rounds: u64,
    met: BTreeMap<Fault, u64>,
    missed: u64,
}

impl Tally {
    fn lacks_none(&self) -> bool {
        Fault::ALL.iter().all(|fault| self.met.contains_key(fault))
    }
}

/// What the environment asks for: a seed, and the only round of it or all.
fn asked() -> Option<(u64, Option<u64>)> {
    let text = std::env::var("VAULTSTREAM_SWARM_SEED").ok()?;
    let (seed, round) = match text.split_once(':') {
        Some((seed, round)) => (seed, Some(round.parse().expect("VAULTSTREAM_SWARM_SEED is SEED or SEED:ROUND"))),
        None => (text.as_str(), None),
    };
    Some((seed.parse().expect("VAULTSTREAM_SWARM_SEED is SEED or SEED:ROUND"), round))
}

fn time() -> Duration {
    let minutes = std::env::var("VAULTSTREAM_SWARM_MINUTES").ok().filter(|text| !text.is_empty());
    minutes.map_or(TIME, |text| {
        Duration::from_secs_f64(60.0 * text.parse::<f64>().expect("VAULTSTREAM_SWARM_MINUTES is a number"))
    })
}

/// Seen in a run of many tests, too: what macros print is kept back while tests succeed.
fn tell(words: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "swarm: {words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_each_record_is_signed_once_and_nothing_is_lost() {
    let (seed, only) = asked().unwrap_or_else(|| (rand::random::<u32>().into(), None));
    tell(format_args!("seed {seed}"));
    let mut tally = Tally::default();
    if let Some(number) = only {
        round(seed, number, &mut tally).await;
        return tell(format_args!("seed {seed}:{number} met {:?}", tally.met));
    }
    let (begun, time) = (Instant::now(), time());
    // On a machine that is so slow that its time holds too few rounds for every kind of fault, there are more.
    while begun.elapsed() < time || !tally.lacks_none() {
        let number = tally.rounds;
        round(seed, number, &mut tally).await;
    }
    let Tally { rounds, met, missed } = tally;
    let all: u64 = met.values().sum();
    tell(format_args!("seed {seed}: {rounds} rounds, {all} faults, {missed} came too late: {met:?}"));
}

async fn round(seed: u64, number: u64, tally: &mut Tally) {
    let plan = Plan::of(seed, number);
    // Shown when the round fails.
    eprintln!("VAULTSTREAM_SWARM_SEED={seed}:{number} plays this again: {plan:?}");
    let site = Site::breakable().await;
    match plan.kind {
        Kind::Table => site.execute(&Plan::table()).await,
        Kind::Followed => growth::prepare(&site).await,
        Kind::Generated | Kind::Broken => {}
    }
    let crew = Crew::new(&site, &plan).await;
    let history = History::begin(&site).await;
    crew.start_all().await;
    let strikes = join_all(plan.strikes.iter().map(|strike| faults::strike(&crew, strike)));
    let growth = async {
        if plan.kind == Kind::Followed {
            growth::run(&site, crew.uid).await;
        }
    };
    let (met, ()) = tokio::join!(strikes, growth);
    crew.finish().await;
    history.check(RECORDS - plan.rejected, plan.rejected).await;
    tally.rounds += 1;
    for (strike, met) in plan.strikes.iter().zip(met) {
        if met {
            *tally.met.entry(strike.fault).or_default() += 1;
        } else {
            tally.missed += 1;
        }
    }
}
