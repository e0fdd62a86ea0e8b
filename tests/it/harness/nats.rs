//! JetStream as an administrator, or an accident, sees it.

use async_nats::jetstream::{self, consumer::PullConsumer};
use vaultstream_streams::Tenant;

use super::Site;

impl Site {
    pub(crate) async fn jetstream(&self) -> jetstream::Context {
        let (token, server) = self.nats_url.strip_prefix("nats://").unwrap().split_once('@').unwrap();
        let options = async_nats::ConnectOptions::with_token(token.to_owned());
        jetstream::new(options.connect(format!("nats://{server}")).await.unwrap())
    }

    /// The consumer that a job's workers share.
    pub(crate) async fn consumer(&self, stream: &str) -> PullConsumer {
        let stream = self.jetstream().await.get_stream(stream).await.unwrap();
        stream.get_consumer(tenant().token()).await.unwrap()
    }
}

/// The tenant of every job that `vaultstream run` makes of a manifest without a namespace.
pub(crate) fn tenant() -> Tenant {
    Tenant::new("local", "default")
}
