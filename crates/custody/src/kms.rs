//! Keys behind a Kubernetes KMS v2 plugin, in builds that have gRPC.

#[cfg(feature = "kms")]
mod plugin;
#[cfg(feature = "kms")]
mod wrapper;

use std::path::PathBuf;

use crate::KeyWrapper;

/// What the URL of a KMS plugin begins with; the path of its socket follows.
pub const KMS_SCHEME: &str = "kms+unix://";

/// A KMS plugin cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KmsError {
    /// The URL is not what it should be.
    #[error("the URL of a KMS plugin must be kms+unix:///PATH/OF/ITS/SOCKET")]
    Url,
    /// Only the feature `kms` brings gRPC.
    #[error("this program was built without KMS plugins: build it with the feature kms")]
    NotBuilt,
}

/// The KMS plugin whose socket `url` names: `kms+unix:///run/kms/plugin.sock`. Calls nothing.
///
/// # Errors
/// When it names no absolute path, or this build has no plugins.
pub fn kms(url: &str) -> Result<Box<dyn KeyWrapper>, KmsError> {
    let path = url.trim().strip_prefix(KMS_SCHEME).filter(|path| path.starts_with('/')).ok_or(KmsError::Url)?;
    wrapper_of(PathBuf::from(path))
}

#[cfg(feature = "kms")]
fn wrapper_of(socket: PathBuf) -> Result<Box<dyn KeyWrapper>, KmsError> {
    Ok(Box::new(wrapper::Kms::new(socket)))
}

#[cfg(not(feature = "kms"))]
fn wrapper_of(_: PathBuf) -> Result<Box<dyn KeyWrapper>, KmsError> {
    Err(KmsError::NotBuilt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_an_absolute_path() {
        let named = kms(" kms+unix:///run/kms/a.sock\n");
        if cfg!(feature = "kms") {
            assert_eq!(format!("{:?}", named.unwrap()), "Kms(/run/kms/a.sock)");
        } else {
            assert!(matches!(named, Err(KmsError::NotBuilt)), "{named:?}");
        }
        for wrong in ["", "/run/kms/a.sock", "kms+unix://", "kms+unix://run/a.sock", "unix:///run/a.sock"] {
            assert!(matches!(kms(wrong), Err(KmsError::Url)), "{wrong}");
        }
    }
}
