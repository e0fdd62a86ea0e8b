//! What of a long test a short run has: a third of its cases, and others in each run.

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
