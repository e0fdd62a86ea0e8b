//! Which streams exist, and removing those that are not needed.

use crate::GenerationId;
use crate::JobStreams;
use crate::Streams;
use crate::error::StreamsError;
use crate::request::Nothing;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tracing::info;
use uuid::Uuid;

/// What is there of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamsState {
    /// Both streams and their consumers.
    Present {
        /// Messages in the stream of batches, queued or held, a finish message among them.
        batches: u64,
        /// Tokens in the stream of keys, queued or held.
        keys: u64,
    },
    /// At least one stream or consumer is missing: raise the generation and create.
    Absent,
}

#[derive(Deserialize)]
struct StreamCount {
    state: StreamMessages,
}

#[derive(Deserialize)]
struct StreamMessages {
    messages: u64,
    consumer_count: usize,
}

#[derive(Serialize)]
struct NamesQuery<'a> {
    subject: &'a str,
    offset: usize,
}

#[derive(Deserialize)]
struct Names {
    total: usize,
    streams: Option<Vec<String>>,
}

impl Streams {
    /// Counts messages: two small requests, whatever the size of the job.
    ///
    /// # Errors
    /// When there is no response: unknown is not absent. [`StreamsError::Offline`] when a cluster has lost all servers that hold one.
    pub async fn state(&self, job: &JobStreams) -> Result<StreamsState, StreamsError> {
        let (batches, keys) = (self.count(job, job.batch_stream()).await?, self.count(job, job.key_stream()).await?);
        Ok(match (batches, keys) {
            (Some(batches), Some(keys)) => StreamsState::Present { batches, keys },
            _ => {
                self.end_generation(job.id());
                StreamsState::Absent
            }
        })
    }

    async fn count(&self, job: &JobStreams, stream: String) -> Result<Option<u64>, StreamsError> {
        match self.call::<_, StreamCount>(job.id(), &format!("STREAM.INFO.{stream}"), &Nothing {}).await {
            Ok(StreamCount { state }) => Ok((state.consumer_count > 0).then_some(state.messages)),
            Err(StreamsError::StreamGone(_)) => Ok(None),
            // Requests about a stream whose servers are all down get no response, while the cluster itself responds and lists it.
            Err(StreamsError::Unreachable(_)) if self.is_clustered() && self.is_listed(job.id(), &stream).await? => {
                Err(StreamsError::Offline(job.id()))
            }
            Err(error) => Err(error),
        }
    }

    async fn is_listed(&self, id: GenerationId, stream: &str) -> Result<bool, StreamsError> {
        Ok(self.streams_of(id.uid).await?.iter().any(|(_, name)| name == stream))
    }

    /// Removes both streams. That one is gone already is not an error.
    ///
    /// # Errors
    /// As the server says.
    pub async fn delete(&self, job: &JobStreams) -> Result<(), StreamsError> {
        for stream in [job.batch_stream(), job.key_stream()] {
            self.delete_stream(job.id(), &stream).await?;
        }
        Ok(())
    }

    async fn delete_stream(&self, id: GenerationId, stream: &str) -> Result<(), StreamsError> {
        self.end_generation(id);
        match self.call::<_, serde::de::IgnoredAny>(id, &format!("STREAM.DELETE.{stream}"), &Nothing {}).await {
            Ok(_) | Err(StreamsError::StreamGone(_)) => Ok(()),
            // Its servers are down and cannot confirm; they are told when they come back.
            Err(StreamsError::Unreachable(_) | StreamsError::Offline(_))
                if self.is_clustered() && !self.is_listed(id, stream).await? =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Removes every generation of the job but `keep`, and returns how many there were.
    ///
    /// # Errors
    /// As the server says.
    pub async fn delete_other_generations(&self, uid: Uuid, keep: Option<i64>) -> Result<usize, StreamsError> {
        let mut others = self.streams_of(uid).await?;
        others.retain(|(id, _)| Some(id.generation) != keep);
        let generations: BTreeSet<GenerationId> = others.iter().map(|(id, _)| *id).collect();
        for id in &generations {
            info!(job = %uid, generation = id.generation, "removing the streams of another generation");
        }
        for (id, stream) in &others {
            self.delete_stream(*id, stream).await?;
        }
        Ok(generations.len())
    }

    /// The streams of a job, of whatever generation.
    async fn streams_of(&self, uid: Uuid) -> Result<Vec<(GenerationId, String)>, StreamsError> {
        let mut names = self.stream_names(&format!("*.*.{uid}.>")).await?;
        // Those of versions whose subjects had no tenant.
        names.extend(self.stream_names(&format!("*.{uid}.>")).await?);
        let known = names.into_iter().filter_map(|name| Some((GenerationId::from_stream_name(&name)?, name)));
        Ok(known.filter(|(id, _)| id.uid == uid).collect())
    }

    async fn stream_names(&self, subject: &str) -> Result<Vec<String>, StreamsError> {
        let no_job = GenerationId { uid: Uuid::nil(), generation: 0 };
        let (mut found, mut offset) = (Vec::new(), 0);
        loop {
            let page: Names = self.call(no_job, "STREAM.NAMES", &NamesQuery { subject, offset }).await?;
            let names = page.streams.unwrap_or_default();
            offset += names.len();
            let none = names.is_empty();
            found.extend(names);
            if none || offset >= page.total {
                return Ok(found);
            }
        }
    }
}
