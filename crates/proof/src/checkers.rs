//! Checkers that check signatures, a run of one key's records at a time.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use parking_lot::Mutex;
use vaultstream_ledger::KeyId;
use vaultstream_signing::{Backend, BatchVerifier, Digest, PublicKey, RawSignature};

use crate::records::Records;

/// Records of a run at most: the engine verifies as many by one equation.
pub(crate) const RUN_LENGTH: usize = 16384;

/// Runs queued for each thread, of 1.6 MiB each: enough for the time in which the next rows are read.
const QUEUED_RUNS: usize = 2;

/// What the signatures of a run are over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RunOf {
    #[default]
    Records,
    /// The roots of batches.
    Batches,
}

/// Signatures of one key.
#[derive(Default)]
pub(crate) struct SignatureRun {
    pub(crate) of: RunOf,
    pub(crate) key: Option<KeyId>,
    pub(crate) ids: Vec<i64>,
    pub(crate) digests: Vec<Digest>,
    pub(crate) signatures: Vec<RawSignature>,
}

impl SignatureRun {
    /// An empty run.
    pub(crate) fn of(of: RunOf, key: KeyId) -> Self {
        Self { of, key: Some(key), ..Self::default() }
    }
}

/// What the threads found.
pub struct Checked {
    /// Signatures of records that were checked.
    pub checked: u64,
    /// Those of them that one equation over many proved. The others were verified one by one.
    pub by_equation: u64,
    /// Records whose signature is wrong.
    pub wrong: Records,
    /// Seals that were checked.
    pub seals: u64,
    /// Batches whose seal is wrong.
    pub wrong_seals: Records,
    /// Whether a thread panicked: then some signatures were not checked.
    pub lost_a_thread: bool,
}

struct Tally {
    checked: AtomicU64,
    by_equation: AtomicU64,
    wrong: Mutex<Records>,
    seals: AtomicU64,
    wrong_seals: Mutex<Records>,
}

/// Checkers that check signatures.
pub struct Checkers {
    runs: SyncSender<SignatureRun>,
    threads: Vec<JoinHandle<()>>,
    found: Arc<Tally>,
}

impl Checkers {
    /// Starts this many threads, for these keys as SubjectPublicKeyInfo. The ids of at most `most` wrong records are kept.
    #[must_use]
    pub fn start(
        keys: impl IntoIterator<Item = (KeyId, Vec<u8>)>,
        checker: Backend,
        threads: NonZeroUsize,
        most: usize,
    ) -> Self {
        let (runs, queue) = sync_channel::<SignatureRun>(threads.get() * QUEUED_RUNS);
        let queue = Arc::new(Mutex::new(queue));
        let keys: Arc<HashMap<KeyId, Vec<u8>>> = Arc::new(keys.into_iter().collect());
        let found = Arc::new(Tally {
            checked: AtomicU64::new(0),
            by_equation: AtomicU64::new(0),
            wrong: Mutex::new(Records::keeping(most)),
            seals: AtomicU64::new(0),
            wrong_seals: Mutex::new(Records::keeping(most)),
        });
        let threads = (0..threads.get())
            .map(|_| {
                let (queue, keys, found) = (Arc::clone(&queue), Arc::clone(&keys), Arc::clone(&found));
                std::thread::spawn(move || {
                    let mut checker = ThreadChecker { keys: &keys, backend: checker, loaded: HashMap::new() };
                    while let Some(run) = next(&queue) {
                        checker.check(&run, &found);
                    }
                })
            })
            .collect();
        Self { runs, threads, found }
    }

    /// Passes on a run. Blocks while the threads' queue is full.
    pub(crate) fn check(&self, run: SignatureRun) {
        if !run.ids.is_empty() {
            // It fails only when every thread has ended, which `finish` reports.
            let _ = self.runs.send(run);
        }
    }

    /// Signatures checked so far.
    #[must_use]
    pub fn checked(&self) -> u64 {
        self.found.checked.load(Ordering::Relaxed)
    }

    /// Waits for the last run.
    #[must_use]
    pub fn finish(self) -> Checked {
        drop(self.runs);
        // Waits for every thread, also after one that panicked.
        let lost = self.threads.into_iter().filter_map(|thread| thread.join().err()).count();
        let lost_a_thread = lost > 0;
        let [wrong, wrong_seals] = [&self.found.wrong, &self.found.wrong_seals].map(|records| records.lock().clone());
        let [checked, by_equation, seals] = [&self.found.checked, &self.found.by_equation, &self.found.seals]
            .map(|count| count.load(Ordering::Relaxed));
        Checked { checked, by_equation, wrong, seals, wrong_seals, lost_a_thread }
    }
}

fn next(queue: &Mutex<Receiver<SignatureRun>>) -> Option<SignatureRun> {
    queue.lock().recv().ok()
}

struct ThreadChecker<'a> {
    keys: &'a HashMap<KeyId, Vec<u8>>,
    backend: Backend,
    loaded: HashMap<KeyId, Option<Box<dyn BatchVerifier>>>,
}

impl ThreadChecker<'_> {
    fn check(&mut self, run: &SignatureRun, found: &Tally) {
        let mut valid = vec![false; run.ids.len()];
        let (keys, backend) = (self.keys, self.backend);
        if let Some(key) = run.key {
            let verifier = self.loaded.entry(key).or_insert_with(|| load(keys, backend, key));
            if let Some(verifier) = verifier {
                let by_equation = verifier.verify(&run.digests, &run.signatures, &mut valid);
                if run.of == RunOf::Records {
                    found.by_equation.fetch_add(by_equation as u64, Ordering::Relaxed);
                }
            }
        }
        let (checked, wrong) = match run.of {
            RunOf::Records => (&found.checked, &found.wrong),
            RunOf::Batches => (&found.seals, &found.wrong_seals),
        };
        checked.fetch_add(run.ids.len() as u64, Ordering::Relaxed);
        for id in run.ids.iter().zip(valid).filter(|(_, valid)| !valid).map(|(id, _)| *id) {
            wrong.lock().add(id);
        }
    }
}

fn load(keys: &HashMap<KeyId, Vec<u8>>, backend: Backend, key: KeyId) -> Option<Box<dyn BatchVerifier>> {
    let public = PublicKey::from_spki_der(keys.get(&key)?).ok()?;
    backend.verifier(&public).ok()
}
