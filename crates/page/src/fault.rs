//! Why a request is not answered.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{place::Refused, wire::Problem};

/// Why a request is not answered.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Whoever asks is not known, or cannot be known now.
    Refused(Refused),
    /// There is none, or it is not shown to whoever asks: nobody learns which, or that a namespace exists.
    NotFound,
    /// One sentence.
    Unavailable(String),
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::Refused(Refused::Unknown(error)) => (StatusCode::UNAUTHORIZED, error),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "there is no such job in this ledger, or none whose namespace's SigningJobs you may list".to_owned(),
            ),
            Self::Refused(Refused::Unavailable(error)) | Self::Unavailable(error) => {
                (StatusCode::SERVICE_UNAVAILABLE, error)
            }
        };
        (status, Json(Problem { error })).into_response()
    }
}
