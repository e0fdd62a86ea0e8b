//! The forms a signature goes out in: DER as X.509 and openssl have it, base64url of r‖s as JOSE has it.

use std::fmt;
use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::RawSignature;

/// SEQUENCE and INTEGER tags (X.690 §8.9, §8.3).
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// Two integers of at most 33 bytes with their headers, in a sequence with its own.
const MAX_DER: usize = 2 + 2 * (2 + 33);

/// A signature in DER, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DerSignature {
    bytes: [u8; MAX_DER],
    length: usize,
}

impl Deref for DerSignature {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl AsRef<[u8]> for DerSignature {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for DerSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DerSignature({:02x?})", &**self)
    }
}

/// Bytes that are not a signature in the form they are said to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Not DER, or DER that says something else than two integers of at most 256 bits, none negative.
    #[error("not a DER signature of P-256")]
    Der,
    /// Not 64 bytes in base64url without padding.
    #[error("not a JOSE signature of P-256")]
    Jose,
}

/// Writes `signature` as `SEQUENCE { INTEGER r, INTEGER s }` (RFC 3279 §2.2.3).
#[must_use]
pub fn der_encode(signature: &RawSignature) -> DerSignature {
    let (r, s) = signature.0.split_at(32);
    let mut der = DerSignature { bytes: [0; MAX_DER], length: 2 };
    put_integer(&mut der, r);
    put_integer(&mut der, s);
    // At most 70, so the short form of a length always does.
    der.bytes[0] = SEQUENCE;
    der.bytes[1] = (der.length - 2) as u8;
    der
}

fn put_integer(der: &mut DerSignature, number: &[u8]) {
    // The shortest form keeps one byte of a zero, and one zero byte before a set sign bit.
    let zeros = number.iter().take(number.len() - 1).take_while(|byte| **byte == 0).count();
    let digits = &number[zeros..];
    let sign = usize::from(digits[0] >> 7);
    let start = der.length;
    der.bytes[start] = INTEGER;
    der.bytes[start + 1] = (sign + digits.len()) as u8;
    let digits_at = start + 2 + sign;
    der.length = digits_at + digits.len();
    der.bytes[digits_at..der.length].copy_from_slice(digits);
}

/// Reads a signature in DER, and nothing that DER does not allow: no longer forms of lengths or integers, no negative
/// integers, nothing after the end. Whether r and s are in range is for the verifier to say.
///
/// # Errors
///
/// When it is anything else.
pub fn der_decode(der: &[u8]) -> Result<RawSignature, FormError> {
    let mut signature = RawSignature::EMPTY;
    let (r, s) = signature.0.split_at_mut(32);
    let [SEQUENCE, length, body @ ..] = der else { return Err(FormError::Der) };
    if usize::from(*length) != body.len() {
        return Err(FormError::Der);
    }
    let rest = take_integer(body, r)?;
    if !take_integer(rest, s)?.is_empty() {
        return Err(FormError::Der);
    }
    Ok(signature)
}

fn take_integer<'a>(der: &'a [u8], out: &mut [u8]) -> Result<&'a [u8], FormError> {
    let [INTEGER, length, body @ ..] = der else { return Err(FormError::Der) };
    let (number, rest) = body.split_at_checked(usize::from(*length)).ok_or(FormError::Der)?;
    let digits = match number {
        [0, digits @ ..] if digits.first().is_some_and(|first| first >> 7 == 1) => digits,
        [0] => number,
        [first, ..] if first >> 7 == 0 && *first != 0 => number,
        _ => return Err(FormError::Der),
    };
    let start = out.len().checked_sub(digits.len()).ok_or(FormError::Der)?;
    out[start..].copy_from_slice(digits);
    Ok(rest)
}

/// Writes `signature` as a JWS carries it: base64url of r‖s, without padding (RFC 7518 §3.4).
#[must_use]
pub fn jose_encode(signature: &RawSignature) -> String {
    URL_SAFE_NO_PAD.encode(signature.0)
}

/// Reads a signature as a JWS carries it.
///
/// # Errors
///
/// When it is not 64 bytes in base64url without padding.
pub fn jose_decode(text: &str) -> Result<RawSignature, FormError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| FormError::Jose)?;
    bytes.try_into().map(RawSignature).map_err(|_| FormError::Jose)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_signature_fills_its_buffer() {
        let longest = der_encode(&RawSignature([0xff; 64]));
        assert_eq!(longest.as_ref().len(), MAX_DER);
        assert_eq!(*longest, *longest.as_ref());
    }
}
