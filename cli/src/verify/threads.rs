//! Signatures checked on threads of their own, a run of one key's records at a time.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use vaultstream_ledger::{KeyId, verify::PublicKeyRow};
use vaultstream_signing::{Backend, Digest, PublicKey, RawSignature, Verifier};
use vaultstream_worker::cores;

/// Records checked at a time.
pub(super) const RUN: usize = 256;

/// Problems told one by one; more are counted.
const TOLD: usize = 10;

/// Records of one key.
#[derive(Default)]
pub(super) struct Run {
    pub(super) key: Option<KeyId>,
    pub(super) ids: Vec<i64>,
    pub(super) digests: Vec<Digest>,
    pub(super) signatures: Vec<RawSignature>,
}

/// What the threads found.
pub(super) struct Outcome {
    pub(super) checked: u64,
    pub(super) problems: Vec<String>,
}

#[derive(Default)]
struct Found {
    checked: AtomicU64,
    wrong: AtomicU64,
    told: Mutex<Vec<String>>,
}

/// Threads that check signatures.
pub(super) struct Threads {
    runs: SyncSender<Run>,
    threads: Vec<JoinHandle<()>>,
    found: Arc<Found>,
}

impl Threads {
    /// One thread a core.
    pub(super) fn start(keys: &[PublicKeyRow], checker: Backend) -> Self {
        let (runs, queue) = sync_channel::<Run>(cores().get() * 4);
        let queue = Arc::new(Mutex::new(queue));
        let keys: Arc<HashMap<KeyId, Vec<u8>>> =
            Arc::new(keys.iter().filter(|key| key.ordinal > 0).map(|key| (key.id, key.public_key.clone())).collect());
        let found = Arc::new(Found::default());
        let threads = (0..cores().get())
            .map(|_| {
                let (queue, keys, found) = (Arc::clone(&queue), Arc::clone(&keys), Arc::clone(&found));
                std::thread::spawn(move || {
                    let mut checker = Checker { keys: &keys, backend: checker, loaded: HashMap::new() };
                    while let Some(run) = next(&queue) {
                        checker.check(&run, &found);
                    }
                })
            })
            .collect();
        Self { runs, threads, found }
    }

    /// Hands a run over, waiting while the threads have enough.
    pub(super) fn check(&self, run: Run) {
        if !run.ids.is_empty() {
            // It fails only when every thread is gone; then `finish` tells.
            let _ = self.runs.send(run);
        }
    }

    /// Signatures checked so far.
    pub(super) fn checked(&self) -> u64 {
        self.found.checked.load(Ordering::Relaxed)
    }

    /// Waits for the last run.
    pub(super) fn finish(self) -> Outcome {
        drop(self.runs);
        let mut problems = Vec::new();
        for thread in self.threads {
            if thread.join().is_err() {
                problems.push("a verifying thread ended early".to_owned());
            }
        }
        let told = std::mem::take(&mut *self.found.told.lock().unwrap_or_else(PoisonError::into_inner));
        let wrong = self.found.wrong.load(Ordering::Relaxed);
        let more = wrong.saturating_sub(told.len() as u64);
        problems.extend(told);
        if more > 0 {
            problems.push(format!("and {more} more wrong signatures"));
        }
        Outcome { checked: self.found.checked.load(Ordering::Relaxed), problems }
    }
}

fn next(queue: &Mutex<Receiver<Run>>) -> Option<Run> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

struct Checker<'a> {
    keys: &'a HashMap<KeyId, Vec<u8>>,
    backend: Backend,
    loaded: HashMap<KeyId, Option<Box<dyn Verifier>>>,
}

impl Checker<'_> {
    fn check(&mut self, run: &Run, found: &Found) {
        let mut valid = vec![false; run.ids.len()];
        let (keys, backend) = (self.keys, self.backend);
        if let Some(key) = run.key {
            let verifier = self.loaded.entry(key).or_insert_with(|| load(keys, backend, key));
            if let Some(verifier) = verifier {
                verifier.verify(&run.digests, &run.signatures, &mut valid);
            }
        }
        found.checked.fetch_add(run.ids.len() as u64, Ordering::Relaxed);
        for id in run.ids.iter().zip(valid).filter(|(_, valid)| !valid).map(|(id, _)| id) {
            found.wrong.fetch_add(1, Ordering::Relaxed);
            let mut told = found.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() < TOLD {
                told.push(format!("the signature of record {id} is wrong"));
            }
        }
    }
}

fn load(keys: &HashMap<KeyId, Vec<u8>>, backend: Backend, key: KeyId) -> Option<Box<dyn Verifier>> {
    let public = PublicKey::from_spki_der(keys.get(&key)?).ok()?;
    backend.verifier(&public).ok()
}
