//! What a server's response means.

use std::borrow::Cow;

use hyper::StatusCode;
use serde::Deserialize;

use super::https::{RequestError, Response};
use crate::{ServiceFault, WrapperError};

/// The longest text of the server that is told.
const TEXT_LIMIT: usize = 300;

/// What a server says of a ciphertext that it cannot open under any of its versions of the key.
const DAMAGED: [&str; 2] = ["message authentication failed", "invalid ciphertext"];

/// What it says, beginning like the above, of a version that it does not have: the ciphertext is good, and the key is another one.
const NO_SUCH_VERSION: &str = "version is too new";

#[derive(Deserialize)]
pub(super) struct Ciphertext<'a> {
    #[serde(borrow)]
    pub(super) ciphertext: Cow<'a, str>,
}

/// The plaintext is borrowed from the response, which is wiped.
#[derive(Deserialize)]
pub(super) struct Plaintext<'a> {
    pub(super) plaintext: &'a str,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

impl Response {
    /// The member `data`.
    pub(super) fn data<'a, T: Deserialize<'a>>(&'a self) -> Result<T, String> {
        self.json::<Data<T>>().map(|response| response.data)
    }

    /// What the server says is wrong. It never quotes a request's secrets.
    fn errors(&self) -> String {
        let errors = serde_json::from_slice(&self.body).map(|Errors { errors }| errors).unwrap_or_default();
        let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
        let text: String = errors.join("; ").chars().map(printable).take(TEXT_LIMIT).collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Makes errors that name the server.
pub(super) struct Faults(String);

impl Faults {
    pub(super) fn new(service: String) -> Self {
        Self(service)
    }

    /// The error of a response that is not a success.
    pub(super) fn of(&self, operation: &str, response: &Response) -> WrapperError {
        let (status, errors) = (response.status, response.errors());
        let says = |what: &str| errors.contains(what);
        if operation == "decrypt" && status == StatusCode::BAD_REQUEST {
            if says(NO_SUCH_VERSION) {
                return self
                    .refused("it has no such version of the key: its key is another one, or an older copy".to_owned());
            }
            if DAMAGED.into_iter().any(says) {
                return WrapperError::Damaged;
            }
        }
        let why = match errors.as_str() {
            "" => format!("it responded to {operation} with {status}"),
            errors => format!("it responded to {operation} with {status}: {errors}"),
        };
        // 412: a follower that does not have the newest state yet. 3xx: a standby without an active node to forward to.
        let passes = status.is_server_error()
            || status.is_redirection()
            || matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::PRECONDITION_FAILED | StatusCode::REQUEST_TIMEOUT
            );
        if passes { WrapperError::Unavailable(self.fault(why)) } else { self.refused(why) }
    }

    /// The error of a request without a response.
    pub(super) fn of_connection(&self, error: RequestError) -> WrapperError {
        let refuses = matches!(error, RequestError::Certificate(_) | RequestError::Header(_));
        let why = error.to_string();
        let fault = ServiceFault {
            source: std::error::Error::source(&error).map(|cause| cause.to_string().into()),
            ..self.fault(why)
        };
        if refuses { WrapperError::Refused(fault) } else { WrapperError::Unavailable(fault) }
    }

    pub(super) fn refused(&self, why: String) -> WrapperError {
        WrapperError::Refused(self.fault(why))
    }

    pub(super) fn unexpected(&self, why: String) -> WrapperError {
        WrapperError::Unexpected(self.fault(why))
    }

    fn fault(&self, why: String) -> ServiceFault {
        ServiceFault { service: self.0.clone(), why, source: None }
    }
}
