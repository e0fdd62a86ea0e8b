//! Jobs that live while each watch is disturbed now and then and one write in ten fails, by chance.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;

use super::life::Traits;
use super::proxy::WatchFault;
use super::{Proxied, is_long, seed};

const WATCHED: [&str; 4] = ["signingjobs", "deployments", "poddisruptionbudgets", "pods"];
const SHORT_RUN: Duration = Duration::from_secs(20);
const LONG_RUN: Duration = Duration::from_secs(600);
/// Jobs that live at the same time.
const JOBS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn jobs_end_as_any_other_while_events_come_late_or_never_and_writes_fail_by_chance() {
    let seed = seed();
    let proxied = Arc::new(Proxied::new().await);
    let mut operator = proxied.start_operator().await;
    let reference = Arc::new(proxied.operated(&mut operator, proxied.live("reference", None)).await);
    let disturbing = tokio::spawn(disturb_for_ever(Arc::clone(&proxied), seed));
    proxied.proxy.writes.fail_by_chance(seed, 0.1);
    let (lived, failed) = proxied.operated(&mut operator, lives(&proxied, &reference)).await;
    disturbing.abort();
    proxied.proxy.watches.calm();
    let (met, fired) = (proxied.proxy.watches.met(), proxied.proxy.writes.fired());
    println!("{lived} jobs; {} writes failed; watches: {met:?}", fired.len());
    assert_eq!(failed, 0, "jobs did not end as one without faults");
    assert!(!fired.is_empty(), "no write failed");
    for fault in WatchFault::ALL {
        assert!(met.keys().any(|(_, met)| *met == fault), "{fault:?} met nothing");
    }
}

/// Jobs, one after the other in each lane, until the time of this run is over. Returns how many have ended as the reference has, and
/// how many lanes have not.
async fn lives(proxied: &Arc<Proxied>, reference: &Arc<Traits>) -> (usize, usize) {
    let until = Instant::now() + if is_long() { LONG_RUN } else { SHORT_RUN };
    let mut lanes = JoinSet::new();
    for lane in 0..JOBS {
        let (proxied, reference) = (Arc::clone(proxied), Arc::clone(reference));
        lanes.spawn(async move {
            let mut lived = 0;
            // At least one, and names are used again at once.
            while lived == 0 || Instant::now() < until {
                proxied.live(&format!("job-{lane}"), Some(&reference)).await;
                lived += 1;
            }
            lived
        });
    }
    let (mut lived, mut failed) = (0, 0);
    while let Some(ended) = lanes.join_next().await {
        match ended {
            Ok(jobs) => lived += jobs,
            Err(_) => failed += 1,
        }
    }
    (lived, failed)
}

/// Each of the watches in turn, in an order by chance.
async fn disturb_for_ever(proxied: Arc<Proxied>, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    loop {
        let resource = *WATCHED.choose(&mut random).unwrap();
        let fault = *WatchFault::ALL.choose(&mut random).unwrap();
        proxied.proxy.watches.disturb(resource, fault, Duration::from_millis(random.random_range(500..8000)));
        tokio::time::sleep(Duration::from_millis(random.random_range(200..1500))).await;
    }
}
