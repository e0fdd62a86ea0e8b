//! Tests of many scenarios: some of them run at a time, and a short run has a third of them.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::tools::skipped;

/// All of them; with `VAULTSTREAM_SHORT=NUMBER`, as CI has it, a third. Three numbers in a row have all.
pub(crate) fn cases<T>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut cases: Vec<T> = all.into_iter().collect();
    let Ok(number) = std::env::var("VAULTSTREAM_SHORT") else { return cases };
    let mut place = number.parse::<usize>().expect("VAULTSTREAM_SHORT is a number") % 3;
    let all = cases.len();
    cases.retain(|_| {
        place += 1;
        place.is_multiple_of(3)
    });
    assert!(!cases.is_empty(), "a short run has cases of each test");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    skipped(&format!("{} of {all} cases of {test}: VAULTSTREAM_SHORT={number}", all - cases.len()));
    cases
}

/// Runs every scenario to its end, at most `at_a_time` of them at once, and counts those that panicked. Each panic is on stderr.
pub(crate) async fn failures<F>(scenarios: impl IntoIterator<Item = F>, at_a_time: usize) -> usize
where
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(at_a_time));
    let mut running = JoinSet::new();
    for scenario in scenarios {
        let places = Arc::clone(&places);
        running.spawn(async move {
            let _place = places.acquire().await.unwrap();
            scenario.await;
        });
    }
    let mut failed = 0;
    while let Some(ended) = running.join_next().await {
        failed += usize::from(ended.is_err());
    }
    failed
}
