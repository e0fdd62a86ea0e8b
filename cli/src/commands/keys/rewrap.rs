//! `vaultstream keys rewrap`: moves data keys, and the private keys of jobs that have none, from old key-encryption keys to a new one.
//! Signatures, public keys and receipts do not change, and jobs may sign meanwhile.
//!
//! Each data key is moved in a transaction of its own: a rewrap that was interrupted is continued by the same command. A service gets data
//! keys only: private keys of jobs without one remain under their key in a file until these jobs are over.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use vaultstream_custody::{KeyWrapper, WrapperError, Wrappers, unwrap_data_key, wrap_data_key};
use vaultstream_ledger::{
    JobId, KeyId, Ledger, QueryError, RegisterError,
    data_keys::WrappedDataKey,
    rewrap::{JobWithDataKey, Rewrapped, Wrapped, data_keys_not_under, keys_not_under, replace, replace_data_key},
};
use vaultstream_signing::{Kek, KekId, KekRing, MAX_WRAPS_PER_KEK, PublicKey, WrapContext, WrappedKey};

use crate::{args::RewrapArgs, error::Failure, kek, ledger, output};

/// Keys that are read at once.
const PAGE_SIZE: i64 = 500;

/// Damaged keys that are named; the others are counted.
const NAMED: usize = 20;

/// Moves every key that an old key-encryption key opens. Damaged keys are not changed, and are named.
///
/// # Errors
/// One sentence. Keys that were moved before remain moved, and the same command moves the others.
pub(crate) async fn rewrap(args: RewrapArgs) -> Result<ExitCode, Failure> {
    let opened = ledger::open(&args.ledger).await?;
    let wrappers = wrappers(&opened.ledger, &args).await?;
    let current = match wrappers.ring().filter(|_| !wrappers.is_service()) {
        Some(ring) => ring.current().id().clone(),
        None => register_service(&opened.ledger, &wrappers).await?,
    };
    let mut left = Unmoved::default();
    let mut data_keys = 0;
    let mut after = JobId(0);
    loop {
        let page = data_keys_not_under(&opened.ledger, current.as_str(), after, PAGE_SIZE).await.map_err(failed)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for job in &page {
            data_keys += u64::from(move_data_key(&opened.ledger, &wrappers, job, &mut left).await?);
        }
    }
    let private_keys = move_private_keys(&opened.ledger, &wrappers, &current, &mut left).await?;
    let of_earlier = match private_keys {
        0 => String::new(),
        keys => format!(", and {keys} private keys of jobs that have none"),
    };
    let were = if data_keys == 1 { "data key was" } else { "data keys were" };
    let told = output::line(format_args!("{data_keys} {were} moved to the key-encryption key {current}{of_earlier}"));
    left.tell();
    told?;
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The new key-encryption key, and the old ones. Keys in files are registered in the ledger.
async fn wrappers(ledger: &Ledger, args: &RewrapArgs) -> Result<Wrappers, Failure> {
    let mut ring: Option<KekRing> = None;
    for path in args.kek_file.iter().chain(&args.old_kek_file) {
        let kek = kek::read(path)?;
        register(ledger, &kek, path).await?;
        ring = Some(match ring {
            Some(ring) => ring.with_older(kek),
            None => KekRing::new(kek),
        });
    }
    let new = args.key_service.kek_url.as_deref().map(|url| kek::service(url, &args.key_service)).transpose()?;
    let wrappers = match (new, ring) {
        (Some(service), ring) => Wrappers::service(service, ring),
        (None, Some(ring)) => Wrappers::files(ring),
        (None, None) => {
            return Err(Failure::bad_input(
                "the new key-encryption key is missing: give --kek-file FILE or --kek-url URL",
            ));
        }
    };
    Ok(match &args.old_kek_url {
        Some(url) => wrappers.with_older(kek::service(url, &args.key_service)?),
        None => wrappers,
    })
}

/// Registers the present version of the service's key in the ledger, and returns its id.
async fn register_service(ledger: &Ledger, wrappers: &Wrappers) -> Result<KekId, Failure> {
    let canary = wrappers.canary().await.map_err(|error| service_failure(&error))?;
    ledger.insert_kek_canary(canary.kek_id.as_str(), &canary.bytes).await.map_err(failed)?;
    Ok(canary.kek_id)
}

fn service_failure(error: &WrapperError) -> Failure {
    if error.is_transient() { Failure::of(error) } else { Failure::input(error) }
}

fn failed(error: QueryError) -> Failure {
    Failure::of(&error)
}

/// Keys that were not moved.
#[derive(Default)]
struct Unmoved {
    /// How many are wrapped under each key-encryption key that was not given.
    without: BTreeMap<String, u64>,
    /// How many private keys of jobs without a data key are wrapped under each key-encryption key, while the new one is a service's.
    private: BTreeMap<String, u64>,
    damaged: Vec<SpoiltKey>,
}

/// A key that is not what was stored.
struct SpoiltKey {
    what: String,
    table: &'static str,
    why: String,
}

impl Unmoved {
    fn is_empty(&self) -> bool {
        self.without.is_empty() && self.private.is_empty() && self.damaged.is_empty()
    }

    fn add_unknown(&mut self, kek: &str) {
        *self.without.entry(kek.to_owned()).or_default() += 1;
    }

    fn tell(&self) {
        for (kek, keys) in &self.without {
            let what = format!("{keys} keys are still encrypted with {kek}");
            match kek.parse::<KekId>() {
                Ok(id) if id.of_service().is_some() => output::remark(format_args!(
                    "{what}: give the URL of its service with --old-kek-url, or keep it as OLD_KEK_URL"
                )),
                _ => output::remark(format_args!("{what}: give its file with --old-kek-file, or keep it as kek.{kek}")),
            }
        }
        for (kek, keys) in &self.private {
            output::remark(format_args!(
                "{keys} private keys of jobs without a data key are encrypted with {kek}, and a service gets none: keep {kek} until \
                 these jobs are over"
            ));
        }
        for SpoiltKey { what, table, why } in self.damaged.iter().take(NAMED) {
            output::remark(format_args!(
                "{what} is damaged and was left as it is: {why}; restore its row of {table} from a backup"
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

fn spent(kek: &str) -> Failure {
    Failure::bad_input(format!("the key-encryption key {kek} has encrypted as many keys as is safe: make another one"))
}

/// Moves the data key of a job. False when it was left as it is, or has been erased meanwhile.
async fn move_data_key(
    ledger: &Ledger,
    wrapper: &dyn KeyWrapper,
    job: &JobWithDataKey,
    left: &mut Unmoved,
) -> Result<bool, Failure> {
    let WrappedDataKey { bytes, kek_id } = job.data_key.clone();
    let damaged =
        |why| SpoiltKey { what: format!("the data key of job {}", job.uid), table: "vaultstream.data_keys", why };
    let Ok(id) = kek_id.parse() else {
        left.damaged.push(damaged(format!("it names {kek_id:?} as its key-encryption key")));
        return Ok(false);
    };
    let wrapped = WrappedKey { kek_id: id, bytes };
    let key = match unwrap_data_key(wrapper, job.uid, &wrapped).await {
        Ok(key) => key,
        Err(WrapperError::UnknownKey(_)) => {
            left.add_unknown(&kek_id);
            return Ok(false);
        }
        Err(error @ WrapperError::Damaged) => {
            refuse_other_key(ledger, wrapper, &wrapped.kek_id).await?;
            left.damaged.push(damaged(error.to_string()));
            return Ok(false);
        }
        Err(error) => return Err(service_failure(&error)),
    };
    let new = wrap_data_key(wrapper, job.uid, &key).await.map_err(|error| service_failure(&error))?;
    let new = WrappedDataKey { bytes: new.bytes, kek_id: new.kek_id.as_str().to_owned() };
    let moved = replace_data_key(ledger, job, &new, MAX_WRAPS_PER_KEK).await.map_err(failed)?;
    moved.ok_or_else(|| spent(&new.kek_id))
}

/// Whether a service has another key under this id than the one that wrapped. Then nothing that it does not open is damaged.
async fn refuse_other_key(ledger: &Ledger, wrapper: &dyn KeyWrapper, id: &KekId) -> Result<(), Failure> {
    if id.of_service().is_none() {
        return Ok(());
    }
    let Some(bytes) = ledger.kek_canary(id.as_str()).await.map_err(failed)? else { return Ok(()) };
    let canary = WrappedKey { kek_id: id.clone(), bytes };
    if wrapper.opens_canary(&canary).await.map_err(|error| service_failure(&error))? {
        return Ok(());
    }
    Err(Failure::bad_input(format!(
        "the key service has another key under the id {id} than the one that wrapped what is in the ledger: give the service the \
         earlier key back"
    )))
}

/// Moves the private keys of jobs without a data key to a new key in a file. Returns how many.
async fn move_private_keys(
    ledger: &Ledger,
    wrappers: &Wrappers,
    current: &KekId,
    left: &mut Unmoved,
) -> Result<u64, Failure> {
    let (mut moved, mut after) = (0, KeyId(0));
    loop {
        let page = keys_not_under(ledger, current.as_str(), after, PAGE_SIZE).await.map_err(failed)?;
        let Some(last) = page.last() else { return Ok(moved) };
        after = last.key;
        let Some(ring) = wrappers.ring().filter(|_| !wrappers.is_service()) else {
            for wrapped in page {
                *left.private.entry(wrapped.kek).or_default() += 1;
            }
            continue;
        };
        let mut keys = Vec::with_capacity(page.len());
        for wrapped in page {
            match rewrapped(ring, &wrapped)? {
                Rewrap::Wrapped(new) => keys.push(Rewrapped { key: wrapped.key, old: wrapped.bytes, new }),
                Rewrap::NoKek => left.add_unknown(&wrapped.kek),
                Rewrap::Damaged(why) => {
                    let what = format!("key {}", wrapped.key.0);
                    left.damaged.push(SpoiltKey { what, table: "vaultstream.keys", why });
                }
            }
        }
        if !keys.is_empty() {
            let replaced = replace(ledger, current.as_str(), &keys, MAX_WRAPS_PER_KEK).await.map_err(failed)?;
            moved += replaced.ok_or_else(|| spent(current.as_str()))?;
        }
    }
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
