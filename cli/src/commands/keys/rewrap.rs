//! `vaultstream keys rewrap`: moves private keys from old key-encryption keys to a new one. Signatures, public keys and receipts
//! do not change, and jobs may sign meanwhile.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use vaultstream_ledger::{
    KeyId, Ledger, RegisterError,
    rewrap::{Rewrapped, Wrapped, keys_not_under, replace},
};
use vaultstream_signing::{Kek, KekRing, MAX_WRAPS_PER_KEK, PublicKey, WrapContext};

use crate::{args::RewrapArgs, error::Failure, kek, ledger, output};

/// Keys of one transaction.
const PAGE_SIZE: i64 = 500;

/// Damaged keys that are named; the others are counted.
const NAMED: usize = 20;

/// Moves every key that an old key-encryption key opens. Damaged keys are not changed, and are named.
///
/// # Errors
/// One sentence. Keys that were moved before remain moved, and the same command moves the others.
pub(crate) async fn rewrap(args: RewrapArgs) -> Result<ExitCode, Failure> {
    let opened = ledger::open(&args.ledger).await?;
    let mut ring = KekRing::new(kek::read(&args.kek_file)?);
    for path in &args.old_kek_file {
        ring = ring.with_older(kek::read(path)?);
    }
    for (kek, path) in ring.iter().zip(std::iter::once(&args.kek_file).chain(&args.old_kek_file)) {
        register(&opened.ledger, kek, path).await?;
    }
    let current = ring.current().id().as_str();
    let (mut moved, mut after) = (0, KeyId(0));
    let mut left = Unmoved::default();
    loop {
        let page =
            keys_not_under(&opened.ledger, current, after, PAGE_SIZE).await.map_err(|error| Failure::of(&error))?;
        let Some(last) = page.last() else { break };
        after = last.key;
        let mut keys = Vec::with_capacity(page.len());
        for wrapped in page {
            match rewrapped(&ring, &wrapped)? {
                Rewrap::Wrapped(new) => keys.push(Rewrapped { key: wrapped.key, old: wrapped.bytes, new }),
                Rewrap::NoKek => *left.without.entry(wrapped.kek).or_default() += 1,
                Rewrap::Damaged(why) => left.damaged.push((wrapped.key, why)),
            }
        }
        if keys.is_empty() {
            continue;
        }
        let replaced = replace(&opened.ledger, current, &keys, MAX_WRAPS_PER_KEK).await;
        moved += replaced.map_err(|error| Failure::of(&error))?.ok_or_else(|| {
            Failure::bad_input(format!(
                "{} has encrypted as many keys as is safe: make another one",
                args.kek_file.display()
            ))
        })?;
    }
    let told = output::line(format_args!("{moved} keys were moved to the key-encryption key {current}"));
    left.tell();
    told?;
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Keys that were not moved.
#[derive(Default)]
struct Unmoved {
    /// How many are wrapped under each key-encryption key that was not given.
    without: BTreeMap<String, u64>,
    damaged: Vec<(KeyId, String)>,
}

impl Unmoved {
    fn is_empty(&self) -> bool {
        self.without.is_empty() && self.damaged.is_empty()
    }

    fn tell(&self) {
        for (kek, keys) in &self.without {
            output::remark(format_args!(
                "{keys} keys are still encrypted with {kek}: give its file with --old-kek-file, or keep it as kek.{kek}"
            ));
        }
        for (key, why) in self.damaged.iter().take(NAMED) {
            output::remark(format_args!(
                "key {} is damaged and was left as it is: {why}; restore its row of vaultstream.keys from a backup",
                key.0
            ));
        }
        if let Some(more) = self.damaged.len().checked_sub(NAMED).filter(|more| *more > 0) {
            output::remark(format_args!("{more} more keys are damaged"));
        }
    }
}

/// Registers the key-encryption key in the ledger, and refuses it when another key has its name there.
async fn register(ledger: &Ledger, kek: &Kek, path: &Path) -> Result<(), Failure> {
    ledger.register_kek(kek).await.map_err(|error| match error {
        RegisterError::Wrong(wrong) => Failure::bad_input(format!("{}: {wrong}", path.display())),
        RegisterError::Kek(error) => Failure::of(&error),
        RegisterError::Ledger(error) => Failure::of(&error),
    })
}

enum Rewrap {
    Wrapped(Vec<u8>),
    /// Its key-encryption key was not given.
    NoKek,
    Damaged(String),
}

/// Encrypts the key with the current key-encryption key.
fn rewrapped(ring: &KekRing, wrapped: &Wrapped) -> Result<Rewrap, Failure> {
    let Ok(id) = wrapped.kek.parse() else {
        return Ok(Rewrap::Damaged(format!("it names {:?} as its key-encryption key", wrapped.kek)));
    };
    if ring.get(&id).is_none() {
        return Ok(Rewrap::NoKek);
    }
    let public = match PublicKey::from_spki_der(&wrapped.public) {
        Ok(public) => public,
        Err(error) => return Ok(Rewrap::Damaged(error.to_string())),
    };
    let context = WrapContext { job: wrapped.job, key: wrapped.key.0, version: wrapped.version };
    let private = match ring.unwrap(&id, &wrapped.bytes, &context, &public) {
        Ok(private) => private,
        Err(error) => return Ok(Rewrap::Damaged(error.to_string())),
    };
    let new = ring.wrap(&private, &context).map_err(|error| Failure::of(&error))?;
    Ok(Rewrap::Wrapped(new.bytes))
}
