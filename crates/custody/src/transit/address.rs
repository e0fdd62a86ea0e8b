//! Where a key is: server, namespace, mount and name.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use vaultstream_signing::{Digest, KekId, kek::BadKekId};

/// What an id begins with.
const SCHEME: &str = "transit:";

/// The longest id that the ledger takes.
const ID_LIMIT: usize = 64;

/// Room for `@` and a version.
const VERSION_LIMIT: usize = 11;

/// Where a key is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeyAddress {
    /// Name or address of the server.
    pub(super) host: String,
    pub(super) port: u16,
    /// A namespace of Vault Enterprise or OpenBao.
    pub(super) namespace: Option<String>,
    /// Where the engine is mounted.
    pub(super) mount: String,
    /// The key's name.
    pub(super) key: String,
}

/// Why a URL does not name a key. It is not shown: it may hold a secret by mistake.
#[derive(Debug, thiserror::Error)]
#[error(
    "the URL of the key-encryption key must be transit+https://HOST:PORT/MOUNT/keys/KEY, optionally with ?namespace=NAMESPACE: {0}"
)]
pub struct TransitUrlError(&'static str);

impl FromStr for KeyAddress {
    type Err = TransitUrlError;

    fn from_str(url: &str) -> Result<Self, TransitUrlError> {
        let https =
            url.trim().strip_prefix("transit+").ok_or(TransitUrlError("it does not begin with transit+https://"))?;
        if !https.starts_with("https://") {
            return Err(TransitUrlError("it does not begin with transit+https://"));
        }
        let uri: Uri = https.parse().map_err(|_| TransitUrlError("it is not a URL"))?;
        let authority = uri.authority().ok_or(TransitUrlError("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(TransitUrlError("it has a user or a password; a token stands in a file"));
        }
        let path = uri.path().trim_matches('/');
        let path = path.strip_prefix("v1/").unwrap_or(path);
        let (mount, key) =
            path.rsplit_once("/keys/").ok_or(TransitUrlError("its path has no /keys/ between mount and key"))?;
        let namespace = match uri.query().map(|query| query.split_once('=')) {
            None => None,
            Some(Some(("namespace", namespace))) => Some(namespace.trim_matches('/')),
            Some(_) => return Err(TransitUrlError("it has another parameter than namespace")),
        };
        let names = || [mount, key].into_iter().chain(namespace);
        if !names().flat_map(|name| name.split('/')).all(is_name) || key.contains('/') {
            return Err(TransitUrlError("namespace, mount and key have the characters a-z A-Z 0-9 . _ -"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        Ok(Self {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(443),
            namespace: namespace.map(str::to_owned),
            mount: mount.to_owned(),
            key: key.to_owned(),
        })
    }
}

/// Names that are the same in a path, in an id and in a header.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && name != "." && name != ".." && name.bytes().all(allowed)
}

impl KeyAddress {
    /// The id of a version of the key. The server's name is not part of it, so that a server may get another one.
    pub(super) fn key_id(&self, version: u32) -> Result<KekId, BadKekId> {
        format!("{}@{version}", self.id_without_version()).parse()
    }

    /// The version that an id of this key names.
    pub(super) fn version_of_id(&self, id: &KekId) -> Option<u32> {
        let version = id.as_str().strip_prefix(&self.id_without_version())?.strip_prefix('@')?;
        version.parse().ok().filter(|number: &u32| number.to_string() == version)
    }

    fn id_without_version(&self) -> String {
        let namespace = self.namespace.iter().map(String::as_str);
        let name = namespace.chain([self.mount.as_str(), &self.key]).collect::<Vec<_>>().join("/");
        if SCHEME.len() + name.len() + VERSION_LIMIT <= ID_LIMIT {
            return format!("{SCHEME}{name}");
        }
        let digits: String = Digest::of(name.as_bytes()).0[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{SCHEME}{digits}")
    }
}

impl fmt::Display for KeyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, mount, key, .. } = self;
        write!(f, "{host}:{port} with its key {mount}/{key}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> KeyAddress {
        url.parse().unwrap()
    }

    #[test]
    fn a_url_names_server_mount_and_key() {
        let plain = address("transit+https://bao.example:8200/transit/keys/vaultstream");
        assert_eq!((plain.host.as_str(), plain.port, plain.namespace.as_deref()), ("bao.example", 8200, None));
        assert_eq!((plain.mount.as_str(), plain.key.as_str()), ("transit", "vaultstream"));
        let full = address(" transit+https://[::1]/v1/team/a/transit/keys/keys?namespace=ns/b\n");
        assert_eq!((full.host.as_str(), full.port, full.namespace.as_deref()), ("::1", 443, Some("ns/b")));
        assert_eq!((full.mount.as_str(), full.key.as_str()), ("team/a/transit", "keys"));
    }

    #[test]
    fn a_url_that_names_no_key_is_refused_without_being_shown() {
        for wrong in [
            "",
            "https://bao/transit/keys/a",
            "transit+http://bao/transit/keys/a",
            "transit+https:///transit/keys/a",
            "transit+https://bao/transit/a",
            "transit+https://bao/keys/a",
            "transit+https://bao/transit/keys/",
            "transit+https://bao/transit/keys/a/b",
            "transit+https://bao/../keys/a",
            "transit+https://bao/transit/keys/a%20b",
            "transit+https://bao/transit/keys/a?token=s3cret",
            "transit+https://root:s3cret@bao/transit/keys/a",
        ] {
            let refused = wrong.parse::<KeyAddress>().unwrap_err().to_string();
            assert!(refused.starts_with("the URL of the key-encryption key must be"), "{wrong}: {refused}");
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }

    #[test]
    fn an_id_names_mount_key_and_version_and_fits_into_the_ledger() {
        let url = address("transit+https://bao/transit/keys/vaultstream");
        let id = url.key_id(3).unwrap();
        assert_eq!(id.as_str(), "transit:transit/vaultstream@3");
        assert_eq!(url.version_of_id(&id), Some(3));
        assert_eq!(address("transit+https://other:1/transit/keys/vaultstream").key_id(3).unwrap(), id);
        for other in [
            "transit:transit/vaultstream",
            "transit:transit/vaultstream@03",
            "transit:transit/other@3",
            "kms:a",
            "2026",
        ] {
            assert_eq!(url.version_of_id(&other.parse().unwrap()), None, "{other}");
        }
        let long = address(&format!("transit+https://bao/transit/keys/{}", "x".repeat(200)));
        let id = long.key_id(u32::MAX).unwrap();
        assert!(id.as_str().len() <= ID_LIMIT, "{id}");
        assert_eq!(long.version_of_id(&id), Some(u32::MAX));
        let longer = address(&format!("transit+https://bao/transit/keys/{}", "x".repeat(201)));
        assert_ne!(longer.key_id(u32::MAX).unwrap(), id);
    }
}
