//! Messages that ask a worker for something else than signatures: the plan of a table before, the receipt afterwards.

use std::time::{Duration, Instant};

use vaultstream_streams::{FinishChallenge, JobStreams, Streams};

use crate::LifecycleError;

/// When a message is sent again: it may be lost. While a worker holds it, that changes nothing.
const RESEND_INTERVAL: Duration = Duration::from_secs(10);

/// When a worker was last asked for each.
#[derive(Default)]
pub(crate) struct Requests {
    plan: Option<Instant>,
    receipt: Option<Instant>,
    /// What workers have to know to have the receipt key certified.
    challenge: Option<FinishChallenge>,
}

impl Requests {
    /// Asks with this challenge from now on.
    pub(crate) fn set_challenge(&mut self, challenge: Option<FinishChallenge>) {
        if challenge != self.challenge {
            self.challenge = challenge;
            self.receipt = None;
        }
    }

    /// Asks for everything again: new streams have no message.
    pub(crate) fn forget_messages(&mut self) {
        (self.plan, self.receipt) = (None, None);
    }

    /// Whether the receipt needs a certificate.
    pub(crate) fn waits_for_issuer(&self) -> bool {
        self.challenge.is_some()
    }

    /// Asks for the plan, unless that was done a moment ago.
    pub(crate) async fn plan(&mut self, streams: &Streams, topology: &JobStreams) -> Result<(), LifecycleError> {
        if is_due(self.plan) {
            streams.publish_plan(topology).await?;
            vaultstream_faults::point("plan-published");
            self.plan = Some(Instant::now());
        }
        Ok(())
    }

    /// Asks for the receipt, and with a challenge for the certificate of its key, unless that was done a moment ago.
    pub(crate) async fn receipt(&mut self, streams: &Streams, topology: &JobStreams) -> Result<(), LifecycleError> {
        if is_due(self.receipt) {
            streams.publish_finish(topology, self.challenge.as_ref()).await?;
            vaultstream_faults::point("finish-published");
            self.receipt = Some(Instant::now());
        }
        Ok(())
    }
}

fn is_due(asked: Option<Instant>) -> bool {
    asked.is_none_or(|asked| asked.elapsed() > RESEND_INTERVAL)
}

#[cfg(test)]
mod tests {
    use vaultstream_streams::ChallengeBytes;

    use super::*;

    fn challenge(byte: u8) -> Option<FinishChallenge> {
        Some(FinishChallenge { name: "name".to_owned(), challenge: ChallengeBytes([byte; 32]) })
    }

    /// Requests that were sent a moment ago, with this challenge.
    fn sent(challenge: Option<FinishChallenge>) -> Requests {
        let now = Some(Instant::now());
        Requests { plan: now, receipt: now, challenge }
    }

    #[test]
    fn new_streams_have_no_message_and_the_challenge_is_still_that_of_the_job() {
        let mut requests = sent(challenge(1));
        requests.forget_messages();
        assert!(is_due(requests.plan) && is_due(requests.receipt));
        assert_eq!(requests.challenge, challenge(1));
        assert!(requests.waits_for_issuer());
    }

    #[test]
    fn another_challenge_is_sent_at_once_and_the_same_one_is_not_sent_again() {
        let mut requests = sent(challenge(1));
        requests.set_challenge(challenge(1));
        assert!(!is_due(requests.receipt));
        for other in [challenge(2), None] {
            let mut requests = sent(challenge(1));
            requests.set_challenge(other.clone());
            assert!(is_due(requests.receipt) && !is_due(requests.plan));
            assert_eq!(requests.challenge, other);
        }
    }
}
