//! Receipts as compact JWS with ES256 (RFC 7515 §3.1, RFC 7518 §3.4).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{IdsAre, Receipt, ReceiptFormat};
use crate::backend::SigningError;
use crate::single::{is_signed, sign_message};
use crate::{PrivateKey, PublicKey, Thumbprint, jose_decode, jose_encode};

/// Unknown members are refused: `crit` and the like would change what the signature means.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: Thumbprint,
    typ: String,
    /// Certificates in DER, base64: that of the key first, each by the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x5c: Option<Vec<String>>,
}

/// Why a receipt could not be made, or must not be trusted.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The receipt could not be written as JSON.
    #[error("failed to encode the receipt")]
    Encode(#[source] serde_json::Error),
    /// The receipt could not be signed.
    #[error("failed to sign the receipt")]
    Sign(#[source] SigningError),
    /// Not three parts of base64url with the header of a receipt.
    #[error("not a receipt in compact JWS form")]
    Form,
    /// It says that another key signed it.
    #[error("the receipt was signed by the key {found}, not by {wanted}")]
    Key {
        /// The key it was to be checked with.
        wanted: Thumbprint,
        /// The key its header names.
        found: Thumbprint,
    },
    /// The signature is not the key's, or the receipt was changed.
    #[error("the receipt's signature is wrong")]
    Signature,
    /// The signature is right, but the content is not a receipt that this version understands.
    #[error("failed to decode the receipt")]
    Decode(#[source] serde_json::Error),
    /// The signature is right, and the header is not that of the receipt's format.
    #[error("the type in the receipt's header is not that of its format")]
    Type,
    /// The signature is right, and a member is missing that its format has.
    #[error("the receipt lacks a member of its format, or one is malformed")]
    Incomplete,
    /// A checkpoint that does not say which one, or a receipt of another format that does.
    #[error("the receipt is a checkpoint in a format that has none, or is not the checkpoint that its format has")]
    Checkpoint,
    /// Not a checkpoint, where one was asked for.
    #[error("it is the receipt of a finished job, and no checkpoint")]
    NoCheckpoint,
}

/// Signs `receipt`, `kid` being the key's thumbprint. The certificates, in DER, are those of the key: its own first. There may be none,
/// and before format 3 there are none.
///
/// # Errors
///
/// When it cannot be encoded or signed, or is a checkpoint of a form that no reader takes.
pub fn sign_receipt(key: &PrivateKey, receipt: &Receipt, certificates: &[Vec<u8>]) -> Result<String, ReceiptError> {
    if receipt.checkpoint.is_some() != (receipt.format_version == ReceiptFormat::V6) {
        return Err(ReceiptError::Checkpoint);
    }
    let x5c = (!certificates.is_empty()).then(|| certificates.iter().map(|der| STANDARD.encode(der)).collect());
    let typ = receipt.format_version.jws_type().to_owned();
    let header = Header { alg: "ES256".into(), kid: key.public().thumbprint(), typ, x5c };
    let mut jws = encode(&header)?;
    jws.push('.');
    jws.push_str(&encode(receipt)?);
    let signature = sign_message(key, jws.as_bytes()).map_err(ReceiptError::Sign)?;
    jws.push('.');
    jws.push_str(&jose_encode(&signature));
    Ok(jws)
}

fn encode(part: &impl Serialize) -> Result<String, ReceiptError> {
    serde_json::to_vec(part).map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(ReceiptError::Encode)
}

/// Checks that `key` signed the receipt `jws`, and reads it. Its certificates are not looked at.
///
/// # Errors
///
/// When it has another form, names another key, is not signed by this one, or is not a receipt.
pub fn verify_receipt(key: &PublicKey, jws: &str) -> Result<Receipt, ReceiptError> {
    let (signed, signature) = jws.rsplit_once('.').ok_or(ReceiptError::Form)?;
    let (header, payload) = signed.split_once('.').ok_or(ReceiptError::Form)?;
    let header = read_header(header)?;
    let wanted = key.thumbprint();
    if header.kid != wanted {
        return Err(ReceiptError::Key { wanted, found: header.kid });
    }
    let signature = jose_decode(signature).map_err(|_| ReceiptError::Form)?;
    if !is_signed(key, signed.as_bytes(), signature) {
        return Err(ReceiptError::Signature);
    }
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| ReceiptError::Form)?;
    let receipt = serde_json::from_slice(&payload).map_err(ReceiptError::Decode)?;
    of_its_format(receipt, &header)
}

/// The certificates in the header of a receipt, in DER, that of its key first; none where it has none. Nothing is checked.
///
/// # Errors
///
/// When it has another form.
pub fn certificate_chain(jws: &str) -> Result<Vec<Vec<u8>>, ReceiptError> {
    let (header, _) = jws.split_once('.').ok_or(ReceiptError::Form)?;
    let chain = read_header(header)?.x5c.unwrap_or_default();
    chain.iter().map(|der| STANDARD.decode(der).map_err(|_| ReceiptError::Form)).collect()
}

fn read_header(header: &str) -> Result<Header, ReceiptError> {
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| ReceiptError::Form)?;
    let header: Header = serde_json::from_slice(&header).map_err(|_| ReceiptError::Form)?;
    let is_der = |der: &String| STANDARD.decode(der).is_ok_and(|der| !der.is_empty());
    let is_certified = |chain: &Vec<String>| {
        !chain.is_empty() && chain.iter().all(is_der) && header.typ == ReceiptFormat::V3.jws_type()
    };
    let is_known = [ReceiptFormat::V2, ReceiptFormat::V3].iter().any(|format| format.jws_type() == header.typ);
    if header.alg == "ES256" && is_known && header.x5c.as_ref().is_none_or(is_certified) {
        Ok(header)
    } else {
        Err(ReceiptError::Form)
    }
}

/// The receipt without what its format does not have.
fn of_its_format(receipt: Receipt, header: &Header) -> Result<Receipt, ReceiptError> {
    let format = receipt.format_version;
    if header.typ != format.jws_type() {
        return Err(ReceiptError::Type);
    }
    if receipt.checkpoint.is_some() != (format == ReceiptFormat::V6) {
        return Err(ReceiptError::Checkpoint);
    }
    match (format, &receipt.details) {
        (ReceiptFormat::V1 | ReceiptFormat::V2, _) => Ok(Receipt { details: None, ..receipt }),
        (ReceiptFormat::V6, Some(details)) if details.source.ids() == Some(IdsAre::Ordinals) => Ok(receipt),
        (ReceiptFormat::V3 | ReceiptFormat::V4 | ReceiptFormat::V5, Some(details))
            if details.source.format() == format =>
        {
            Ok(receipt)
        }
        (ReceiptFormat::V3 | ReceiptFormat::V4 | ReceiptFormat::V5 | ReceiptFormat::V6, _) => {
            Err(ReceiptError::Incomplete)
        }
    }
}
