//! The connection to NATS, which all requests use.

use crate::connect::connect;
use crate::connection_state::{ConnectionState, ConnectionWatch, Events};
use crate::denial::Denials;
use crate::error::StreamsError;
use crate::names::{GenerationId, JobStreams};
use crate::options::{ATTEMPT_TIMEOUT, ConnectError, ConnectOptions};
use crate::permissions::NatsPermissions;
use crate::settle::{Generation, Settlement, send_settlements};
use async_nats::{Client, jetstream};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

/// A connection to NATS, shared by all clones. It reconnects by itself, without end; requests fail meanwhile.
#[derive(Clone)]
pub struct Streams {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    jetstream: jetstream::Context,
    link: watch::Receiver<ConnectionState>,
    events: Events,
    settlements: mpsc::UnboundedSender<Settlement>,
    generations: Mutex<HashMap<GenerationId, Weak<Generation>>>,
    on_unusable: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Streams {
    /// Connects, and checks that JetStream responds. Retries a server that is down until the patience is over; fails at once after a
    /// refusal or a bad file.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect(options: &ConnectOptions) -> BoxFuture<'_, Result<Self, ConnectError>> {
        Self::open(options).boxed()
    }

    async fn open(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let events = Events::new(NatsPermissions::of(&options.user));
        let link = events.subscribe();
        let client = connect(options, &events).await?;
        Ok(Self::over(client, link, events, options.user.probe()).await)
    }

    async fn over(client: Client, mut link: watch::Receiver<ConnectionState>, events: Events, probe: String) -> Self {
        // The first connection is reported by a task: wait, so that it is not taken for a reconnect.
        let _ = timeout(ATTEMPT_TIMEOUT, link.wait_for(|link| link.established > 0)).await;
        let (settlements, queue) = mpsc::unbounded_channel();
        tokio::spawn(send_settlements(client.clone(), queue, probe));
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(ATTEMPT_TIMEOUT);
        let (generations, on_unusable) = (Mutex::default(), OnceLock::new());
        Self { inner: Arc::new(Inner { client, jetstream, link, events, settlements, generations, on_unusable }) }
    }

    /// The server is about to be stopped on purpose: do not warn about the end of the connection.
    pub fn leave(&self) {
        self.inner.events.leave();
    }

    /// Follows the connection, to repair right after a reconnect.
    pub fn connection(&self) -> ConnectionWatch {
        ConnectionWatch::new(self.inner.link.clone())
    }

    /// Waits until the server has received everything settled so far: acks, NAKs. Call it before the process ends, because
    /// settling only queues.
    ///
    /// # Errors
    /// [`StreamsError::Unreachable`] when that took longer than `within`; messages whose ack is lost are delivered again.
    pub async fn flush(&self, within: Duration) -> Result<(), StreamsError> {
        let round_trip = async {
            self.connection().up().await;
            let (done, flushed) = oneshot::channel();
            let _ = self.inner.settlements.send(Settlement::Flush(done));
            flushed.await
        };
        match timeout(within, round_trip).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(StreamsError::Unreachable(error)),
            Ok(Err(error)) => Err(StreamsError::Unreachable(error.into())),
            Err(error) => Err(StreamsError::Unreachable(error.into())),
        }
    }

    /// Calls `count` for each message that is removed because it cannot be used, from now on. The first caller's remains.
    pub fn on_unusable(&self, count: impl Fn() + Send + Sync + 'static) {
        let _ = self.inner.on_unusable.set(Box::new(count));
    }

    /// A message was removed because it cannot be used.
    pub(crate) fn note_unusable(&self) {
        if let Some(count) = self.inner.on_unusable.get() {
            count();
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    pub(crate) fn jetstream(&self) -> &jetstream::Context {
        &self.inner.jetstream
    }

    /// Waits a little for a connection: requests without one would queue up, and be sent when no caller waits any more.
    pub(crate) async fn connected(&self) -> Result<(), StreamsError> {
        let mut link = self.connection();
        let waited = timeout(ATTEMPT_TIMEOUT, link.up()).await;
        waited.map_err(|_| {
            if link.now().refused {
                StreamsError::Login
            } else {
                StreamsError::Unreachable("there is no connection".into())
            }
        })
    }

    /// What our login may not do, as the server reports it.
    pub(crate) fn denials(&self) -> &Denials {
        &self.inner.events.denials
    }

    /// Whether the server is one of a cluster.
    pub(crate) fn is_clustered(&self) -> bool {
        self.client().server_info().cluster.is_some()
    }

    /// The one mark of a generation that all its handles share.
    pub(crate) fn generation(&self, job: &JobStreams) -> Arc<Generation> {
        let mut known = self.inner.generations.lock();
        if let Some(generation) = known.get(&job.id()).and_then(Weak::upgrade) {
            return generation;
        }
        known.retain(|_, generation| generation.strong_count() > 0);
        let (queue, link) = (self.inner.settlements.clone(), self.inner.link.clone());
        let generation = Arc::new(Generation::new(job.clone(), queue, link));
        known.insert(job.id(), Arc::downgrade(&generation));
        generation
    }

    /// From now on no handle of this generation sends anything.
    pub(crate) fn end_generation(&self, id: GenerationId) {
        let known = self.inner.generations.lock().get(&id).and_then(Weak::upgrade);
        if let Some(generation) = known {
            generation.end();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The connection is not used any more.
        self.events.leave();
    }
}
