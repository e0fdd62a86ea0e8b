//! Connecting: bounded in time, with an error that says what to do.

use crate::address::{self, Address, AddressError, Login};
use crate::backoff::Backoff;
use crate::connection_state::Events;
use crate::encryption;
use crate::error::BoxError;
use crate::options::{ATTEMPT_TIMEOUT, ConnectError, ConnectOptions, Failure};
use crate::request::{self, NoAnswer};
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{Client, ConnectErrorKind, ServerError, rustls};
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tracing::debug;

/// A server that does not respond to three of these is treated as dead.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Connects within the patience, and checks that JetStream responds. `events` gets every event of the connection.
pub(crate) async fn connect(options: &ConnectOptions, events: &Events) -> Result<Client, ConnectError> {
    let address = address::parse(&options.url).map_err(ConnectError::BadUrl)?;
    // TLS needs one provider for the process; when there is one already, that serves.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut patience = Patience::new(options.patience, address.place());
    let client = loop {
        let opened = match encryption::is_needed(&address, options.ca.is_some()).await {
            Ok(tls) => open(&address, options, tls, events).await,
            Err(failure) => Err(failure),
        };
        match opened {
            Ok(client) => break client,
            Err(failure) => patience.wait(failure).await?,
        }
    };
    let probe = options.user.probe();
    while let Err(failure) = check_jetstream(&client, events, &probe).await {
        patience.wait(failure).await?;
    }
    Ok(client)
}

struct Patience {
    place: String,
    whole: Duration,
    until: Instant,
    attempt: u32,
}

impl Patience {
    fn new(whole: Duration, place: String) -> Self {
        Self { place, whole, until: Instant::now() + whole, attempt: 0 }
    }

    /// Pauses after a failure that may pass, or gives up.
    async fn wait(&mut self, failure: Failure) -> Result<(), ConnectError> {
        let source = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Passing(source) => source,
        };
        let delay = Backoff::new(Duration::from_millis(50), Duration::from_secs(2)).at_least_half(self.attempt);
        if Instant::now() + delay >= self.until {
            return Err(ConnectError::Unreachable { place: self.place.clone(), patience: self.whole, source });
        }
        debug!(error = source, attempt = self.attempt, "NATS does not respond yet");
        self.attempt += 1;
        sleep(delay).await;
        Ok(())
    }
}

async fn open(address: &Address, options: &ConnectOptions, tls: bool, events: &Events) -> Result<Client, Failure> {
    let events = events.clone();
    let mut nats = async_nats::ConnectOptions::new()
        .name(&options.name)
        .custom_inbox_prefix(options.user.inbox_prefix())
        .require_tls(tls)
        .connection_timeout(ATTEMPT_TIMEOUT)
        .request_timeout(Some(ATTEMPT_TIMEOUT))
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(reconnect_delay)
        .event_callback(move |event| {
            events.note(&event);
            std::future::ready(())
        });
    nats = match &address.login {
        Login::Nothing => nats,
        Login::Token(token) => nats.token(token.clone()),
        Login::User { name, password } => nats.user_and_password(name.clone(), password.clone()),
    };
    nats = with_files(nats, options).await?;
    nats.connect(address.servers.as_slice()).await.map_err(|error| match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            Failure::Final(ConnectError::Refused(error.into()))
        }
        ConnectErrorKind::Tls => Failure::Final(ConnectError::Tls(error.into())),
        ConnectErrorKind::ServerParse => Failure::Final(ConnectError::BadUrl(AddressError::Invalid)),
        _ if is_tls(&error) => Failure::Final(ConnectError::Tls(error.into())),
        _ if is_login(&error) => Failure::Final(ConnectError::Refused(error.into())),
        _ => Failure::Passing(error.into()),
    })
}

/// What the options name in files: credentials, and certificates for both sides.
async fn with_files(
    mut nats: async_nats::ConnectOptions,
    options: &ConnectOptions,
) -> Result<async_nats::ConnectOptions, Failure> {
    let bad = |path: &PathBuf, source: BoxError| Failure::Final(ConnectError::BadFile { path: path.clone(), source });
    if let Some(path) = &options.credentials {
        nats = nats.credentials_file(path).await.map_err(|error| bad(path, error.into()))?;
    }
    if let Some(path) = &options.nkey {
        let seed = tokio::fs::read_to_string(path).await.map_err(|error| bad(path, error.into()))?;
        nats = nats.nkey(seed.trim().to_owned());
    }
    for path in [&options.ca, &options.certificate, &options.key].into_iter().flatten() {
        // Read later, on every connection; said now if that cannot work.
        tokio::fs::metadata(path).await.map_err(|error| bad(path, error.into()))?;
    }
    if let Some(path) = &options.ca {
        nats = nats.add_root_certificates(path.clone());
    }
    match (&options.certificate, &options.key) {
        (Some(certificate), Some(key)) => Ok(nats.add_client_certificate(certificate.clone(), key.clone())),
        (Some(path), None) | (None, Some(path)) => {
            Err(bad(path, "a client certificate needs its key, and the key its certificate".into()))
        }
        (None, None) => Ok(nats),
    }
}

/// Whether a failed handshake, which comes as an I/O error, was about certificates.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    false
}

/// Whether the server turns the login down in words of its own: expired, revoked.
fn is_login(error: &async_nats::ConnectError) -> bool {
    let told = error.source().and_then(|source| source.downcast_ref::<ServerError>());
    matches!(told, Some(ServerError::Other(text)) if text.to_ascii_lowercase().contains("authentication"))
}

async fn check_jetstream(client: &Client, events: &Events, probe: &str) -> Result<(), Failure> {
    let answer = match request::request(client, &events.denials, probe, bytes::Bytes::new()).await {
        Ok(answer) => answer,
        Err(NoAnswer::Denied(denial)) => return Err(Failure::Final(ConnectError::Denied(denial))),
        // The server says so itself when it is not just starting up.
        Err(NoAnswer::NoResponders) if !client.server_info().jetstream => {
            return Err(Failure::Final(ConnectError::NoJetStream(NoAnswer::NoResponders.into())));
        }
        Err(error) => return Err(Failure::Passing(error.into())),
    };
    match request::refusal(&answer) {
        Ok(None) => Ok(()),
        // A worker may only ask for what is not there.
        Ok(Some(error)) if is_not_found(&error) => Ok(()),
        Ok(Some(error)) if is_no_jetstream(&error) => Err(Failure::Final(ConnectError::NoJetStream(error.into()))),
        Ok(Some(error)) => Err(Failure::Passing(error.into())),
        Err(error) => Err(Failure::Passing(error.into())),
    }
}

fn is_not_found(error: &jetstream::Error) -> bool {
    matches!(error.error_code(), ErrorCode::STREAM_NOT_FOUND | ErrorCode::CONSUMER_NOT_FOUND)
}

fn is_no_jetstream(error: &jetstream::Error) -> bool {
    let code = error.error_code();
    code == ErrorCode::JETSTREAM_NOT_ENABLED || code == ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT
}

/// At once after a loss, then slower, up to 4 s; never in step with others.
fn reconnect_delay(attempt: usize) -> Duration {
    match u32::try_from(attempt).unwrap_or(u32::MAX) {
        0 | 1 => Duration::ZERO,
        attempt => Backoff::new(Duration::from_millis(20), Duration::from_secs(4)).at_least_half(attempt - 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnecting_begins_at_once_and_slows_down_to_four_seconds() {
        assert_eq!([reconnect_delay(0), reconnect_delay(1)], [Duration::ZERO; 2]);
        for attempt in [2, 3, 10, 100, usize::MAX] {
            let delay = reconnect_delay(attempt);
            assert!(delay > Duration::ZERO && delay <= Duration::from_secs(4), "{attempt}: {delay:?}");
        }
        assert!(reconnect_delay(30) >= Duration::from_secs(2));
    }
}
