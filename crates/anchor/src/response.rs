//! What an authority responds: a token, or why there is none.

use der::{Decode as _, Encode as _};

use crate::TOKEN_LIMIT;
use crate::asn1::TimeStampResp;

/// The longest text of the authority that is told.
const TEXT_LIMIT: usize = 300;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum ResponseError {
    /// It is not a response by RFC 3161.
    #[error("its response is not a timestamp response")]
    Form(#[source] der::Error),
    /// The authority refuses.
    #[error("it refuses: {0}")]
    Refused(String),
    /// It says that a token was made, and sends none.
    #[error("its response has no token")]
    NoToken,
    /// More than 64 KiB.
    #[error("its token is longer than {} KiB", TOKEN_LIMIT >> 10)]
    TooLong,
}

/// The token of a response, as DER. `grantedWithMods` is a token, too: what was changed is found when it is checked.
pub(crate) fn token(response: &[u8]) -> Result<Vec<u8>, ResponseError> {
    let response = TimeStampResp::from_der(response).map_err(ResponseError::Form)?;
    let status = &response.status;
    if status.status > 1 {
        return Err(ResponseError::Refused(refusal(
            status.status,
            status.status_string.as_deref().unwrap_or_default(),
            status.fail_info.as_ref().and_then(|bits| bits.bits().position(|bit| bit)),
        )));
    }
    let token = response.time_stamp_token.ok_or(ResponseError::NoToken)?;
    let token = token.to_der().map_err(ResponseError::Form)?;
    if token.len() > TOKEN_LIMIT { Err(ResponseError::TooLong) } else { Ok(token) }
}

fn refusal(status: u8, texts: &[String], failure: Option<usize>) -> String {
    let status = match status {
        2 => "rejection",
        3 => "waiting",
        4 => "revocation is imminent",
        5 => "revoked",
        _ => "an unknown status",
    };
    let failure = failure.map(|bit| match bit {
        0 => "unknown or unsupported algorithm",
        2 => "bad request",
        5 => "bad data format",
        14 => "its source of time is not available",
        15 => "it does not have the policy that was asked for",
        16 => "unaccepted extension",
        17 => "additional information is not available",
        25 => "system failure",
        _ => "unknown failure",
    });
    let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
    let text: String = texts.join("; ").chars().map(printable).take(TEXT_LIMIT).collect();
    let parts = [Some(status), failure, Some(text.trim())];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_why_in_one_line() {
        assert_eq!(refusal(2, &[], None), "rejection");
        assert_eq!(
            refusal(2, &["no\nsuch policy".to_owned()], Some(15)),
            "rejection: it does not have the policy that was asked for: no such policy"
        );
        assert!(refusal(9, &["x".repeat(1000)], Some(3)).len() < 400);
    }

    #[test]
    fn what_is_not_a_response_is_refused() {
        for wrong in
            [&b""[..], b"<html>", &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0x00], &[0x30, 0x03, 0x02, 0x01, 0x00]]
        {
            assert!(matches!(token(wrong), Err(ResponseError::Form(_))), "{wrong:?}");
        }
        assert!(matches!(token(&[0x30, 5, 0x30, 3, 2, 1, 0]), Err(ResponseError::NoToken)));
        assert!(matches!(token(&[0x30, 5, 0x30, 3, 2, 1, 2]), Err(ResponseError::Refused(_))));
    }
}
