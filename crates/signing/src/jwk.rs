//! JSON Web Keys (RFC 7517) and their thumbprints (RFC 7638).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::public_key::PublicKeyError;
use crate::{Digest, PublicKey};

/// A P-256 public key as JSON Web Key (RFC 7518 §6.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Key type, `EC`.
    pub kty: String,
    /// Curve, `P-256`.
    pub crv: String,
    /// First coordinate, base64url.
    pub x: String,
    /// Second coordinate, base64url.
    pub y: String,
    /// The key's thumbprint.
    pub kid: Thumbprint,
    /// Algorithm, `ES256`.
    pub alg: String,
    /// What the key is for, `sig`.
    #[serde(rename = "use")]
    pub usage: String,
}

impl Jwk {
    pub(crate) fn new(x: &[u8], y: &[u8]) -> Self {
        Self {
            kty: "EC".into(),
            crv: "P-256".into(),
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
            kid: Thumbprint::of(x, y),
            alg: "ES256".into(),
            usage: "sig".into(),
        }
    }

    /// The key it describes.
    ///
    /// # Errors
    ///
    /// When it is no P-256 signing key, its point is not on the curve, or its `kid` is another key's thumbprint.
    pub fn public_key(&self) -> Result<PublicKey, PublicKeyError> {
        if (self.kty.as_str(), self.crv.as_str(), self.alg.as_str()) != ("EC", "P-256", "ES256") {
            return Err(PublicKeyError::Form);
        }
        let mut point = [4; 65];
        point[1..33].copy_from_slice(&coordinate(&self.x)?);
        point[33..].copy_from_slice(&coordinate(&self.y)?);
        let key = PublicKey::from_sec1(&point)?;
        if key.thumbprint() == self.kid { Ok(key) } else { Err(PublicKeyError::Form) }
    }
}

fn coordinate(text: &str) -> Result<[u8; 32], PublicKeyError> {
    decode32(text).ok_or(PublicKeyError::Form)
}

fn decode32(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// A JSON Web Key Set of `keys`.
#[must_use]
pub fn jwks<'a>(keys: impl IntoIterator<Item = &'a PublicKey>) -> serde_json::Value {
    let keys: Vec<Jwk> = keys.into_iter().map(PublicKey::jwk).collect();
    serde_json::json!({ "keys": keys })
}

/// SHA-256 thumbprint of a public key (RFC 7638 §3); shown as base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Thumbprint(pub [u8; 32]);

/// Text that is not 32 bytes in base64url.
#[derive(Debug, thiserror::Error)]
#[error("not a key id: it has 43 characters of base64url")]
pub struct NotAThumbprint;

impl Thumbprint {
    /// Stands where no key signed.
    pub const ZERO: Self = Self([0; 32]);

    /// RFC 7638 §3: the required members in lexicographic order, without white space.
    pub(crate) fn of(x: &[u8], y: &[u8]) -> Self {
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Self(Digest::of(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes()).0)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

impl FromStr for Thumbprint {
    type Err = NotAThumbprint;

    fn from_str(text: &str) -> Result<Self, NotAThumbprint> {
        decode32(text).map(Self).ok_or(NotAThumbprint)
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
