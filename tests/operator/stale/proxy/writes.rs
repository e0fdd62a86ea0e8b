//! Which write meets which fault. Writes are counted by job and kind, so that "the third status of this job" is one write.

use std::collections::BTreeMap;
use std::sync::Mutex;

use hyper::Method;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WriteFault {
    /// 500, and nothing is written.
    Refused,
    /// 409, and nothing is written.
    Conflict,
    /// The connection ends before the API server has it.
    Lost,
    /// The API server has applied it, and the connection ends before the response.
    Unanswered,
    /// The API server never has it, and the connection does not end.
    Stalled,
}

impl WriteFault {
    /// Those that a client notices at once.
    pub(crate) const NOTICED: [Self; 4] = [Self::Refused, Self::Conflict, Self::Lost, Self::Unanswered];
    pub(crate) const ALL: [Self; 5] = [Self::Refused, Self::Conflict, Self::Lost, Self::Unanswered, Self::Stalled];
}

/// One write of an operator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Write {
    /// The job that it is about, or the Lease.
    pub(crate) about: String,
    /// `PATCH signingjobs/status`
    pub(crate) kind: String,
    /// From 1.
    pub(crate) nth: u32,
}

#[derive(Default)]
pub(crate) struct Writes(Mutex<State>);

#[derive(Default)]
struct State {
    seen: BTreeMap<(String, String), u32>,
    planned: BTreeMap<Write, WriteFault>,
    fired: Vec<(Write, WriteFault)>,
    chance: Option<(StdRng, f64)>,
}

impl Writes {
    /// Makes that write fail.
    pub(crate) fn fail(&self, write: Write, fault: WriteFault) {
        self.0.lock().unwrap().planned.insert(write, fault);
    }

    /// No planned fault meets a write any more.
    pub(crate) fn calm(&self) {
        self.0.lock().unwrap().planned.clear();
    }

    /// From now on each write fails with this probability, until it is zero.
    pub(crate) fn fail_by_chance(&self, seed: u64, probability: f64) {
        self.0.lock().unwrap().chance = (probability > 0.0).then(|| (StdRng::seed_from_u64(seed), probability));
    }

    /// How often each kind of write about this object was seen.
    pub(crate) fn seen(&self, about: &str) -> BTreeMap<String, u32> {
        let state = self.0.lock().unwrap();
        let seen = state.seen.iter().filter(|((of, _), _)| of == about);
        seen.map(|((_, kind), count)| (kind.clone(), *count)).collect()
    }

    /// The faults that have met a write.
    pub(crate) fn fired(&self) -> Vec<(Write, WriteFault)> {
        self.0.lock().unwrap().fired.clone()
    }

    pub(crate) fn has_fired(&self, write: &Write) -> bool {
        self.0.lock().unwrap().fired.iter().any(|(fired, _)| fired == write)
    }

    pub(super) fn decide(&self, method: &Method, path: &str, body: &[u8]) -> Option<WriteFault> {
        let (about, kind) = subject(method, path, body)?;
        let mut state = self.0.lock().unwrap();
        let seen = state.seen.entry((about.clone(), kind.clone())).or_default();
        *seen += 1;
        let write = Write { about, kind, nth: *seen };
        let fault = state.planned.remove(&write).or_else(|| {
            let (random, probability) = state.chance.as_mut()?;
            if random.random_bool(*probability) { WriteFault::NOTICED.choose(random).copied() } else { None }
        })?;
        state.fired.push((write, fault));
        Some(fault)
    }
}

/// The job, or the Lease, that a write is about, and the kind of the write; `None` for what has no namespace.
fn subject(method: &Method, path: &str, body: &[u8]) -> Option<(String, String)> {
    let mut rest = path.split('/').skip_while(|segment| *segment != "namespaces").skip(2);
    let resource = rest.next()?;
    let (name, subresource) = (rest.next(), rest.next());
    let kind = match subresource {
        Some(subresource) => format!("{method} {resource}/{subresource}"),
        None => format!("{method} {resource}"),
    };
    let name = match name {
        Some(name) => name.to_owned(),
        None => {
            let object: Value = serde_json::from_slice(body).unwrap_or_default();
            let name = object["regarding"]["name"].as_str().or_else(|| object["metadata"]["name"].as_str());
            name.unwrap_or_default().to_owned()
        }
    };
    // Children are called vs-<job>, and Events <job>.<number>.
    let name = name.strip_prefix("vs-").unwrap_or(&name);
    let name = name.split_once('.').map_or(name, |(job, _)| job);
    Some((name.to_owned(), kind))
}

#[test]
fn a_write_is_about_the_job_whose_child_or_event_it_writes() {
    let subject = |method: Method, path: &str, body: &str| subject(&method, path, body.as_bytes());
    let about_job = |kind: &str| Some(("job".to_owned(), kind.to_owned()));
    let jobs = "/apis/vaultstream.dev/v1alpha1/namespaces/n/signingjobs/job";
    assert_eq!(subject(Method::PATCH, &format!("{jobs}/status"), ""), about_job("PATCH signingjobs/status"));
    let deployments = "/apis/apps/v1/namespaces/n/deployments";
    assert_eq!(subject(Method::DELETE, &format!("{deployments}/vs-job"), ""), about_job("DELETE deployments"));
    let created = r#"{"metadata": {"name": "vs-job"}}"#;
    assert_eq!(subject(Method::POST, deployments, created), about_job("POST deployments"));
    let events = "/apis/events.k8s.io/v1/namespaces/n/events";
    assert_eq!(subject(Method::POST, events, r#"{"regarding": {"name": "job"}}"#), about_job("POST events"));
    assert_eq!(subject(Method::PATCH, &format!("{events}/job.17ab"), ""), about_job("PATCH events"));
    assert_eq!(subject(Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", ""), None);
}
