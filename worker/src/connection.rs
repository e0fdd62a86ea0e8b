//! The connection Secret, mounted as a folder of files.

use std::path::{Path, PathBuf};

use vaultstream_connection::{ConnectionFolder, Unreadable};
use vaultstream_signing::{Kek, KekId, KekRing, kek::KekError};

/// What the files say.
pub struct Connection {
    /// How to connect to the ledger.
    pub ledger: vaultstream_ledger::ConnectOptions,
    /// How to connect to NATS.
    pub streams: vaultstream_streams::ConnectOptions,
    /// The key-encryption keys.
    pub keks: KekRing,
}

/// A file of the connection Secret is missing or wrong.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// None of the needed files is there.
    #[error("none of the files DATABASE_URL, NATS_URL and kek are in {}: does the connection Secret exist?", .0.display())]
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
}

impl Connection {
    /// Reads the folder.
    ///
    /// # Errors
    /// [`ConnectionError`].
    pub fn read(folder: &ConnectionFolder) -> Result<Self, ConnectionError> {
        if !["DATABASE_URL", "NATS_URL", "kek"].iter().any(|name| folder.path().join(name).exists()) {
            return Err(ConnectionError::Absent(folder.path().to_owned()));
        }
        Ok(Self { ledger: folder.ledger()?, streams: folder.streams()?, keks: keks(folder)? })
    }
}

fn keks(folder: &ConnectionFolder) -> Result<KekRing, ConnectionError> {
    let bad = |key: &str| {
        let key = key.to_owned();
        move |source| ConnectionError::Kek { key, source }
    };
    let current = Kek::fingerprinted(folder.secret("kek")?.as_slice()).map_err(bad("kek"))?;
    let mut ring = KekRing::new(current);
    for name in older(folder.path())? {
        let Some(id) = name.strip_prefix("kek.") else { continue };
        let id: KekId = id.parse().map_err(|_| ConnectionError::KekName(name.clone()))?;
        ring = ring.with_older(Kek::from_base64(id, folder.secret(&name)?.as_slice()).map_err(bad(&name))?);
    }
    Ok(ring)
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
