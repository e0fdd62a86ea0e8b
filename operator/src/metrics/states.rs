//! What the leader's watches say of each SigningJob, whether it signs or not, gathered anew for each scrape. Other replicas have none of it.

use std::sync::Arc;

use futures_util::FutureExt as _;
use kube::{ResourceExt, core::DeserializeGuard, runtime::reflector::Store};
use parking_lot::RwLock;
use prometheus::{
    GaugeVec, IntGaugeVec, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};
use vaultstream_api::{Phase, SigningJob, SigningJobStatus};

use super::jobs::{LABELS, number};

type Stores = Vec<Store<DeserializeGuard<SigningJob>>>;

/// Collects what the watches of [`JobStates::watch`] have at that moment.
#[derive(Clone)]
pub(super) struct JobStates {
    stores: Arc<RwLock<Option<Stores>>>,
    /// Without values: it only describes the metrics.
    empty: Gauges,
}

/// Who watches the jobs, until it is dropped: a replica that leads no longer tells nothing of them.
#[must_use]
pub(crate) struct Watching(Arc<RwLock<Option<Stores>>>);

impl Drop for Watching {
    fn drop(&mut self) {
        *self.0.write() = None;
    }
}

#[derive(Clone)]
struct Gauges {
    jobs: IntGaugeVec,
    phase: IntGaugeVec,
    done: GaugeVec,
    records: IntGaugeVec,
    signed: IntGaugeVec,
    rejected: IntGaugeVec,
}

impl JobStates {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        Ok(Self { stores: Arc::default(), empty: Gauges::new()? })
    }

    pub(super) fn watch(&self, stores: Stores) -> Watching {
        *self.stores.write() = Some(stores);
        Watching(Arc::clone(&self.stores))
    }
}

impl Gauges {
    fn new() -> Result<Self, prometheus::Error> {
        let gauge = |name, help, labels: &[&str]| IntGaugeVec::new(Opts::new(name, help), labels);
        let [namespace, signingjob] = LABELS;
        Ok(Self {
            jobs: gauge("jobs", "SigningJobs by phase, on the leader", &["phase"])?,
            phase: gauge("job_phase", "1 for the phase of a job, on the leader", &[namespace, signingjob, "phase"])?,
            done: GaugeVec::new(
                Opts::new(
                    "job_done_ratio",
                    "Records signed or rejected as a share of all, as status.percentDone has it; absent while a job follows a table",
                ),
                &LABELS,
            )?,
            records: gauge(
                "job_records",
                "Records of a job; while it follows a table, those that are in batches",
                &LABELS,
            )?,
            signed: gauge("job_signed_records", "Records of a job that are signed", &LABELS)?,
            rejected: gauge("job_rejected_records", "Records of a job that cannot be signed", &LABELS)?,
        })
    }

    fn all(&self) -> [&dyn Collector; 6] {
        [&self.jobs, &self.phase, &self.done, &self.records, &self.signed, &self.rejected]
    }

    fn set(&self, namespace: &str, name: &str, status: &SigningJobStatus) {
        let labels = [namespace, name];
        if let Some(phase) = status.phase {
            self.jobs.with_label_values(&[phase.as_str()]).inc();
            self.phase.with_label_values(&[namespace, name, phase.as_str()]).set(1);
        }
        if let Some(percent) = status.percent_done {
            self.done.with_label_values(&labels).set(f64::from(percent) / 100.0);
        }
        let Some(records) = &status.records else { return };
        for (gauge, records) in
            [(&self.records, records.total), (&self.signed, records.signed), (&self.rejected, records.rejected)]
        {
            if let Some(records) = records {
                gauge.with_label_values(&labels).set(number(records));
            }
        }
    }
}

impl Collector for JobStates {
    fn desc(&self) -> Vec<&Desc> {
        self.empty.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let (Some(stores), Ok(gauges)) = (&*self.stores.read(), Gauges::new()) else { return Vec::new() };
        // Unknown is never zero: until they are listed, no job is counted.
        let is_listed = |store: &Store<_>| matches!(store.wait_until_ready().now_or_never(), Some(Ok(())));
        if !stores.iter().all(is_listed) {
            return Vec::new();
        }
        Phase::ALL.iter().for_each(|phase| drop(gauges.jobs.with_label_values(&[phase.as_str()])));
        for job in stores.iter().flat_map(Store::state) {
            let Ok(job) = &job.0 else { continue };
            if let Some(status) = &job.status {
                gauges.set(&job.namespace().unwrap_or_default(), &job.name_any(), status);
            }
        }
        gauges.all().into_iter().flat_map(Collector::collect).collect()
    }
}

#[cfg(test)]
mod tests {
    use kube::runtime::{reflector, watcher};
    use prometheus::{Registry, TextEncoder};
    use serde_json::{Value, json};

    use super::*;

    /// What a watch has after its first list.
    fn store(jobs: &[(&str, Value)]) -> Store<DeserializeGuard<SigningJob>> {
        let (store, mut writer) = reflector::store();
        writer.apply_watcher_event(&watcher::Event::Init);
        for (name, status) in jobs {
            let spec = json!({"source": {"generate": {"records": 10}}});
            let job = json!({"metadata": {"name": name, "namespace": "team"}, "spec": spec, "status": status});
            writer.apply_watcher_event(&watcher::Event::InitApply(serde_json::from_value(job).unwrap()));
        }
        writer.apply_watcher_event(&watcher::Event::InitDone);
        store
    }

    fn scrape(states: &JobStates) -> Vec<String> {
        let registry = Registry::new();
        registry.register(Box::new(states.clone())).unwrap();
        let scraped = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let told = scraped.lines().filter(|line| !line.starts_with('#') && !line.ends_with("} 0"));
        told.map(str::to_owned).collect()
    }

    #[test]
    fn a_job_that_has_ended_is_told_of_and_one_that_follows_its_table_has_no_share() {
        let states = JobStates::new().unwrap();
        let done =
            json!({"phase": "Complete", "percentDone": 100, "records": {"total": 9, "signed": 8, "rejected": 1}});
        let follows = json!({"phase": "Signing", "records": {"total": 7, "signed": 5}});
        let _watching =
            states.watch(vec![store(&[("done", done)]), store(&[("follows", follows), ("new", json!({}))])]);
        let mut expected = [
            r#"job_done_ratio{namespace="team",signingjob="done"} 1"#,
            r#"job_phase{namespace="team",phase="Complete",signingjob="done"} 1"#,
            r#"job_phase{namespace="team",phase="Signing",signingjob="follows"} 1"#,
            r#"job_records{namespace="team",signingjob="done"} 9"#,
            r#"job_records{namespace="team",signingjob="follows"} 7"#,
            r#"job_rejected_records{namespace="team",signingjob="done"} 1"#,
            r#"job_signed_records{namespace="team",signingjob="done"} 8"#,
            r#"job_signed_records{namespace="team",signingjob="follows"} 5"#,
            r#"jobs{phase="Complete"} 1"#,
            r#"jobs{phase="Signing"} 1"#,
        ];
        expected.sort_unstable();
        let mut scraped = scrape(&states);
        scraped.sort_unstable();
        assert_eq!(scraped, expected);
    }

    #[test]
    fn no_job_is_counted_before_all_are_listed() {
        let states = JobStates::new().unwrap();
        let (unlisted, _writer) = reflector::store();
        let _watching = states.watch(vec![store(&[("job", json!({"phase": "Signing"}))]), unlisted]);
        assert_eq!(states.collect(), Vec::new());
    }

    #[test]
    fn a_replica_that_leads_no_longer_tells_nothing() {
        let states = JobStates::new().unwrap();
        assert_eq!(scrape(&states), Vec::<String>::new());
        let watching = states.watch(vec![store(&[("job", json!({"phase": "Signing"}))])]);
        assert_eq!(scrape(&states).len(), 2);
        drop(watching);
        assert_eq!(scrape(&states), Vec::<String>::new());
    }
}
