//! Each write of a job's life fails once: refused, in conflict, lost, applied and not answered, or stalled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use super::life::Traits;
use super::proxy::{Write, WriteFault};
use super::{Proxied, is_long, seed};
use crate::harness::{failures, generated, until};

/// Jobs that live at the same time: they mostly wait for pods.
const PARALLEL_LIMIT: usize = 6;
/// Writes that fail in the short run. One of each kind is among them.
const SHORT_RUN_LIMIT: usize = 30;
/// Writes of one job that fail in the short run.
const FAULTS_PER_JOB: usize = 5;
/// What the leader's Lease is called.
const LEASE: &str = "vaultstream-operator";

type Strike = (String, u32, WriteFault);

#[tokio::test(flavor = "multi_thread")]
async fn a_job_ends_as_any_other_whichever_of_its_writes_fails_and_however() {
    let seed = seed();
    let proxied = Arc::new(Proxied::new().await);
    let mut operator = proxied.start_operator().await;
    let reference = Arc::new(proxied.operated(&mut operator, proxied.live("reference", None)).await);
    let mut seen = proxied.proxy.writes.seen("reference");
    // The second of two equal Events within minutes: not every life has one.
    seen.remove("PATCH events");
    println!("writes of a life without faults: {seen:?}");

    let strikes = strikes(seed, &seen);
    let per_job = if is_long() { 1 } else { FAULTS_PER_JOB };
    let planned = strikes.len();
    let failed = proxied.operated(&mut operator, lives(&proxied, reference, dealt(strikes, per_job))).await;
    let fired = proxied.proxy.writes.fired();
    report(&fired);
    assert_eq!(failed, 0, "jobs did not end as one without faults");
    // How often a status is written differs a little from life to life; the first write of each kind is always there.
    assert!(fired.len() * 10 >= planned * 7, "only {} of {planned} faults met a write", fired.len());
    for kind in seen.keys() {
        let met = fired.iter().filter(|(write, _)| write.kind == *kind).count();
        assert!(met > 0, "no {kind} failed");
    }
    assert!(operator.is_leading().await);
}

/// A job for each of these lists of faults. Returns how many did not end as the reference has.
async fn lives(proxied: &Arc<Proxied>, reference: Arc<Traits>, faults: Vec<Vec<Strike>>) -> usize {
    let lives = faults.into_iter().enumerate().map(|(number, strikes)| {
        let name = format!("job-{number}");
        for (kind, nth, fault) in &strikes {
            let write = Write { about: name.clone(), kind: kind.clone(), nth: *nth };
            proxied.proxy.writes.fail(write, *fault);
        }
        let (proxied, reference) = (Arc::clone(proxied), Arc::clone(&reference));
        async move {
            println!("{name}: {strikes:?}");
            proxied.live(&name, Some(&reference)).await;
        }
    });
    failures(lives, PARALLEL_LIMIT).await
}

/// The faults of each job. Faults of the same write meet different jobs.
fn dealt(mut strikes: Vec<Strike>, per_job: usize) -> Vec<Vec<Strike>> {
    strikes.sort();
    let jobs = strikes.len().div_ceil(per_job);
    (0..jobs).map(|job| strikes.iter().skip(job).step_by(jobs).cloned().collect()).collect()
}

/// Each write of the life in each way. In the short run, a sample of them. It holds the first write of each kind, and each way in
/// which the removal of the finalizer or of the job may fail: nothing after it would mend that.
fn strikes(seed: u64, seen: &BTreeMap<String, u32>) -> Vec<Strike> {
    // A write that is stalled takes half a minute, and has a test of its own.
    let faults: &[WriteFault] = if is_long() { &WriteFault::ALL } else { &WriteFault::NOTICED };
    let each = seen.iter().flat_map(|(kind, count)| (1..=*count).map(move |nth| (kind.clone(), nth)));
    let mut all: Vec<Strike> =
        each.flat_map(|(kind, nth)| faults.iter().map(move |fault| (kind.clone(), nth, *fault))).collect();
    let mut random = StdRng::seed_from_u64(seed);
    all.shuffle(&mut random);
    if is_long() {
        return all;
    }
    let mut kinds: Vec<&String> = Vec::new();
    let (mut chosen, rest): (Vec<_>, Vec<_>) = all.iter().partition(|(kind, nth, _)| {
        let is_new = *nth == 1 && !kinds.contains(&kind);
        if is_new {
            kinds.push(kind);
        }
        is_new || (kind.ends_with(" signingjobs") && *nth == seen[kind])
    });
    chosen.extend(rest.into_iter().take(SHORT_RUN_LIMIT.saturating_sub(chosen.len())));
    chosen.into_iter().cloned().collect()
}

fn report(fired: &[(Write, WriteFault)]) {
    let mut counts: BTreeMap<(&str, WriteFault), u32> = BTreeMap::new();
    for (write, fault) in fired {
        *counts.entry((&write.kind, *fault)).or_default() += 1;
    }
    for ((kind, fault), count) in counts {
        println!("{kind} {fault:?}: {count}");
    }
}

/// A connection that the network has forgotten does not end. Each of these jobs meets it at another write.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_never_gets_a_response_is_tried_again() {
    const KINDS: [&str; 4] =
        ["PATCH signingjobs", "PATCH signingjobs/status", "POST deployments", "DELETE deployments"];
    let proxied = Proxied::new().await;
    let stalled = |number: usize, kind: &str| Write { about: format!("job-{number}"), kind: kind.to_owned(), nth: 1 };
    for (number, kind) in KINDS.into_iter().enumerate() {
        proxied.proxy.writes.fail(stalled(number, kind), WriteFault::Stalled);
    }
    let _operator = proxied.start_operator().await;
    let mut jobs = Vec::new();
    for number in 0..KINDS.len() {
        jobs.push(proxied.place.create(&generated(&format!("job-{number}"), 20, "batchSize: 20")).await);
    }
    for ((number, kind), job) in KINDS.into_iter().enumerate().zip(&jobs) {
        job.until_complete().await;
        proxied.until_nothing_runs(job).await;
        assert!(proxied.proxy.writes.has_fired(&stalled(number, kind)), "no {kind} was stalled");
    }
}

/// Nothing else would reconcile that job again.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_job_is_deleted_after_several_conflicts() {
    let proxied = Proxied::new().await;
    let deletion = |nth| Write { about: "job".to_owned(), kind: "DELETE signingjobs".to_owned(), nth };
    (1..=3).for_each(|nth| proxied.proxy.writes.fail(deletion(nth), WriteFault::Conflict));
    let _operator = proxied.start_operator().await;
    let job = proxied.place.create(&generated("job", 20, "batchSize: 20\nttlAfterFinished: 5s")).await;
    job.until_complete().await;
    job.until_gone(Duration::from_secs(60)).await;
    assert!(proxied.proxy.writes.has_fired(&deletion(3)));
}

/// The Lease is renewed by one write after the other; none of them may be the last.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_leads_on_whichever_way_a_renewal_of_its_lease_fails() {
    let proxied = Proxied::new().await;
    let renewal = |nth| Write { about: LEASE.to_owned(), kind: "PUT leases".to_owned(), nth };
    for (nth, fault) in (1..).step_by(2).zip(WriteFault::ALL) {
        proxied.proxy.writes.fail(renewal(nth), fault);
    }
    let mut operator = proxied.start_with(&["--lease-duration", "20s"]).await;
    let last = 2 * WriteFault::ALL.len() as u32 + 1;
    until("each renewal that fails was followed by one that did not", || async {
        proxied.proxy.writes.seen(LEASE).get("PUT leases").is_some_and(|renewals| *renewals >= last)
    })
    .await;
    assert_eq!(proxied.proxy.writes.fired().len(), WriteFault::ALL.len());
    assert!(operator.is_leading().await);
    assert!(!operator.stderr().contains("the Lease was lost"), "{}", operator.stderr());

    // The first one of all may be applied without a response, too: it is this replica's own Lease that it then finds.
    drop(operator);
    let second = Proxied::new().await;
    let first = Write { about: LEASE.to_owned(), kind: "POST leases".to_owned(), nth: 1 };
    second.proxy.writes.fail(first.clone(), WriteFault::Unanswered);
    let begun = Instant::now();
    operator = second.start_operator().await;
    assert!(second.proxy.writes.has_fired(&first) && operator.is_leading().await);
    assert!(begun.elapsed() < Duration::from_secs(15), "it waited for its own Lease to end");
}
