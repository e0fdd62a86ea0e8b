//! Sessions that read source tables, and do nothing else.
//!
//! Who owns a table can have code run in a session that reads it: in the expressions of its indexes, for example, which Postgres evaluates
//! when it plans. So the sessions of the ledger read no table. These here are connected when the first table is read, and everything
//! that was done in one is undone before it is used again.

use std::time::Duration;

use deadpool_postgres::{Object, Pool, RecyclingMethod};
use tokio::sync::OnceCell;

use super::connector::Connector;
use super::options::{ConnectError, ConnectOptions};
use super::patience::{REQUEST_TIMEOUT, patiently};
use super::session::Session;
use super::settings;
use crate::class::Class;
use crate::error::QueryError;

/// A pool of such sessions, to the database of the tables.
pub(crate) struct SourcePool {
    pool: Pool,
    connector: Connector,
    place: String,
    /// What is wrong with a table is told to people who may not know which tables the database holds.
    pub(crate) for_others: bool,
    /// The login is not the ledger's.
    pub(crate) is_another: bool,
    /// Done once it is known that sessions are not shared.
    is_ours: OnceCell<()>,
}

impl SourcePool {
    /// Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// A bad URL or bad files.
    pub(super) fn new(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let of_source = match &options.source.login {
            Some(login) => ConnectOptions { url: login.url.clone(), tls: login.tls.clone(), ..options.clone() },
            None => options.clone(),
        };
        let connector = Connector::new(&of_source).map_err(|error| ConnectError::Source(Box::new(error)))?;
        let pool = connector.pool(options.max_connections, RecyclingMethod::Custom(settings::reset()))?;
        Ok(Self {
            pool,
            place: connector.place(),
            connector,
            for_others: options.source.for_others,
            is_another: options.source.login.is_some(),
            is_ours: OnceCell::new(),
        })
    }

    /// The server's host and the database, for messages.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// A session, with our settings and nothing else. Waits up to [`REQUEST_TIMEOUT`] for a server that restarts.
    pub(crate) async fn session(&self, action: &str) -> Result<Session, QueryError> {
        self.is_ours.get_or_try_init(|| self.check_pooling(action)).await?;
        let get = || async { self.pool.get().await.map_err(|error| QueryError::from_pool(action, error)) };
        let object: Object = patiently(&self.place, REQUEST_TIMEOUT, get).await?;
        Ok(Session::new(object))
    }

    /// One cheap round trip.
    pub(crate) async fn ping(&self) -> Result<(), QueryError> {
        let action = format!("reach {}, which holds the source table", self.place);
        let session = self.session(&action).await?;
        if let Some(client) = session.client() {
            client.batch_execute("SELECT 1").await.map_err(|error| QueryError::new(action.as_str(), error))?;
        }
        session.settle();
        Ok(())
    }

    /// The same, waiting up to `patience` for a server that is down.
    pub(crate) async fn reach(&self, patience: Duration) -> Result<(), QueryError> {
        patiently(&self.place, patience, || self.ping()).await
    }

    async fn check_pooling(&self, action: &str) -> Result<(), QueryError> {
        if patiently(&self.place, REQUEST_TIMEOUT, || self.connector.shares_sessions(action)).await? {
            let shared = ConnectError::SharedSessions { place: self.place.clone() };
            return Err(QueryError::inside(action, Class::NoLogin, shared));
        }
        if self.connector.is_open() {
            tracing::warn!(place = self.place, "the connection to the source's database is not encrypted");
        }
        Ok(())
    }
}
