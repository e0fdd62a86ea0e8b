//! Names of streams, consumers and subjects. A stream's name carries the job's uid and the generation, and is never used again; subjects
//! and consumers carry the tenant, so that static permissions can confine a NATS user to one.

use crate::tenant::Tenant;
use uuid::Uuid;

/// The first token of the subjects of batches, and of the messages that ask for a plan or a receipt.
pub(crate) const RECORDS: &str = "records";
/// The first token of the subjects of keys' tokens.
pub(crate) const KEYS: &str = "keys";

/// One generation of a job's streams, in messages and as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GenerationId {
    /// The job's uid.
    pub uid: Uuid,
    /// The generation, raised in the ledger whenever streams are created.
    pub generation: i64,
}

impl GenerationId {
    /// Reads the name of either stream back.
    pub(crate) fn from_stream_name(name: &str) -> Option<Self> {
        let prefixes = [Naming::Tenant.prefixes(), Naming::Earlier.prefixes()].concat();
        let rest = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)?.strip_prefix('-'))?;
        // A uid has 36 characters, dashes among them.
        let (uid, generation) = rest.split_at_checked(36)?;
        Some(Self { uid: uid.parse().ok()?, generation: generation.strip_prefix('-')?.parse().ok()? })
    }
}

/// How the names of a generation are made.
///
/// A job keeps the workers that it began with, so one that an earlier version began keeps streams that these know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// Subjects and consumers carry the tenant.
    #[default]
    Tenant,
    /// They do not, and a token has a payload.
    Earlier,
}

impl Naming {
    /// What the names of both streams begin with.
    fn prefixes(self) -> [&'static str; 2] {
        match self {
            Self::Tenant => ["vs-batches", "vs-tokens"],
            Self::Earlier => ["vs-records", "vs-keys"],
        }
    }
}

/// The two streams of one job in one generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStreams {
    /// Whose job it is.
    pub tenant: Tenant,
    /// The job's uid.
    pub uid: Uuid,
    /// The generation, raised in the ledger whenever streams are created.
    pub generation: i64,
    /// How all names are made.
    pub naming: Naming,
}

impl JobStreams {
    /// The streams of a job of this version.
    pub fn new(tenant: Tenant, uid: Uuid, generation: i64) -> Self {
        Self { tenant, uid, generation, naming: Naming::Tenant }
    }

    /// The same generation under other names.
    #[must_use]
    pub fn named(self, naming: Naming) -> Self {
        Self { naming, ..self }
    }

    /// The generation, without the names.
    pub fn id(&self) -> GenerationId {
        GenerationId { uid: self.uid, generation: self.generation }
    }

    /// The name of the stream of batches.
    pub fn batch_stream(&self) -> String {
        format!("{}-{}-{}", self.naming.prefixes()[0], self.uid, self.generation)
    }

    /// The name of the stream of key tokens.
    pub fn key_stream(&self) -> String {
        format!("{}-{}-{}", self.naming.prefixes()[1], self.uid, self.generation)
    }

    /// The durable pull consumer of either stream, shared by the job's workers: every job of a tenant has the same one.
    pub fn consumer(&self) -> &str {
        match self.naming {
            Naming::Tenant => self.tenant.token(),
            Naming::Earlier => "workers",
        }
    }

    /// The subject of a batch's message.
    pub fn batch_subject(&self, batch: i64) -> String {
        self.subject(RECORDS, &batch.to_string())
    }

    /// The subject of a key's token.
    pub fn key_subject(&self, key: i64) -> String {
        self.subject(KEYS, &key.to_string())
    }

    pub(crate) fn plan_subject(&self) -> String {
        self.subject(RECORDS, "plan")
    }

    /// One for each challenge: a message with another one is not replaced.
    pub(crate) fn finish_subject(&self, challenge: Option<&str>) -> String {
        match challenge {
            None => self.subject(RECORDS, "finish"),
            Some(name) => self.subject(RECORDS, &format!("finish-{name}")),
        }
    }

    pub(crate) fn batch_subjects(&self) -> String {
        self.subject(RECORDS, "*")
    }

    pub(crate) fn key_subjects(&self) -> String {
        self.subject(KEYS, "*")
    }

    fn subject(&self, kind: &str, last: &str) -> String {
        let Self { tenant, uid, generation, naming } = self;
        match naming {
            Naming::Tenant => format!("{kind}.{}.{uid}.{generation}.{last}", tenant.token()),
            Naming::Earlier => format!("{kind}.{uid}.{generation}.{last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_names_can_be_read_back() {
        let job = JobStreams::new(Tenant::new("c", "n"), Uuid::from_u128(0x1234), 7);
        let earlier = job.clone().named(Naming::Earlier);
        for name in [job.batch_stream(), job.key_stream(), earlier.batch_stream(), earlier.key_stream()] {
            assert_eq!(GenerationId::from_stream_name(&name), Some(job.id()), "{name}");
        }
        for foreign in ["", "orders", "vs-records-", "vs-tokens-nonsense-1", &job.key_stream()[..40], "vs-other-x"] {
            assert_eq!(GenerationId::from_stream_name(foreign), None, "{foreign}");
        }
    }

    /// Workers of earlier versions look for these.
    #[test]
    fn the_names_of_earlier_versions_do_not_change() {
        let uid = "00000000-0000-0000-0000-000000001234";
        let job = JobStreams::new(Tenant::new("c", "n"), Uuid::from_u128(0x1234), 7).named(Naming::Earlier);
        assert_eq!(job.batch_stream(), format!("vs-records-{uid}-7"));
        assert_eq!(job.key_stream(), format!("vs-keys-{uid}-7"));
        assert_eq!(job.batch_subject(5), format!("records.{uid}.7.5"));
        assert_eq!((job.key_subject(5), job.consumer()), (format!("keys.{uid}.7.5"), "workers"));
    }
}
