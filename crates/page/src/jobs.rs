//! All jobs: one reading a second for all viewers, and to each what changed of what it may see.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use uuid::Uuid;
use vaultstream_ledger::overview;

use crate::{
    feed::Audience,
    place::Place,
    rate::Rate,
    wire::{Jobs, Problem, Row, Time},
};

/// Jobs that are shown at most: the newest. Their rows take some 300 bytes each.
const MOST_JOBS: usize = 5_000;
/// Between two readings.
const PERIOD: Duration = Duration::from_secs(1);
/// A reading that takes long is made less often: it may take this share of the ledger's time, as one in so many.
const SHARE: u32 = 10;

/// A reading of all jobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// The ledger was read at least once.
    pub(crate) is_read: bool,
    /// By the ledger's clock; `None` where there are no jobs.
    at: Option<Time>,
    rows: Vec<Arc<Row>>,
    /// Why there is no newer one.
    pub(crate) problem: Option<Problem>,
}

/// Reads until nobody looks any more.
pub(crate) async fn read(place: Arc<dyn Place>, audience: Audience<(), Reading>) {
    let (mut rates, mut last) = (HashMap::<Uuid, Rate>::new(), Reading::default());
    while !audience.has_left() {
        let begun = Instant::now();
        let meanwhile = || Reading { problem: Some(Problem::of_silence()), ..last.clone() };
        let read = audience.wait(reading(&*place, &mut rates, &last), meanwhile).await;
        match read {
            Ok(reading) => last = reading,
            Err(error) => last.problem = Some(Problem { error }),
        }
        audience.show(last.clone());
        tokio::time::sleep(PERIOD.max(begun.elapsed() * SHARE)).await;
    }
}

async fn reading(place: &dyn Place, rates: &mut HashMap<Uuid, Rate>, last: &Reading) -> Result<Reading, String> {
    let ledger = place.ledger()?;
    let found = overview::rows(&ledger, place.cluster().as_deref(), MOST_JOBS).await;
    let found = found.map_err(|error| format!("the ledger cannot be read: {error}"))?;
    let live: HashSet<Uuid> = found.iter().filter(|job| !job.state.is_terminal()).map(|job| job.uid).collect();
    rates.retain(|uid, _| live.contains(uid));
    let before: HashMap<Uuid, &Arc<Row>> = last.rows.iter().map(|row| (row.uid, row)).collect();
    let rows = found.iter().map(|job| {
        let rate = live
            .contains(&job.uid)
            .then(|| rates.entry(job.uid).or_default().take(job.at, job.signed + job.rejected))
            .flatten();
        let row = Row::of(job, rate);
        // What did not change is kept, so that viewers see that at once.
        before.get(&job.uid).filter(|same| ****same == row).map_or_else(|| Arc::new(row), |same| Arc::clone(same))
    });
    Ok(Reading { is_read: true, rows: rows.collect(), at: found.first().map(|job| Time(job.at)), problem: None })
}

impl Reading {
    /// The namespaces of its jobs.
    pub(crate) fn namespaces(&self) -> HashSet<&str> {
        self.rows.iter().map(|row| row.namespace.as_str()).collect()
    }
}

/// What a viewer was sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    rows: HashMap<Uuid, Arc<Row>>,
    begun: bool,
}

impl Sent {
    /// The name and the data of the next event of what may be seen; `None` when nothing changed, unless the viewer has to hear that all is well
    /// `again`.
    pub(crate) fn next(
        &mut self,
        reading: &Reading,
        again: bool,
        may_see: impl Fn(&str) -> bool,
    ) -> Option<(&'static str, String)> {
        let seen: Vec<&Arc<Row>> = reading.rows.iter().filter(|row| may_see(&row.namespace)).collect();
        let is_new = |row: &Arc<Row>| self.rows.get(&row.uid).is_none_or(|sent| !Arc::ptr_eq(sent, row));
        let jobs: Vec<&Row> = seen.iter().filter(|row| is_new(row)).map(|row| &***row).collect();
        let there: HashSet<Uuid> = seen.iter().map(|row| row.uid).collect();
        let gone: Vec<Uuid> = self.rows.keys().filter(|uid| !there.contains(*uid)).copied().collect();
        if self.begun && !again && jobs.is_empty() && gone.is_empty() {
            return None;
        }
        let event = serde_json::to_string(&Jobs { at: reading.at, jobs, gone }).ok()?;
        let name = if self.begun { "changes" } else { "jobs" };
        self.begun = true;
        self.rows = seen.into_iter().map(|row| (row.uid, Arc::clone(row))).collect();
        Some((name, event))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::Value;
    use vaultstream_ledger::JobState;

    use super::*;

    fn row(uid: u128, namespace: &str, signed: i64) -> Arc<Row> {
        let job = overview::JobRow {
            uid: Uuid::from_u128(uid),
            namespace: namespace.to_owned(),
            name: "job".to_owned(),
            state: JobState::Signing,
            suspended: false,
            follows: false,
            total: Some(100),
            signed,
            rejected: 0,
            backlog: 100 - signed,
            lag: None,
            waits: None,
            fault: None,
            created: UNIX_EPOCH,
            finished: None,
            at: UNIX_EPOCH,
        };
        Arc::new(Row::of(&job, Some(10.0)))
    }

    fn reading(rows: Vec<Arc<Row>>) -> Reading {
        Reading { is_read: true, at: Some(Time(UNIX_EPOCH)), rows, problem: None }
    }

    fn next(sent: &mut Sent, reading: &Reading) -> Option<(&'static str, Vec<String>, usize)> {
        let (name, data) = sent.next(reading, false, |namespace| namespace != "hidden")?;
        let data: Value = serde_json::from_str(&data).unwrap();
        let namespaces =
            data["jobs"].as_array().unwrap().iter().map(|job| job["namespace"].as_str().unwrap().to_owned());
        Some((name, namespaces.collect(), data["gone"].as_array().unwrap().len()))
    }

    #[test]
    fn a_viewer_is_sent_all_that_it_may_see_and_then_what_changes() {
        let mut sent = Sent::default();
        let (one, other) = (row(1, "a", 0), row(2, "b", 0));
        let first = reading(vec![Arc::clone(&one), Arc::clone(&other), row(3, "hidden", 0)]);
        assert_eq!(next(&mut sent, &first), Some(("jobs", vec!["a".to_owned(), "b".to_owned()], 0)));
        assert_eq!(next(&mut sent, &first), None);
        let second = reading(vec![Arc::clone(&one), row(2, "b", 5), row(3, "hidden", 5)]);
        assert_eq!(next(&mut sent, &second), Some(("changes", vec!["b".to_owned()], 0)));
        assert_eq!(next(&mut sent, &reading(vec![one])), Some(("changes", vec![], 1)));
    }

    #[test]
    fn a_ledger_without_jobs_is_told_too() {
        let mut sent = Sent::default();
        assert_eq!(next(&mut sent, &reading(vec![])), Some(("jobs", vec![], 0)));
        assert_eq!(next(&mut sent, &reading(vec![])), None);
        // After a problem.
        let (name, _) = sent.next(&reading(vec![]), true, |_| true).unwrap();
        assert_eq!(name, "changes");
    }
}
