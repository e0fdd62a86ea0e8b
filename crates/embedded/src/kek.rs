//! The key-encryption key of an embedded run: a 0600 file in the data-dir, created once.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use crate::data_dir::{self, DataDirError};

/// Bytes of an AES-256 key.
const KEY_BYTES: usize = 32;

/// Why there is no usable key file.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// The system returned no random bytes.
    #[error("failed to read the system's randomness")]
    Random(#[source] rand::rngs::SysError),
    /// The file cannot be created or read.
    #[error("failed to make the key file {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Its folder cannot be created.
    #[error(transparent)]
    Folder(#[from] DataDirError),
    /// Other users may read it.
    #[error("the key file {path} can be read by other users (mode {mode:o}): if it is still secret, run `chmod 600` on it", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// The file `kek` in `dir`: base64 of 32 bytes of the system's randomness and a newline; both are created when they are missing.
///
/// The file is written atomically: a crash leaves no incomplete key.
pub fn kek_file(dir: &Path) -> Result<PathBuf, KekError> {
    data_dir::make_folder(dir)?;
    let path = dir.join("kek");
    let failed = |source| KekError::Io { path: path.clone(), source };
    match fs::metadata(&path) {
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
            let mode = meta.permissions().mode() & 0o7777;
            return Err(KekError::Open { path: path.clone(), mode });
        }
        Ok(_) => return Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }

    let mut key = Zeroizing::new([0; KEY_BYTES]);
    SysRng.try_fill_bytes(key.as_mut_slice()).map_err(KekError::Random)?;
    let text = Zeroizing::new(BASE64_STANDARD.encode(key.as_slice()));
    let draft = dir.join(format!("kek.{}", std::process::id()));
    write_draft(&draft, text.as_bytes()).map_err(failed)?;
    // Linking fails when another process created a key meanwhile, and so never replaces one.
    let linked = fs::hard_link(&draft, &path);
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => Ok(path),
    }
}

fn write_draft(draft: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
    file.write_all(text)?;
    file.write_all(b"\n")?;
    file.sync_all()
}
