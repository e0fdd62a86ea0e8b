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

use super::problem::Records;

/// Records checked at a time.
pub(super) const RUN: usize = 256;

/// Runs that wait for each thread: enough for the time in which the next rows are read.
const WAITING: usize = 32;

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
    /// Signatures checked.
    pub(super) checked: u64,
    /// Records whose signature is wrong.
    pub(super) wrong: Records,
    /// A thread that ended early: not all was checked.
    pub(super) lost_a_thread: bool,
}

struct Found {
    checked: AtomicU64,
    wrong: Mutex<Records>,
}

/// Threads that check signatures.
pub(super) struct Threads {
    runs: SyncSender<Run>,
    threads: Vec<JoinHandle<()>>,
    found: Arc<Found>,
}

impl Threads {
    /// One thread a core. At most `most` wrong records are named.
    pub(super) fn start(keys: &[PublicKeyRow], checker: Backend, most: usize) -> Self {
        let (runs, queue) = sync_channel::<Run>(cores().get() * WAITING);
        let queue = Arc::new(Mutex::new(queue));
        let keys: Arc<HashMap<KeyId, Vec<u8>>> =
            Arc::new(keys.iter().filter(|key| key.ordinal > 0).map(|key| (key.id, key.public_key.clone())).collect());
        let found = Arc::new(Found { checked: AtomicU64::new(0), wrong: Mutex::new(Records::keeping(most)) });
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
        // Each is waited for, whatever became of the others.
        let lost = self.threads.into_iter().filter_map(|thread| thread.join().err()).count();
        let lost_a_thread = lost > 0;
        let wrong = self.found.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Outcome { checked: self.found.checked.load(Ordering::Relaxed), wrong, lost_a_thread }
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
        for id in run.ids.iter().zip(valid).filter(|(_, valid)| !valid).map(|(id, _)| *id) {
            found.wrong.lock().unwrap_or_else(PoisonError::into_inner).add(id);
        }
    }
}

fn load(keys: &HashMap<KeyId, Vec<u8>>, backend: Backend, key: KeyId) -> Option<Box<dyn Verifier>> {
    let public = PublicKey::from_spki_der(keys.get(&key)?).ok()?;
    backend.verifier(&public).ok()
}
