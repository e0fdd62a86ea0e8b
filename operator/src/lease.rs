//! The Lease that makes one replica the leader.
//!
//! Every write names the version that was read, so two replicas never both succeed. Whether another's Lease is over is told
//! by our own clock, from when we last saw it renewed: clocks of other machines do not matter, and ours runs while this
//! machine is suspended. Who is told to end gives the Lease back, and whoever looks next has it: within a second. Until when
//! a Lease is relied on, [`Trust`] knows.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio::{sync::watch, task::JoinHandle};
use vaultstream_ledger::BootInstant;

use crate::{
    fence::{Trust, fenced},
    permissions::OPERATOR,
};

/// Between two looks, or two attempts.
const AGAIN: Duration = Duration::from_secs(1);
/// A Lease is renewed so many times before it would end, and not relied on in its last part.
const PARTS: u32 = 4;
/// Giving the Lease back may take so long; it ends by itself, too.
const FAREWELL: Duration = Duration::from_secs(2);

/// Our part in the election. Dropping it gives the Lease back, without waiting for that.
pub(crate) struct Election {
    /// Whether we lead.
    pub(crate) leads: watch::Receiver<bool>,
    /// Writes while we lead.
    pub(crate) client: Client,
    keeping: JoinHandle<()>,
}

impl Election {
    /// Gives the Lease back, so that another replica leads at once.
    pub(crate) async fn give_back(self) {
        drop(self.leads);
        let _ = tokio::time::timeout(FAREWELL, self.keeping).await;
    }
}

/// Takes part in the election.
pub(crate) fn run_for(client: &Client, namespace: &str, identity: String, duration: Duration) -> Election {
    let (leading, leads) = watch::channel(false);
    let trust = Trust::default();
    let api = Api::namespaced(client.clone(), namespace);
    let candidate = Candidate { api, identity, duration, trust: trust.clone(), seen: Seen::default() };
    Election { leads, client: fenced(client, trust), keeping: tokio::spawn(candidate.run(leading)) }
}

struct Candidate {
    api: Api<Lease>,
    identity: String,
    duration: Duration,
    trust: Trust,
    seen: Seen,
}

/// Another's Lease as we last saw it, and since when it is like that.
#[derive(Default)]
struct Seen(Option<(LeaseSpec, BootInstant)>);

/// A Lease that is ours.
struct Held {
    lease: Lease,
    /// Not relied on after this.
    until: BootInstant,
}

impl Seen {
    /// Whether nobody holds it, or who does has not renewed it for as long as it holds.
    fn is_over(&mut self, present: &LeaseSpec, duration: Duration, now: BootInstant) -> bool {
        if present.holder_identity.as_deref().is_none_or(str::is_empty) {
            return true;
        }
        match &self.0 {
            Some((seen, since)) if seen == present => {
                let seconds = present.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
                now.since(*since) >= seconds.map_or(duration, Duration::from_secs)
            }
            _ => {
                self.0 = Some((present.clone(), now));
                false
            }
        }
    }
}

impl Candidate {
    async fn run(mut self, leads: watch::Sender<bool>) {
        let mut held = tokio::select! {
            held = self.acquire() => held,
            () = leads.closed() => return,
        };
        self.trust.extend(held.until);
        leads.send_replace(true);
        let lost = tokio::select! {
            () = self.keep(&mut held) => true,
            () = leads.closed() => false,
        };
        self.trust.end();
        leads.send_replace(false);
        if !lost {
            self.give_back(held).await;
        }
    }

    async fn acquire(&mut self) -> Held {
        let mut told = false;
        loop {
            match self.try_to_acquire().await {
                Ok(Some(held)) => return held,
                Ok(None) => told = false,
                Err(error) if !told => {
                    tracing::warn!(error = crate::chain(&error), "the Lease cannot be read or taken; trying again");
                    told = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn try_to_acquire(&mut self) -> Result<Option<Held>, kube::Error> {
        let asked = BootInstant::now();
        let Some(mut lease) = self.api.get_opt(OPERATOR).await? else {
            let metadata = ObjectMeta { name: Some(OPERATOR.to_owned()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(self.ours(None)) };
            return self.held(self.api.create(&PostParams::default(), &lease).await, asked);
        };
        let present = lease.spec.take().unwrap_or_default();
        if !self.seen.is_over(&present, self.duration, asked) {
            return Ok(None);
        }
        lease.spec = Some(self.ours(present.lease_transitions));
        self.held(self.api.replace(OPERATOR, &PostParams::default(), &lease).await, asked)
    }

    /// Somebody else may have been faster.
    fn held(&self, answer: Result<Lease, kube::Error>, asked: BootInstant) -> Result<Option<Held>, kube::Error> {
        match answer {
            Ok(lease) => Ok(Some(Held { lease, until: self.end_of_trust(asked) })),
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn ours(&self, transitions: Option<i32>) -> LeaseSpec {
        let now = Some(MicroTime(jiff::Timestamp::now()));
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.duration.as_secs()).ok(),
            acquire_time: now.clone(),
            renew_time: now,
            lease_transitions: Some(transitions.unwrap_or(0).saturating_add(1)),
            ..LeaseSpec::default()
        }
    }

    /// Others count from when they saw the renewal, which was later than when we asked for it.
    fn end_of_trust(&self, asked: BootInstant) -> BootInstant {
        asked.plus(self.duration - self.duration / PARTS)
    }

    /// Renews the Lease; returns when it is not ours any more, or cannot be renewed in time.
    async fn keep(&self, held: &mut Held) {
        let mut pause = self.duration / PARTS;
        loop {
            tokio::time::sleep(pause).await;
            // A process that stood still, or whose machine did, has slept longer than it wanted.
            if held.until.has_passed() {
                return;
            }
            pause = match tokio::time::timeout(held.until.remaining(), self.renew(held)).await {
                Ok(Ok(true)) => {
                    self.trust.extend(held.until);
                    self.duration / PARTS
                }
                Ok(Ok(false)) | Err(_) => return,
                Ok(Err(error)) => {
                    tracing::warn!(error = crate::chain(&error), "the Lease cannot be renewed; trying again");
                    AGAIN
                }
            };
        }
    }

    /// False when it is another's.
    async fn renew(&self, held: &mut Held) -> Result<bool, kube::Error> {
        let asked = BootInstant::now();
        if let Some(spec) = &mut held.lease.spec {
            spec.renew_time = Some(MicroTime(jiff::Timestamp::now()));
        }
        match self.api.replace(OPERATOR, &PostParams::default(), &held.lease).await {
            Ok(lease) => *held = Held { lease, until: self.end_of_trust(asked) },
            // Somebody has changed it, or an answer of ours was lost.
            Err(kube::Error::Api(status)) if status.is_conflict() => {
                let present = self.api.get(OPERATOR).await?;
                if present.spec.as_ref().and_then(|spec| spec.holder_identity.as_ref()) != Some(&self.identity) {
                    return Ok(false);
                }
                held.lease = present;
            }
            Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    async fn give_back(&self, held: Held) {
        let mut lease = held.lease;
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = None;
            spec.renew_time = None;
        }
        if let Err(error) = self.api.replace(OPERATOR, &PostParams::default(), &lease).await {
            tracing::debug!(error = crate::chain(&error), "the Lease could not be released; it will expire");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(renewed: i64) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some("other".to_owned()),
            lease_duration_seconds: Some(5),
            renew_time: Some(MicroTime(jiff::Timestamp::from_second(renewed).unwrap())),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn a_lease_is_over_when_nobody_holds_it_or_it_was_not_renewed_for_as_long_as_it_holds() {
        let (start, long) = (BootInstant::now(), Duration::from_secs(60));
        let at = |seconds| start.plus(Duration::from_secs(seconds));
        let mut seen = Seen::default();
        assert!(seen.is_over(&LeaseSpec::default(), long, at(0)));
        // Whatever its clock says, it has its time from when we first see it.
        assert!(!seen.is_over(&held(0), long, at(1)));
        assert!(!seen.is_over(&held(0), long, at(5)));
        assert!(!seen.is_over(&held(3), long, at(6)), "it was renewed");
        assert!(!seen.is_over(&held(3), long, at(10)));
        assert!(seen.is_over(&held(3), long, at(11)));
        assert!(seen.is_over(&LeaseSpec { holder_identity: None, ..held(3) }, long, at(6)), "it was given back");
    }
}
