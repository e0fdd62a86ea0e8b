//! 1,000 SigningJobs of 100 records and 10 keys, without workers: how long until all are seeded, what the operator needs for
//! it, and what idle jobs cost. `make test-scale` prints a table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this program holds only tests")]

#[allow(dead_code, unused_imports, reason = "shared with the other suite, which uses the rest")]
mod harness;

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

/// How long they are left alone: 30 seconds, or as many as REST says. `REST=600 make test-scale` takes ten minutes.
fn rest() -> Duration {
    let seconds = std::env::var("REST").ok().map(|text| text.parse().expect("REST is a number of seconds"));
    Duration::from_secs(seconds.unwrap_or(30))
}

/// The limits of docs/design.md.
const ALL_SEEDED: Duration = Duration::from_secs(60);
const MEMORY_MIB: f64 = 64.0;

fn mib(operator: &harness::Operator, field: &str) -> f64 {
    let text = operator.status(field);
    text.trim_end_matches(" kB").trim().parse::<f64>().unwrap() / 1024.0
}

fn since(before: &BTreeMap<(String, String), u64>, after: &BTreeMap<(String, String), u64>, writes: bool) -> u64 {
    const READS: [&str; 3] = ["GET", "LIST", "WATCH"];
    let counted = |verb: &str| READS.contains(&verb) != writes;
    let news = |key, count: &u64| count - before.get(key).copied().unwrap_or_default();
    after.iter().filter(|((verb, _), _)| counted(verb)).map(|(key, count)| news(key, count)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_jobs_are_seeded_within_a_minute_and_64_mib() {
    let place = Place::cluster_wide().await;
    let operator = place.operator("operator").await.args(&["--workers", "0"]).start();
    operator.until_leading().await;
    let mut table = vec![("operator's memory before, MiB".to_owned(), mib(&operator, "VmRSS"))];

    let api = Api::<SigningJob>::namespaced(place.client.clone(), &place.namespace);
    let began = Instant::now();
    stream::iter(0..JOBS)
        .map(|number| {
            let manifest = generated(&format!("job-{number:04}"), 100, "batchSize: 50\nkeys: {count: 10}");
            let mut job = SigningJob::parse_manifests(&manifest).unwrap().remove(0);
            job.metadata.namespace = Some(place.namespace.clone());
            let api = api.clone();
            async move {
                api.create(&PostParams::default(), &job).await.unwrap();
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<()>>()
        .await;
    table.push(("from the first apply to the last, s".to_owned(), began.elapsed().as_secs_f64()));

    // One connection, and a long interval: the measurement uses the same cores.
    let sql = place.site.sql().await;
    let in_ledger = "SELECT count(*) FROM vaultstream.jobs WHERE seeded_at IS NOT NULL";
    let (mut ledger_took, mut status_took) = (None, None);
    while status_took.is_none() {
        assert!(began.elapsed() < ALL_SEEDED * 5, "not all are seeded after {:?}", began.elapsed());
        if ledger_took.is_none() && sql.query_one(in_ledger, &[]).await.unwrap().get::<_, i64>(0) >= JOBS as i64 {
            ledger_took = Some(began.elapsed());
        }
        if ledger_took.is_some() && told_seeded(&api).await >= JOBS {
            status_took = Some(began.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let all_seeded = status_took.unwrap();
    table.push(("to the last one seeded in the ledger, s".to_owned(), ledger_took.unwrap().as_secs_f64()));
    table.push(("to the last condition Seeded, s".to_owned(), all_seeded.as_secs_f64()));
    let peak = mib(&operator, "VmHWM");
    table.push(("operator's peak memory, MiB".to_owned(), peak));
    for step in ["count", "sum"] {
        let value = operator.metric_in_full(&format!("vaultstream_operator_reconcile_seconds_{step}")).await;
        table.push((format!("reconciles, {}", if step == "sum" { "s in all" } else { "number" }), value));
    }

    // Pending writes are waited for: figures of a thousand jobs at 20 a second.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let settling = Instant::now();
    loop {
        let seen = requests::writes().await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        if requests::writes().await == seen {
            break;
        }
        assert!(
            settling.elapsed() < ALL_SEEDED,
            "jobs are still written {:?} after the last one was seeded",
            settling.elapsed()
        );
    }
    table.push(("to the last write before the rest, s".to_owned(), settling.elapsed().as_secs_f64()));
    let objects_before = objects(&api).await;
    let before = requests::count().await;
    let resting = rest();
    tokio::time::sleep(resting).await;
    let after = requests::count().await;
    let objects_after = objects(&api).await;
    let a_second = |count: u64| count as f64 / resting.as_secs_f64();
    table.push(("API reads a second at rest, all clients".to_owned(), a_second(since(&before, &after, false))));
    table.push(("API writes a second at rest, all clients".to_owned(), a_second(since(&before, &after, true))));
    let ours = |counts: &BTreeMap<_, _>| requests::only_ours(counts.clone());
    let wrote = since(&ours(&before), &ours(&after), true);
    table.push(("writes of ours at rest".to_owned(), wrote as f64));
    let rest = mib(&operator, "VmRSS");
    table.push(("operator's memory at rest, MiB".to_owned(), rest));
    table.push(("operator's peak memory at the end, MiB".to_owned(), mib(&operator, "VmHWM")));

    println!("\n{JOBS} SigningJobs of 100 records and 10 keys, no worker running\n");
    for (what, value) in &table {
        println!("| {what:<42} | {value:>9.2} |");
    }
    for ((verb, resource), count) in ours(&after) {
        let news = count - before.get(&(verb.clone(), resource.clone())).copied().unwrap_or_default();
        if news > 0 {
            println!("written at rest: {verb} {resource} {news} times");
        }
    }
    for (name, now) in &objects_after {
        let then = objects_before.get(name).unwrap_or(&Value::Null);
        changed(name, then, now).iter().for_each(|line| println!("written at rest: {line}"));
    }
    println!("\nper step, mean ms in the ledger:\n{}", per_step(&place).await);

    assert!(all_seeded <= ALL_SEEDED, "all were seeded after {all_seeded:?}");
    assert!(peak <= MEMORY_MIB && rest <= MEMORY_MIB, "{peak:.1} MiB at peak, {rest:.1} MiB at rest");
    assert_eq!(wrote, 0, "jobs at rest were written");
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
