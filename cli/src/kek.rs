//! Key-encryption keys: in files, or in a service.

use std::path::Path;

use vaultstream_connection::read_wiped;
use vaultstream_custody::{KMS_SCHEME, KeyWrapper, Transit, TransitFiles, TransitLogin, Wrappers, kms};
use vaultstream_signing::{Kek, KekRing};

use crate::{args::KeyServiceArgs, error::Failure};

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

/// The service at `url`, with the token and the authorities of the options. Makes no request.
///
/// # Errors
/// When one of them cannot be used.
pub(crate) fn service(url: &str, args: &KeyServiceArgs) -> Result<Box<dyn KeyWrapper>, Failure> {
    if url.starts_with(KMS_SCHEME) {
        return kms(url).map_err(|error| Failure::input(&error));
    }
    let Some(file) = &args.kek_token_file else {
        return Err(Failure::bad_input("the service of a key-encryption key needs --kek-token-file FILE"));
    };
    let files = TransitFiles { login: TransitLogin::TokenFile(file.clone()), ca: args.kek_ca_file.clone() };
    Ok(Box::new(Transit::new(url, files).map_err(|error| Failure::input(&error))?))
}

/// What wraps data keys: the service, if there is one, or the key in the file.
///
/// # Errors
/// When neither is given, or one cannot be used.
pub(crate) fn wrappers(args: &KeyServiceArgs, file: Option<&Path>) -> Result<Wrappers, Failure> {
    let ring = file.map(read).transpose()?.map(KekRing::new);
    match (&args.kek_url, ring) {
        (Some(url), ring) => Ok(Wrappers::service(service(url, args)?, ring)),
        (None, Some(ring)) => Ok(Wrappers::files(ring)),
        (None, None) => {
            Err(Failure::bad_input("no key-encryption key is given: give --kek-file FILE or --kek-url URL"))
        }
    }
}
