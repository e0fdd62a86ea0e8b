//! Key-encryption keys in files.

use std::path::Path;

use vaultstream_connection::read_wiped;
use vaultstream_signing::Kek;

use crate::error::Failure;

/// Reads the key-encryption key of a file.
///
/// # Errors
/// When the file is missing or holds no key.
pub(crate) fn read(path: &Path) -> Result<Kek, Failure> {
    let text = read_wiped(path).map_err(|error| {
        Failure::bad_input(format!("failed to read the key-encryption key {}: {error}", path.display()))
    })?;
    Kek::fingerprinted(text.as_slice())
        .map_err(|error| Failure::bad_input(format!("{} is not a valid key file: {error}", path.display())))
}
