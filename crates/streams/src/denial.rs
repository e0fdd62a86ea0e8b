//! What the permissions of our login forbid. The server says so in an error of the connection, never in the response to a request:
//! every request waits for both.

use crate::GenerationId;
use crate::permissions::{NatsPermissions, covers};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Denials kept for listeners that have not read them yet; older ones are dropped.
const KEPT_LIMIT: usize = 64;
/// The prefix of every subject for responses.
const INBOX_PREFIX: &str = "_INBOX.";
/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Publish,
    Subscribe,
}

/// Something that the permissions of our login do not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    verb: Verb,
    subject: String,
    /// What a person has to grant.
    grant: String,
}

impl Denial {
    /// Reads the server's error: `Permissions Violation for Publish to "records.…"`. `needed` is what the login is to be granted.
    pub(crate) fn parse(error: &str, needed: &NatsPermissions) -> Option<Self> {
        let (start, rest) = error.split_once('"')?;
        let (subject, _) = rest.split_once('"')?;
        let start = start.to_ascii_lowercase();
        let what = start.trim_start().strip_prefix("permissions violation for ")?;
        let verb = if what.starts_with("publish") { Verb::Publish } else { Verb::Subscribe };
        let patterns = match verb {
            Verb::Publish => &needed.publish,
            Verb::Subscribe => &needed.subscribe,
        };
        let grant = patterns.iter().find(|pattern| covers(pattern, subject)).map_or(subject, String::as_str).to_owned();
        Some(Self { verb, subject: subject.to_owned(), grant })
    }

    fn names(&self, job: GenerationId) -> bool {
        let names = |token: &str| token == job.uid.to_string() || GenerationId::from_stream_name(token) == Some(job);
        self.subject.split('.').any(names)
    }

    /// No response can be received.
    fn hides_answers(&self) -> bool {
        self.verb == Verb::Subscribe && self.subject.starts_with(INBOX_PREFIX)
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, to) = match self.verb {
            Verb::Publish => ("publish", "publish to"),
            Verb::Subscribe => ("subscribe", "subscribe to"),
        };
        write!(f, "{to} {}: grant the user {verb} on {:?}", self.subject, self.grant)
    }
}

/// What a listener waits for, and so which denials matter to it.
#[derive(Clone, Debug)]
pub(crate) enum Concern {
    /// The response to a request on this subject.
    Request(String),
    /// Anything about the streams of a generation: publishing, pulling, acknowledging.
    Job(GenerationId),
    /// Messages into a stream of a generation, by the first token of their subjects. A denial may come when the call that it was for has ended.
    Messages(GenerationId, &'static str),
}

impl Concern {
    fn is_about(&self, denial: &Denial) -> bool {
        denial.hides_answers()
            || match self {
                Self::Request(subject) => denial.subject == *subject,
                Self::Job(job) => denial.names(*job),
                Self::Messages(job, first) => denial.subject.split('.').next() == Some(first) && denial.names(*job),
            }
    }
}

/// Denials as they arrive, for all listeners.
#[derive(Clone)]
pub(crate) struct Denials {
    sender: broadcast::Sender<Denial>,
    /// Valid as long as the connection: a subscription is asked for once.
    standing: Arc<Mutex<Option<Denial>>>,
}

impl Default for Denials {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(KEPT_LIMIT), standing: Arc::default() }
    }
}

impl Denials {
    pub(crate) fn note(&self, denial: Denial) {
        if denial.hides_answers() {
            *self.standing.lock() = Some(denial.clone());
        }
        // There may be no listener.
        let _ = self.sender.send(denial);
    }

    /// For a new connection, which asks for everything anew.
    pub(crate) fn clear(&self) {
        *self.standing.lock() = None;
    }

    /// Listens from now on: call it before the request is sent.
    pub(crate) fn listen(&self, concern: Concern) -> Listener {
        Listener { receiver: self.sender.subscribe(), standing: Arc::clone(&self.standing), concern }
    }
}

/// Waits for denials.
pub(crate) struct Listener {
    receiver: broadcast::Receiver<Denial>,
    standing: Arc<Mutex<Option<Denial>>>,
    concern: Concern,
}

impl Listener {
    /// Waits for a denial that matters here. May be dropped and called again.
    pub(crate) async fn denied(&mut self) -> Denial {
        let standing = self.standing.lock().clone();
        if let Some(denial) = standing.filter(|denial| self.concern.is_about(denial)) {
            return denial;
        }
        loop {
            match self.receiver.recv().await {
                Ok(denial) if self.concern.is_about(&denial) => return denial,
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobStreams, NatsUser, Tenant};
    use uuid::Uuid;

    #[test]
    fn the_server_s_error_is_parsed() {
        let job = JobStreams::new(Tenant::new("c", "n"), Uuid::from_u128(7), 3);
        let other = GenerationId { uid: Uuid::from_u128(8), generation: 3 };
        let operator = NatsPermissions::of(&NatsUser::Operator);
        let worker = NatsPermissions::of(&NatsUser::Worker(job.tenant.clone()));
        let subject = job.batch_subject(4);
        let denial = Denial::parse(&format!("Permissions Violation for Publish to \"{subject}\""), &operator).unwrap();
        assert_eq!(denial.to_string(), format!("publish to {subject}: grant the user publish on \"records.*.*.*.*\""));
        assert!(Concern::Job(job.id()).is_about(&denial) && !Concern::Job(other).is_about(&denial));
        assert!(!Concern::Request("$JS.API.INFO".into()).is_about(&denial));
        assert!(Concern::Messages(job.id(), "records").is_about(&denial));
        assert!(!Concern::Messages(job.id(), "keys").is_about(&denial), "it was for a message before");
        assert!(!Concern::Messages(other, "records").is_about(&denial));

        let request = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", job.batch_stream(), job.consumer());
        let denial = Denial::parse(&format!("permissions violation for publish to \"{request}\""), &worker).unwrap();
        assert!(denial.to_string().ends_with("publish on \"$JS.API.CONSUMER.MSG.NEXT.*.c_n\""), "{denial}");
        assert!(Concern::Request(request).is_about(&denial) && Concern::Job(job.id()).is_about(&denial));

        let denial = Denial::parse("Permissions Violation for Subscription to \"_INBOX.c_n.a.*\"", &worker).unwrap();
        assert!(denial.to_string().ends_with("grant the user subscribe on \"_INBOX.c_n.>\""), "{denial}");
        assert!(Concern::Request("$JS.API.INFO".into()).is_about(&denial) && Concern::Job(other).is_about(&denial));

        // What no list has is named as it is.
        let denial = Denial::parse("Permissions Violation for Publish to \"x.y\"", &worker).unwrap();
        assert!(denial.to_string().ends_with("publish on \"x.y\""), "{denial}");
        for other in ["Stale Connection", "maximum subscriptions exceeded", "", "\"\""] {
            assert_eq!(Denial::parse(other, &worker), None, "{other}");
        }
    }
}
