//! JSON Web Keys (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::public_key::{PublicKey, PublicKeyError};
use crate::thumbprint::Thumbprint;

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
    /// Describes a key.
    #[must_use]
    pub fn of(key: &PublicKey) -> Self {
        let (x, y) = key.coordinates();
        Self {
            kty: "EC".into(),
            crv: "P-256".into(),
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
            kid: key.thumbprint(),
            alg: "ES256".into(),
            usage: "sig".into(),
        }
    }

    /// The key it describes.
    ///
    /// # Errors
    ///
    /// When it is not a P-256 signing key, its point is not on the curve, or its `kid` is another key's thumbprint.
    pub fn public_key(&self) -> Result<PublicKey, PublicKeyError> {
        let members = [&self.kty, &self.crv, &self.alg, &self.usage].map(String::as_str);
        if members != ["EC", "P-256", "ES256", "sig"] {
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
    URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(PublicKeyError::Form)
}

/// A JSON Web Key Set of `keys`.
#[must_use]
pub fn jwks<'a>(keys: impl IntoIterator<Item = &'a PublicKey>) -> serde_json::Value {
    let keys: Vec<Jwk> = keys.into_iter().map(Jwk::of).collect();
    serde_json::json!({ "keys": keys })
}
