//! Which messages a generation has: what repair compares with the ledger.

use crate::JobStreams;
use crate::Streams;
use crate::error::StreamsError;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// The messages of a generation, queued or held. Read page by page while messages come and go, so that one may be missed once:
/// republish only what is missing twice in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageIndex {
    /// Numbers of the batches that have a message.
    pub batches: BTreeSet<i64>,
    /// Ids of the keys that have a token.
    pub keys: BTreeSet<i64>,
}

#[derive(Serialize)]
struct Query<'a> {
    subjects_filter: &'a str,
    offset: usize,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    total: usize,
    state: PageState,
}

#[derive(Deserialize)]
struct PageState {
    #[serde(default)]
    subjects: Subjects,
}

/// The last tokens of a page's subjects, read without keeping the text: a page has up to 100,000.
#[derive(Default)]
struct Subjects {
    seen: usize,
    numbers: Vec<i64>,
}

impl<'de> Deserialize<'de> for Subjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SubjectsVisitor)
    }
}

struct SubjectsVisitor;

impl<'de> Visitor<'de> for SubjectsVisitor {
    type Value = Subjects;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("subjects with their counts")
    }

    fn visit_unit<E>(self) -> Result<Subjects, E> {
        Ok(Subjects::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Subjects, A::Error> {
        let mut subjects = Subjects::default();
        while let Some((subject, IgnoredAny)) = map.next_entry::<&str, IgnoredAny>()? {
            subjects.seen += 1;
            // The messages that ask for the plan and the receipt have no number.
            subjects.numbers.extend(subject.rsplit('.').next().and_then(|last| last.parse::<i64>().ok()));
        }
        Ok(subjects)
    }
}

impl Streams {
    /// Lists the messages, in one request per 100,000; [`Streams::state`] only counts them.
    ///
    /// # Errors
    /// [`StreamsError::StreamGone`] when a stream is missing, and as the server says.
    pub async fn message_index(&self, job: &JobStreams) -> Result<MessageIndex, StreamsError> {
        let batches = self.subjects(job, job.batch_stream(), &job.batch_subjects()).await?;
        let keys = self.subjects(job, job.key_stream(), &job.key_subjects()).await?;
        Ok(MessageIndex { batches, keys })
    }

    async fn subjects(
        &self,
        job: &JobStreams,
        stream: String,
        subjects_filter: &str,
    ) -> Result<BTreeSet<i64>, StreamsError> {
        let (mut found, mut offset) = (BTreeSet::new(), 0);
        loop {
            let query = Query { subjects_filter, offset };
            let page: Page = self.call(job.id(), &format!("STREAM.INFO.{stream}"), &query).await?;
            let subjects = page.state.subjects;
            found.extend(subjects.numbers);
            offset += subjects.seen;
            if subjects.seen == 0 || offset >= page.total {
                return Ok(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_to_its_last_tokens() {
        let page: Page = serde_json::from_str(
            r#"{"total":4,"state":{"messages":4,"subjects":{"records.u.1.17":1,"records.u.1.finish":1,"records.u.1.x":1,"records.u.1.0":1}}}"#,
        )
        .unwrap();
        assert_eq!((page.total, page.state.subjects.seen), (4, 4));
        assert_eq!(page.state.subjects.numbers, [17, 0]);
        for empty in [r#"{"state":{}}"#, r#"{"state":{"subjects":null}}"#, r#"{"state":{"subjects":{}}}"#] {
            let page: Page = serde_json::from_str(empty).unwrap();
            assert_eq!(page.state.subjects.seen, 0);
        }
    }
}
