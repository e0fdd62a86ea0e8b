//! Asks a worker for the job's receipt.

use std::time::{Duration, Instant};

use vaultstream_streams::{JobStreams, Streams};

use crate::LifecycleError;

/// When the message is sent again: it may be lost. A worker that holds it needs less time.
const RESEND_INTERVAL: Duration = Duration::from_secs(10);

/// When a worker was last asked.
#[derive(Default)]
pub(crate) struct Finish {
    asked: Option<Instant>,
}

impl Finish {
    /// Publishes the `finish` message unless it was published a moment ago.
    pub(crate) async fn ask(&mut self, streams: &Streams, topology: &JobStreams) -> Result<(), LifecycleError> {
        if self.asked.is_none_or(|asked| asked.elapsed() > RESEND_INTERVAL) {
            streams.publish_finish(topology).await?;
            vaultstream_faults::point("finish-published");
            self.asked = Some(Instant::now());
        }
        Ok(())
    }
}
