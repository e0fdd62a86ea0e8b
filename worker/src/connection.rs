//! The connection Secret, mounted as a folder of files.

use std::path::{Path, PathBuf};

use vaultstream_connection::{ConnectionFolder, Unreadable};
use vaultstream_custody::{
    KMS_SCHEME, KeyWrapper, KmsError, Transit, TransitError, TransitFiles, TransitLogin, Wrappers, kms,
};
use vaultstream_signing::{Kek, KekId, KekRing, kek::KekError};

/// The files of which one is needed at least; the others have defaults, or are needed with them.
const NEEDED: [&str; 4] = ["DATABASE_URL", "NATS_URL", "kek", "KEK_URL"];

/// Where the Kubernetes auth method is mounted unless `transit-auth-path` says otherwise.
const AUTH_PATH: &str = "kubernetes";

/// What the files say.
pub struct Connection {
    /// How to connect to the ledger.
    pub ledger: vaultstream_ledger::ConnectOptions,
    /// How to connect to NATS.
    pub streams: vaultstream_streams::ConnectOptions,
    /// The key-encryption keys.
    pub wrappers: Wrappers,
}

/// A file of the connection Secret is missing or wrong.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// None of the needed files is there.
    #[error("none of the files DATABASE_URL, NATS_URL, kek and KEK_URL are in {}: does the connection Secret exist?", .0.display())]
    Absent(PathBuf),
    /// A needed file cannot be read.
    #[error(transparent)]
    Read(#[from] Unreadable),
    /// A KEK is not what it should be.
    #[error("the key {key} of the connection Secret is wrong")]
    Kek {
        /// The Secret's key.
        key: String,
        /// Why.
        #[source]
        source: KekError,
    },
    /// A file name is not `kek.<id>` with a good id.
    #[error("{0:?} is not kek.<id>: 1 to 128 of the characters a-z A-Z 0-9 . _ - are wanted after the point")]
    KekName(String),
    /// The key of a transit engine cannot be used.
    #[error("the service that {key} of the connection Secret names cannot be used")]
    Transit {
        /// The Secret's key.
        key: &'static str,
        /// Why.
        #[source]
        source: TransitError,
    },
    /// A KMS plugin cannot be used.
    #[error("the KMS plugin that {key} of the connection Secret names cannot be used")]
    Kms {
        /// The Secret's key.
        key: &'static str,
        /// Why.
        #[source]
        source: KmsError,
    },
    /// How to log in to a service is not said, or twice.
    #[error(
        "the connection Secret must have either transit-token or transit-role, so that workers can log in to what KEK_URL names"
    )]
    Login,
}

impl Connection {
    /// Reads the folder. `service_account_token` is the file with the token of the pod's ServiceAccount.
    ///
    /// # Errors
    /// [`ConnectionError`].
    pub fn read(folder: &ConnectionFolder, service_account_token: &Path) -> Result<Self, ConnectionError> {
        if !NEEDED.iter().any(|name| has(folder, name)) {
            return Err(ConnectionError::Absent(folder.path().to_owned()));
        }
        let wrappers = wrappers(folder, service_account_token)?;
        Ok(Self { ledger: folder.ledger()?, streams: folder.streams()?, wrappers })
    }
}

fn has(folder: &ConnectionFolder, name: &str) -> bool {
    folder.path().join(name).exists()
}

/// The service of `KEK_URL` wraps, or without one the key of `kek`.
fn wrappers(folder: &ConnectionFolder, service_account_token: &Path) -> Result<Wrappers, ConnectionError> {
    let service = |key| service(folder, key, service_account_token);
    let wrappers = match service("KEK_URL")? {
        Some(current) => Wrappers::service(current, keks(folder)?),
        None => Wrappers::files(keks(folder)?.ok_or_else(|| missing_kek(folder))?),
    };
    Ok(match service("OLD_KEK_URL")? {
        Some(older) => wrappers.with_older(older),
        None => wrappers,
    })
}

fn service(
    folder: &ConnectionFolder,
    key: &'static str,
    service_account_token: &Path,
) -> Result<Option<Box<dyn KeyWrapper>>, ConnectionError> {
    if !has(folder, key) {
        return Ok(None);
    }
    let url = folder.text(key)?;
    if url.starts_with(KMS_SCHEME) {
        return kms(&url).map(Some).map_err(|source| ConnectionError::Kms { key, source });
    }
    let login = match (has(folder, "transit-token"), has(folder, "transit-role")) {
        (true, false) => TransitLogin::TokenFile(folder.path().join("transit-token")),
        (false, true) => TransitLogin::Kubernetes {
            role: folder.text("transit-role")?,
            mount: if has(folder, "transit-auth-path") {
                folder.text("transit-auth-path")?
            } else {
                AUTH_PATH.to_owned()
            },
            token_file: service_account_token.to_owned(),
        },
        _ => return Err(ConnectionError::Login),
    };
    let ca = Some(folder.path().join("transit-ca.crt")).filter(|path| path.exists());
    let transit =
        Transit::new(&url, TransitFiles { login, ca }).map_err(|source| ConnectionError::Transit { key, source })?;
    Ok(Some(Box::new(transit)))
}

/// The keys in files. Beside a service `kek` may be missing; the first of the others then takes its place, for jobs without data keys.
fn keks(folder: &ConnectionFolder) -> Result<Option<KekRing>, ConnectionError> {
    let bad = |key: &str| {
        let key = key.to_owned();
        move |source| ConnectionError::Kek { key, source }
    };
    let mut keks = Vec::new();
    if has(folder, "kek") {
        keks.push(Kek::fingerprinted(folder.secret("kek")?.as_slice()).map_err(bad("kek"))?);
    } else if !has(folder, "KEK_URL") {
        return Ok(None);
    }
    for name in older(folder.path())? {
        let Some(id) = name.strip_prefix("kek.") else { continue };
        let id = id.parse().ok().filter(|id: &KekId| id.of_service().is_none());
        let id = id.ok_or_else(|| ConnectionError::KekName(name.clone()))?;
        keks.push(Kek::from_base64(id, folder.secret(&name)?.as_slice()).map_err(bad(&name))?);
    }
    let mut keks = keks.into_iter();
    let ring = keks.next().map(KekRing::new);
    Ok(ring.map(|ring| keks.fold(ring, KekRing::with_older)))
}

fn missing_kek(folder: &ConnectionFolder) -> ConnectionError {
    let path = folder.path().join("kek");
    Unreadable { path, key: "kek".to_owned(), source: std::io::ErrorKind::NotFound.into() }.into()
}

fn older(folder: &Path) -> Result<Vec<String>, ConnectionError> {
    let read = |source| Unreadable { path: folder.to_owned(), key: "kek".to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let name = entry.map_err(read)?.file_name().to_string_lossy().into_owned();
        if name.starts_with("kek.") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
