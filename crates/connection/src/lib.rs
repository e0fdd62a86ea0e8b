//! The connection Secret, mounted as a folder: `DATABASE_URL`, `NATS_URL`, and optionally `SOURCE_DATABASE_URL`, `source-ca.crt`,
//! `source.crt`, `source.key`, `postgres-ca.crt`, `postgres.crt`, `postgres.key`, `nats-ca.crt`, `nats.crt`, `nats.key`, `nats.creds`,
//! `nats.nkey`. It also holds the workers' KEKs (`kek`, `kek.<id>`) and their login to a service that holds one: what is read of them is
//! wiped from memory.

mod wiped;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};
use vaultstream_ledger::{SourceLogin, SourceOptions, TlsFiles};
use zeroize::Zeroizing;

pub use wiped::read_wiped;

/// Interval of polls for a change. The kubelet itself takes up to a minute to update the folder.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Files that are read for each use, so that other content is no reason to start again.
const READ_FOR_EACH_USE: [&str; 1] = ["transit-token"];

/// A required file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read {}: does the connection Secret have the key {key}?", path.display())]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// The Secret's key.
    pub key: String,
    /// The system's error.
    pub source: io::Error,
}

/// The folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ConnectionFolder(PathBuf);

impl ConnectionFolder {
    /// The folder at `path`, which need not exist yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The text of a required file, without surrounding white space.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn text(&self, key: &str) -> Result<String, Unreadable> {
        let path = self.0.join(key);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(source) => Err(Unreadable { path, key: key.to_owned(), source }),
        }
    }

    /// The content of a required file, in memory that is wiped.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn secret(&self, key: &str) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        let path = self.0.join(key);
        read_wiped(&path).map_err(|source| Unreadable { path, key: key.to_owned(), source })
    }

    /// How to connect to the ledger, and to the database of the tables where that is another one; the caller sets the rest.
    ///
    /// # Errors
    /// When `DATABASE_URL` cannot be read, or there is a `SOURCE_DATABASE_URL` that cannot.
    pub fn ledger(&self) -> Result<vaultstream_ledger::ConnectOptions, Unreadable> {
        Ok(vaultstream_ledger::ConnectOptions {
            url: self.text("DATABASE_URL")?,
            tls: TlsFiles {
                ca: self.file("postgres-ca.crt"),
                cert: self.file("postgres.crt"),
                key: self.file("postgres.key"),
            },
            source: SourceOptions { login: self.source()?, for_others: false },
            ..Default::default()
        })
    }

    fn source(&self) -> Result<Option<SourceLogin>, Unreadable> {
        const URL: &str = "SOURCE_DATABASE_URL";
        if self.file(URL).is_none() {
            return Ok(None);
        }
        let tls =
            TlsFiles { ca: self.file("source-ca.crt"), cert: self.file("source.crt"), key: self.file("source.key") };
        Ok(Some(SourceLogin { url: self.text(URL)?, tls }))
    }

    /// How to connect to NATS; the caller sets the rest.
    ///
    /// # Errors
    /// When `NATS_URL` cannot be read.
    pub fn streams(&self) -> Result<vaultstream_streams::ConnectOptions, Unreadable> {
        Ok(vaultstream_streams::ConnectOptions {
            url: self.text("NATS_URL")?,
            ca: self.file("nats-ca.crt"),
            certificate: self.file("nats.crt"),
            key: self.file("nats.key"),
            credentials: self.file("nats.creds"),
            nkey: self.file("nats.nkey"),
            ..Default::default()
        })
    }

    /// A hash over the folder's files, but not over the content of those that are read for each use. A folder that cannot be read has the
    /// hash of an empty one.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        // A mounted Secret has folders beside the files for its versions; their names begin with dots.
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        files.sort();
        let mut hash = Sha256::new();
        for file in files {
            let is_read_later = READ_FOR_EACH_USE.iter().any(|name| file.file_name() == Some(name.as_ref()));
            let content = if is_read_later { Zeroizing::default() } else { read_wiped(&file).unwrap_or_default() };
            hash.update(file.as_os_str().as_encoded_bytes());
            hash.update((content.len() as u64).to_be_bytes());
            hash.update(content.as_slice());
        }
        hash.finalize().into()
    }

    /// Returns once the folder's fingerprint is another than `fingerprint`.
    pub async fn changed(&self, fingerprint: [u8; 32]) {
        while self.fingerprint() == fingerprint {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.0.join(name)).filter(|path| path.exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_any_file_is_noticed_and_the_same_content_is_not_one() {
        let dir = tempfile::tempdir().unwrap();
        let folder = ConnectionFolder::new(dir.path());
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let mut seen = vec![folder.fingerprint()];
        for (name, text) in [("NATS_URL", "nats://a"), ("NATS_URL", "nats://b"), ("kek.1", "x"), ("kek.2", "x")] {
            write(name, text);
            let now = folder.fingerprint();
            assert!(!seen.contains(&now), "{name} {text}");
            seen.push(now);
        }
        write("kek.2", "x");
        assert_eq!(seen.last(), Some(&folder.fingerprint()));
    }

    #[test]
    fn a_token_that_is_read_for_each_use_may_be_replaced_but_not_added_without_notice() {
        let dir = tempfile::tempdir().unwrap();
        let folder = ConnectionFolder::new(dir.path());
        let without = folder.fingerprint();
        std::fs::write(dir.path().join("transit-token"), "one").unwrap();
        let with = folder.fingerprint();
        assert_ne!(with, without);
        std::fs::write(dir.path().join("transit-token"), "another").unwrap();
        assert_eq!(folder.fingerprint(), with);
    }

    #[test]
    fn a_missing_file_is_named_with_the_key_of_the_secret() {
        let dir = tempfile::tempdir().unwrap();
        let folder = ConnectionFolder::new(dir.path());
        let error = folder.ledger().unwrap_err();
        assert_eq!(error.key, "DATABASE_URL");
        std::fs::write(dir.path().join("DATABASE_URL"), " postgres://a \n").unwrap();
        std::fs::write(dir.path().join("postgres-ca.crt"), "").unwrap();
        let options = folder.ledger().unwrap();
        assert_eq!(options.url, "postgres://a");
        assert!(options.tls.ca.is_some() && options.tls.cert.is_none());
        assert!(options.source.login.is_none(), "tables are read with the ledger's login");
        std::fs::write(dir.path().join("SOURCE_DATABASE_URL"), " postgres://b \n").unwrap();
        std::fs::write(dir.path().join("source-ca.crt"), "").unwrap();
        let login = folder.ledger().unwrap().source.login.unwrap();
        assert_eq!(login.url, "postgres://b");
        assert!(login.tls.ca.is_some() && login.tls.cert.is_none());
    }
}
