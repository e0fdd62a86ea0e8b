//! 1,000 SigningJobs of 100 records and 10 keys, without workers: how long until all are seeded, what the operator needs for
//! it, what idle jobs cost, and what it costs that people look at them. `make test-scale` prints a table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this program holds only tests")]

#[allow(dead_code, unused_imports, reason = "shared with the other suite, which uses the rest")]
mod harness;
#[path = "scale/page.rs"]
mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use kube::api::PostParams;
use kube::{Api, ResourceExt};
use serde_json::Value;
use vaultstream_api::SigningJob;

use harness::{Place, generated, requests};

const JOBS: usize = 1000;
/// Parallel requests of the client that creates them.
const AT_ONCE: usize = 32;

/// The limits of docs/design.md: the time until all are seeded is compared with the API server's own for their creation, as a
/// slower machine is slower at both.
const SEEDED_PER_CREATED: f64 = 10.0;
const MEMORY_MIB: f64 = 64.0;
/// The test gives up when the jobs are not seeded by then.
const GIVE_UP_AFTER: Duration = Duration::from_secs(15 * 60);
/// It fails when they are still written this long afterwards.
const SETTLED: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_jobs_are_seeded_soon_after_their_creation_and_within_64_mib() {
    let place = Place::cluster_wide().await;
    let operator = place.operator("operator").await.args(&["--workers", "0"]).start();
    operator.until_leading().await;
    let memory_before = operator.mib("VmRSS");

    let api = Api::<SigningJob>::namespaced(place.client.clone(), &place.namespace);
    let begun = Instant::now();
    create_all(&place.namespace, &api).await;
    let created = begun.elapsed();
    let seeded = until_all_are_seeded(&place, &api, begun).await;
    let peak = operator.mib("VmHWM");
    let reconciles = operator.metric_in_full("vaultstream_operator_reconcile_seconds_count").await;
    let reconciling = operator.metric_in_full("vaultstream_operator_reconcile_seconds_sum").await;

    let settled = until_nothing_is_written().await;
    let rest = Rest::watch(&api).await;
    let memory_at_rest = operator.mib("VmRSS");
    let looked = page::look(&place, &operator, &api, JOBS).await;

    print_table(&[
        ("operator's memory before, MiB", memory_before),
        ("from the first apply to the last, s", created.as_secs_f64()),
        ("to the last one seeded in the ledger, s", seeded.in_ledger.as_secs_f64()),
        ("to the last condition Seeded, s", seeded.in_status.as_secs_f64()),
        ("seeding time / creation time", seeded.in_status.div_duration_f64(created)),
        ("operator's peak memory, MiB", peak),
        ("reconciles, number", reconciles),
        ("reconciles, s in all", reconciling),
        ("to the last write before the rest, s", settled.as_secs_f64()),
        ("API reads a second at rest, all clients", rest.a_second(Access::Read)),
        ("API writes a second at rest, all clients", rest.a_second(Access::Write)),
        ("writes of ours at rest", rest.our_writes() as f64),
        ("operator's memory at rest, MiB", memory_at_rest),
        ("operator's memory while people look, MiB", looked.memory),
        ("operator's peak memory at the end, MiB", operator.mib("VmHWM")),
    ]);
    println!("in a browser: {}", looked.in_a_browser);
    rest.print_what_was_written();
    println!("\nper step, mean ms in the ledger:\n{}", per_step(&place).await);

    let seeding = seeded.in_status;
    assert!(
        seeding <= created.mul_f64(SEEDED_PER_CREATED),
        "created in {created:?}, and all seeded only after {seeding:?}"
    );
    let most = peak.max(memory_at_rest);
    assert!(most <= MEMORY_MIB, "{peak:.1} MiB at peak, {memory_at_rest:.1} MiB at rest");
    let peak = operator.mib("VmHWM");
    assert!(peak <= MEMORY_MIB, "{peak:.1} MiB at peak while people look");
    looked.assert_cheap();
    assert_eq!(rest.our_writes(), 0, "jobs at rest were written");
}

fn print_table(rows: &[(&str, f64)]) {
    println!("\n{JOBS} SigningJobs of 100 records and 10 keys, no worker running\n");
    for (what, value) in rows {
        println!("| {what:<42} | {value:>9.2} |");
    }
}

async fn create_all(namespace: &str, api: &Api<SigningJob>) {
    let create = |number| {
        let manifest = generated(&format!("job-{number:04}"), 100, "batchSize: 50\nkeys: {count: 10}");
        let mut job = SigningJob::parse_manifests(&manifest).unwrap().remove(0);
        job.metadata.namespace = Some(namespace.to_owned());
        async move { drop(api.create(&PostParams::default(), &job).await.unwrap()) }
    };
    stream::iter(0..JOBS).map(create).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// When the last job was seeded, since the first was created.
struct AllSeeded {
    in_ledger: Duration,
    in_status: Duration,
}

async fn until_all_are_seeded(place: &Place, api: &Api<SigningJob>, begun: Instant) -> AllSeeded {
    // One connection, and a long interval: the measurement uses the same cores.
    let sql = place.site.sql().await;
    let seeded = "SELECT count(*) FROM vaultstream.jobs WHERE seeded_at IS NOT NULL";
    let mut in_ledger = None;
    loop {
        assert!(begun.elapsed() < GIVE_UP_AFTER, "not all are seeded after {:?}", begun.elapsed());
        if in_ledger.is_none() && sql.query_one(seeded, &[]).await.unwrap().get::<_, i64>(0) >= JOBS as i64 {
            in_ledger = Some(begun.elapsed());
        }
        if let Some(in_ledger) = in_ledger
            && told_seeded(api).await >= JOBS
        {
            return AllSeeded { in_ledger, in_status: begun.elapsed() };
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until pending writes are done: figures of a thousand jobs at 20 a second.
async fn until_nothing_is_written() -> Duration {
    tokio::time::sleep(Duration::from_secs(20)).await;
    let begun = Instant::now();
    loop {
        let seen = requests::writes().await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        if requests::writes().await == seen {
            return begun.elapsed();
        }
        let waited = begun.elapsed();
        assert!(waited < SETTLED, "jobs are still written {waited:?} after the last one was seeded");
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

impl Access {
    fn of(verb: &str) -> Self {
        if ["GET", "LIST", "WATCH"].contains(&verb) { Self::Read } else { Self::Write }
    }
}

/// What happens while all jobs are left alone.
struct Rest {
    lasted: Duration,
    /// Before and after.
    requests: [requests::Counts; 2],
    /// Before and after.
    objects: [BTreeMap<String, Value>; 2],
}

impl Rest {
    /// For 30 seconds, or as many as REST says. `REST=600 make test-scale` takes ten minutes.
    async fn watch(api: &Api<SigningJob>) -> Self {
        let seconds = std::env::var("REST").ok().map(|text| text.parse().expect("REST is a number of seconds"));
        let lasted = Duration::from_secs(seconds.unwrap_or(30));
        let objects_before = objects(api).await;
        let before = requests::count().await;
        tokio::time::sleep(lasted).await;
        let after = requests::count().await;
        Self { lasted, requests: [before, after], objects: [objects_before, objects(api).await] }
    }

    fn a_second(&self, access: Access) -> f64 {
        let [before, after] = &self.requests;
        let new = added(before, after).filter(|(verb, _, _)| Access::of(verb) == access);
        new.map(|(_, _, count)| count).sum::<u64>() as f64 / self.lasted.as_secs_f64()
    }

    fn our_writes(&self) -> u64 {
        let [before, after] = self.requests.clone().map(requests::only_ours);
        added(&before, &after).map(|(_, _, count)| count).sum()
    }

    fn print_what_was_written(&self) {
        let [before, after] = self.requests.clone().map(requests::only_ours);
        for (verb, resource, count) in added(&before, &after).filter(|(_, _, count)| *count > 0) {
            println!("written at rest: {verb} {resource} {count} times");
        }
        let [before, after] = &self.objects;
        for (name, now) in after {
            let then = before.get(name).unwrap_or(&Value::Null);
            changed(name, then, now).iter().for_each(|line| println!("written at rest: {line}"));
        }
    }
}

/// How many requests each verb and resource has had in between.
fn added<'a>(
    before: &'a requests::Counts,
    after: &'a requests::Counts,
) -> impl Iterator<Item = (&'a str, &'a str, u64)> {
    after.iter().map(|(key, count)| {
        let (verb, resource) = key;
        (verb.as_str(), resource.as_str(), count - before.get(key).copied().unwrap_or_default())
    })
}

/// All jobs as the API server has them, by name.
async fn objects(api: &Api<SigningJob>) -> BTreeMap<String, Value> {
    let jobs = api.list(&Default::default()).await.unwrap();
    jobs.items.into_iter().map(|job| (job.name_any(), serde_json::to_value(job).unwrap())).collect()
}

/// What differs, one line each.
fn changed(path: &str, then: &Value, now: &Value) -> Vec<String> {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
            let inner = |name: &String| {
                let [then, now] = [then, now].map(|object| object.get(name).unwrap_or(&Value::Null));
                changed(&format!("{path}.{name}"), then, now)
            };
            names.into_iter().flat_map(inner).collect()
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            let pairs = then.iter().zip(now).enumerate();
            pairs.flat_map(|(index, (then, now))| changed(&format!("{path}[{index}]"), then, now)).collect()
        }
        _ if then == now => Vec::new(),
        _ => vec![format!("{path} was {then}, and is {now}")],
    }
}

/// Jobs whose condition Seeded is True.
async fn told_seeded(api: &Api<SigningJob>) -> usize {
    let jobs = api.list(&Default::default()).await.unwrap();
    let seeded = |job: &&SigningJob| {
        harness::condition(job, vaultstream_api::ConditionType::Seeded).is_some_and(|seeded| seeded.status == "True")
    };
    jobs.items.iter().filter(seeded).count()
}

/// The time between two timestamps of the ledger.
async fn per_step(place: &Place) -> String {
    let row = place
        .site
        .sql()
        .await
        .query_one(
            "SELECT coalesce(avg(extract(epoch FROM seeded_at - created_at)) * 1000, 0)::float8, \
                    coalesce(max(extract(epoch FROM seeded_at - created_at)) * 1000, 0)::float8, \
                    coalesce(extract(epoch FROM max(seeded_at) - min(created_at)), 0)::float8 FROM vaultstream.jobs",
            &[],
        )
        .await
        .unwrap();
    let (mean, longest, whole): (f64, f64, f64) = (row.get(0), row.get(1), row.get(2));
    format!("in the ledger to seeded: {mean:.1} on average, {longest:.1} at most; all of them {whole:.1} s")
}
