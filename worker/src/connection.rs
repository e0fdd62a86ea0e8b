//! The connection Secret, mounted as a folder of files.

use std::{
    io,
    path::{Path, PathBuf},
};

use vaultstream_ledger::TlsFiles;
use vaultstream_signing::{Kek, KekId, KekRing, kek::KekError};

/// What the files say.
pub struct Connection {
    /// Where the ledger is.
    pub database_url: String,
    /// Where the streams are.
    pub nats_url: String,
    /// The key encryption keys.
    pub keks: KekRing,
    /// TLS towards Postgres.
    pub postgres: TlsFiles,
    /// Certificate authority of NATS.
    pub nats_ca: Option<PathBuf>,
    /// NATS credentials (JWT and seed).
    pub nats_creds: Option<PathBuf>,
    /// NATS nkey seed.
    pub nats_nkey: Option<PathBuf>,
}

/// A file of the connection Secret is missing or wrong.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// A needed file cannot be read.
    #[error("failed to read {}: the connection Secret needs the key {key}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The Secret's key.
        key: String,
        /// Why.
        #[source]
        source: io::Error,
    },
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
}

impl Connection {
    /// Reads the folder.
    ///
    /// # Errors
    /// [`ConnectionError`].
    pub fn read(folder: &Path) -> Result<Self, ConnectionError> {
        let optional = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
        Ok(Self {
            database_url: text(folder, "DATABASE_URL")?,
            nats_url: text(folder, "NATS_URL")?,
            keks: keks(folder)?,
            postgres: TlsFiles {
                ca: optional("postgres-ca.crt"),
                cert: optional("postgres.crt"),
                key: optional("postgres.key"),
            },
            nats_ca: optional("nats-ca.crt"),
            nats_creds: optional("nats.creds"),
            nats_nkey: optional("nats.nkey"),
        })
    }
}

fn keks(folder: &Path) -> Result<KekRing, ConnectionError> {
    let bad = |key: &str| {
        let key = key.to_owned();
        move |source| ConnectionError::Kek { key, source }
    };
    let current = Kek::fingerprinted(&text(folder, "kek")?).map_err(bad("kek"))?;
    let mut ring = KekRing::new(current);
    for name in older(folder)? {
        let Some(id) = name.strip_prefix("kek.") else { continue };
        let id: KekId = id.parse().map_err(|_| ConnectionError::KekName(name.clone()))?;
        ring = ring.with_older(Kek::from_base64(id, &text(folder, &name)?).map_err(bad(&name))?);
    }
    Ok(ring)
}

fn older(folder: &Path) -> Result<Vec<String>, ConnectionError> {
    let read = |source| ConnectionError::Read { path: folder.to_owned(), key: "kek".to_owned(), source };
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

fn text(folder: &Path, key: &str) -> Result<String, ConnectionError> {
    let path = folder.join(key);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(source) => Err(ConnectionError::Read { path, key: key.to_owned(), source }),
    }
}
