//! The streams of a job: made, held to what the job's spec says now, and made anew under another name when they are lost.

use std::time::{Duration, Instant};

use vaultstream_ledger::{
    Job, damaged_keys, leases,
    steps::{self, Step},
};
use vaultstream_streams::{JobStreams, Limits, Naming, StreamsError, StreamsState, Tenant};

use crate::{
    Driver, LifecycleError,
    publish::Publisher,
    stream_state::{Checked, Making},
};

/// How often the streams' existence and the keys' versions are checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long to wait for streams whose servers are all down before others take their place.
const OFFLINE_TIMEOUT: Duration = Duration::from_secs(15);

impl Driver {
    /// The streams of a generation of the job, named as the last ones that were found.
    fn streams_of(&self, job: &Job, generation: i64) -> JobStreams {
        JobStreams::new(Tenant::new(&job.cluster, &job.namespace), job.uid, generation).named(self.naming)
    }

    /// The streams of the job's present generation; makes those of a new one when they are missing, and returns `None` so
    /// that the job is read again.
    pub(crate) async fn ensure_streams(&mut self, job: &Job) -> Result<Option<JobStreams>, LifecycleError> {
        let topology = self.streams_of(job, job.generation);
        let limits = self.settings.limits(job);
        let fresh = self.checked.at.is_some_and(|at| at.elapsed() < CHECK_INTERVAL);
        if fresh && self.checked.limits == Some(limits) {
            return Ok(Some(topology));
        }
        let making = self.making.filter(|making| making.continues(job));
        if making.is_none()
            && job.generation > 0
            && let Some((topology, tokens)) = self.find(topology).await?
        {
            if self.checked.limits != Some(limits) {
                self.streams.adjust(&topology, &limits).await?;
            }
            self.replace_retired_keys(job, &topology).await?;
            self.publish_first_keys(job, &topology, tokens).await?;
            self.checked = Checked { at: Some(Instant::now()), limits: Some(limits), offline: None, tokens };
            return Ok(Some(topology));
        }
        let generation = match making {
            Some(making) => making.generation,
            None => {
                let Step::Done(generation) = steps::raise_generation(&self.ledger, job.id).await? else {
                    return Ok(None);
                };
                vaultstream_faults::point("generation-raised");
                self.making = Some(Making { generation, since: Instant::now() });
                generation
            }
        };
        let made = self.make(job, &self.streams_of(job, generation), &limits).await;
        // What vanished while it was being made needs another name.
        if !matches!(&made, Err(LifecycleError::Streams(error)) if !error.is_stream_gone()) {
            self.making = None;
        }
        made.map(|()| None)
    }

    async fn make(&mut self, job: &Job, topology: &JobStreams, limits: &Limits) -> Result<(), LifecycleError> {
        self.checked = Checked::default();
        self.publisher = Publisher::default();
        self.requests.forget_messages();
        self.streams.create(topology, limits).await?;
        vaultstream_faults::point("streams-created");
        let keys = leases::active_keys(&self.ledger, job.id).await?;
        self.streams.publish_keys(topology, &keys.iter().map(|key| key.id.0).collect::<Vec<_>>()).await?;
        vaultstream_faults::point("keys-published");
        self.streams.delete_other_generations(job.uid, Some(topology.generation)).await?;
        self.checked.limits = Some(*limits);
        tracing::info!(job = %job.name, generation = topology.generation, keys = keys.len(), "streams created");
        Ok(())
    }

    /// The present streams with how many key tokens they hold; `None` when there are none, or they have been out of reach for too
    /// long.
    ///
    /// Streams that an earlier version made are used as long as they last, and so is their naming: the job keeps the workers that it began
    /// with, and these know no other.
    async fn find(&mut self, topology: JobStreams) -> Result<Option<(JobStreams, u64)>, LifecycleError> {
        let other = match topology.naming {
            Naming::Tenant => Naming::Earlier,
            Naming::Earlier => Naming::Tenant,
        };
        for naming in [topology.naming, other] {
            let named = topology.clone().named(naming);
            if let Some(tokens) = self.count_tokens(&named).await? {
                self.naming = naming;
                return Ok(Some((named, tokens)));
            }
        }
        Ok(None)
    }

    async fn count_tokens(&mut self, topology: &JobStreams) -> Result<Option<u64>, LifecycleError> {
        match self.streams.state(topology).await {
            Ok(StreamsState::Present { keys, .. }) => Ok(Some(keys)),
            Ok(StreamsState::Absent) => Ok(None),
            Err(error @ StreamsError::Offline(_)) => {
                let since = *self.checked.offline.get_or_insert_with(Instant::now);
                if since.elapsed() < OFFLINE_TIMEOUT {
                    return Err(error.into());
                }
                tracing::warn!(uid = %topology.uid, generation = topology.generation, "{error}: making new ones elsewhere");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A key that has made all its signatures is followed by its next version.
    async fn replace_retired_keys(&self, job: &Job, topology: &JobStreams) -> Result<(), LifecycleError> {
        if job.spec.keys.max_signatures.is_none() {
            return Ok(());
        }
        if let Step::Done(new) = steps::insert_missing_key_versions(&self.ledger, job.id).await?
            && !new.is_empty()
        {
            vaultstream_faults::point("keys-replaced");
            self.streams.publish_keys(topology, &new.iter().map(|key| key.0).collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// Before the first batch is published every key has its token: the process that made the streams may have ended in between.
    async fn publish_first_keys(&self, job: &Job, topology: &JobStreams, tokens: u64) -> Result<(), LifecycleError> {
        if job.published > 0 {
            return Ok(());
        }
        let active = leases::active_keys(&self.ledger, job.id).await?;
        if tokens < active.len() as u64 {
            self.streams.publish_keys(topology, &active.iter().map(|key| key.id.0).collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// Finds out whether there is any key left to sign with.
    ///
    /// # Errors
    /// [`LifecycleError::NoKeys`].
    pub(crate) async fn find_keys(&self, job: &Job) -> Result<(), LifecycleError> {
        if !leases::active_keys(&self.ledger, job.id).await?.is_empty() {
            return Ok(());
        }
        match damaged_keys::list(&self.ledger, job.id).await?.len() {
            0 => Ok(()),
            damaged => Err(LifecycleError::NoKeys { damaged }),
        }
    }
}
