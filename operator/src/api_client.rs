//! The client of the API server. It does not wait for a response that never comes.

use std::time::Duration;

use kube::{Client, Config, Error, client::ClientBuilder, config::AuthInfo};
use secrecy::SecretString;
use tower::{BoxError, util::MapFutureLayer};

/// How long a response may take to begin. A watch responds at once, its events come later.
///
/// Where the network loses a connection without a word, nothing else would end a request: a reconcile, of which only a few run at a
/// time, would wait for ever.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// A client with the settings of the pod, or of KUBECONFIG.
pub(crate) async fn connect() -> Result<Client, Error> {
    let config = Config::infer().await.map_err(Error::InferConfig)?;
    Ok(ClientBuilder::try_from(config)?.with_layer(&MapFutureLayer::new(in_time)).build())
}

/// A client of the same API server, which is whom this token names and nobody else.
pub(crate) async fn of_token(token: &str) -> Result<Client, Error> {
    let mut config = Config::infer().await.map_err(Error::InferConfig)?;
    config.auth_info = AuthInfo { token: Some(SecretString::from(token)), ..AuthInfo::default() };
    Ok(ClientBuilder::try_from(config)?.with_layer(&MapFutureLayer::new(in_time)).build())
}

async fn in_time<T>(response: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
    match tokio::time::timeout(RESPONSE_TIMEOUT, response).await {
        Ok(response) => response,
        Err(_) => Err(format!("no response within {} seconds", RESPONSE_TIMEOUT.as_secs()).into()),
    }
}
