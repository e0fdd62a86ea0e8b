//! Names of streams, consumers and subjects. A name carries the job's uid and the generation, and is never used again.

use uuid::Uuid;

/// The durable pull consumer of either stream, shared by the job's workers.
pub(crate) const CONSUMER: &str = "workers";

/// The two streams of one job in one generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobStreams {
    /// The job's uid.
    pub uid: Uuid,
    /// The generation, raised in the ledger whenever streams are created.
    pub generation: i64,
}

impl JobStreams {
    /// The name of the stream of batches.
    pub fn batch_stream(&self) -> String {
        format!("vs-records-{}-{}", self.uid, self.generation)
    }

    /// The name of the stream of key tokens.
    pub fn key_stream(&self) -> String {
        format!("vs-keys-{}-{}", self.uid, self.generation)
    }

    pub(crate) fn batch_subjects(&self) -> String {
        format!("records.{}.{}.*", self.uid, self.generation)
    }

    pub(crate) fn key_subjects(&self) -> String {
        format!("keys.{}.{}.*", self.uid, self.generation)
    }

    pub(crate) fn batch_subject(&self, batch: i64) -> String {
        format!("records.{}.{}.{batch}", self.uid, self.generation)
    }

    pub(crate) fn finish_subject(&self) -> String {
        format!("records.{}.{}.finish", self.uid, self.generation)
    }

    pub(crate) fn key_subject(&self, key: i64) -> String {
        format!("keys.{}.{}.{key}", self.uid, self.generation)
    }

    /// Reads the name of either stream back.
    pub(crate) fn from_stream_name(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("vs-records-").or_else(|| name.strip_prefix("vs-keys-"))?;
        // A uid has 36 characters, dashes among them.
        let (uid, generation) = rest.split_at_checked(36)?;
        Some(Self { uid: uid.parse().ok()?, generation: generation.strip_prefix('-')?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_names_can_be_read_back() {
        let job = JobStreams { uid: Uuid::from_u128(0x1234), generation: 7 };
        assert_eq!(JobStreams::from_stream_name(&job.batch_stream()), Some(job));
        assert_eq!(JobStreams::from_stream_name(&job.key_stream()), Some(job));
        for foreign in ["", "orders", "vs-records-", "vs-records-nonsense-1", &job.batch_stream()[..40], "vs-other-x"] {
            assert_eq!(JobStreams::from_stream_name(foreign), None, "{foreign}");
        }
    }
}
