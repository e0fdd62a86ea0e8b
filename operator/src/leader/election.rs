//! The Lease that makes one replica the leader.
//!
//! Every write names the version that was read, so two replicas never both succeed. Whether the Lease of another replica has
//! ended is measured by the local clock, from when it was last seen renewed: clocks of other machines do not matter, and the
//! local one runs while the machine is suspended. A replica that is stopped releases the Lease, and another one takes it within
//! a second. [`LeadershipDeadline`] is until when a held Lease may be relied on.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
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
    leader::leader_guard::{LeadershipDeadline, guard_writes},
    permissions::OPERATOR,
};

/// How often the Lease of another replica is read, and how soon a failed request is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// A Lease is renewed this many times within its duration. In the last of these parts it is not relied on.
const RENEWALS_PER_DURATION: u32 = 4;
/// How long the release of the Lease is waited for. It ends by itself, too.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// This replica's part in the election. Dropping it releases the Lease, without waiting for that.
pub(crate) struct LeaderElection {
    /// Whether this replica leads.
    pub(crate) leads: watch::Receiver<bool>,
    /// Writes only while this replica leads.
    pub(crate) client: Client,
    candidacy: JoinHandle<()>,
}

impl LeaderElection {
    /// Releases the Lease, so that another replica leads at once.
    pub(crate) async fn release(self) {
        drop(self.leads);
        let _ = tokio::time::timeout(RELEASE_TIMEOUT, self.candidacy).await;
    }
}

/// Takes part in the election.
pub(crate) fn join_election(client: &Client, namespace: &str, identity: String, duration: Duration) -> LeaderElection {
    let (leading, leads) = watch::channel(false);
    let deadline = LeadershipDeadline::default();
    let api = Api::namespaced(client.clone(), namespace);
    let candidate =
        LeaseCandidate { api, identity, duration, deadline: deadline.clone(), observed: ObservedLease::default() };
    LeaderElection { leads, client: guard_writes(client, deadline), candidacy: tokio::spawn(candidate.run(leading)) }
}

/// Competes for the Lease, and renews it.
struct LeaseCandidate {
    api: Api<Lease>,
    identity: String,
    duration: Duration,
    deadline: LeadershipDeadline,
    observed: ObservedLease,
}

/// The Lease of another replica as it was last seen, and since when it is unchanged.
#[derive(Default)]
struct ObservedLease(Option<(LeaseSpec, BootInstant)>);

/// A Lease that this replica holds.
struct HeldLease {
    lease: Lease,
    /// Not relied on after this.
    until: BootInstant,
}

impl ObservedLease {
    /// Whether it has no holder, or its holder has not renewed it for its whole duration.
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

impl LeaseCandidate {
    async fn run(mut self, leads: watch::Sender<bool>) {
        let mut held = tokio::select! {
            held = self.acquire() => held,
            () = leads.closed() => return,
        };
        self.deadline.extend(held.until);
        leads.send_replace(true);
        let lost = tokio::select! {
            () = self.keep(&mut held) => true,
            () = leads.closed() => false,
        };
        self.deadline.end();
        leads.send_replace(false);
        if !lost {
            self.release(held).await;
        }
    }

    async fn acquire(&mut self) -> HeldLease {
        let mut logged = false;
        loop {
            match self.try_to_acquire().await {
                Ok(Some(held)) => return held,
                Ok(None) => logged = false,
                Err(error) if !logged => {
                    tracing::warn!(
                        error = vaultstream_program::chain(&error),
                        "the Lease cannot be read or taken; trying again"
                    );
                    logged = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }

    async fn try_to_acquire(&mut self) -> Result<Option<HeldLease>, kube::Error> {
        let asked = BootInstant::now();
        let Some(mut lease) = self.api.get_opt(OPERATOR).await? else {
            let metadata = ObjectMeta { name: Some(OPERATOR.to_owned()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(self.ours(None)) };
            return self.held(self.api.create(&PostParams::default(), &lease).await, asked);
        };
        let present = lease.spec.take().unwrap_or_default();
        // Its own Lease is found where the response to a write was lost.
        let is_own = present.holder_identity.as_ref() == Some(&self.identity);
        if !is_own && !self.observed.is_over(&present, self.duration, asked) {
            return Ok(None);
        }
        lease.spec = Some(self.ours(present.lease_transitions));
        self.held(self.api.replace(OPERATOR, &PostParams::default(), &lease).await, asked)
    }

    /// `None` when another replica was faster.
    fn held(&self, response: Result<Lease, kube::Error>, asked: BootInstant) -> Result<Option<HeldLease>, kube::Error> {
        match response {
            Ok(lease) => Ok(Some(HeldLease { lease, until: self.deadline_after(asked) })),
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

    /// `asked` is when the renewal was requested. Other replicas count from when they saw it, which is later.
    fn deadline_after(&self, asked: BootInstant) -> BootInstant {
        asked.plus(self.duration - self.renewal_interval())
    }

    /// Renews the Lease. Returns when another replica holds it, or it could not be renewed in time.
    async fn keep(&self, held: &mut HeldLease) {
        loop {
            tokio::time::sleep(self.renewal_interval()).await;
            // A process that was stopped, or whose machine was suspended, has slept for too long.
            if held.until.has_passed() {
                return;
            }
            match tokio::time::timeout(held.until.remaining(), self.renewed(&held.lease)).await {
                Ok(Some(renewed)) => *held = renewed,
                Ok(None) => return,
                Err(_) => {
                    tracing::warn!("the Lease could not be renewed in time");
                    return;
                }
            }
            self.deadline.extend(held.until);
        }
    }

    fn renewal_interval(&self) -> Duration {
        self.duration / RENEWALS_PER_DURATION
    }

    /// The Lease, renewed; `None` when another replica holds it. A request without a response holds up no other one, and is not given
    /// up: it may only be slow.
    async fn renewed(&self, lease: &Lease) -> Option<HeldLease> {
        let mut requests = FuturesUnordered::new();
        loop {
            requests.push(self.renew(lease.clone()));
            match tokio::time::timeout(self.renewal_interval(), requests.next()).await {
                Ok(Some(Ok(renewed))) => return renewed,
                Ok(Some(Err(error))) => {
                    tracing::warn!(
                        error = vaultstream_program::chain(&error),
                        "the Lease cannot be renewed; trying again"
                    );
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
                Ok(None) => {}
                Err(_) => tracing::warn!("the renewal of the Lease has no response yet; trying again"),
            }
        }
    }

    /// `None` when another replica holds it.
    async fn renew(&self, mut lease: Lease) -> Result<Option<HeldLease>, kube::Error> {
        loop {
            let asked = BootInstant::now();
            if let Some(spec) = &mut lease.spec {
                spec.renew_time = Some(MicroTime(jiff::Timestamp::now()));
            }
            match self.api.replace(OPERATOR, &PostParams::default(), &lease).await {
                Ok(lease) => return Ok(Some(HeldLease { lease, until: self.deadline_after(asked) })),
                // Another writer has changed it, or a response to this replica was lost or is late: renewed at once, because
                // nothing extends the deadline but a response.
                Err(kube::Error::Api(status)) if status.is_conflict() => {
                    let present = self.api.get(OPERATOR).await?;
                    if present.spec.as_ref().and_then(|spec| spec.holder_identity.as_ref()) != Some(&self.identity) {
                        return Ok(None);
                    }
                    lease = present;
                }
                Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    async fn release(&self, held: HeldLease) {
        let mut lease = held.lease;
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = None;
            spec.renew_time = None;
        }
        if let Err(error) = self.api.replace(OPERATOR, &PostParams::default(), &lease).await {
            tracing::debug!(
                error = vaultstream_program::chain(&error),
                "the Lease could not be released; it will expire"
            );
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
    fn a_lease_is_over_without_a_holder_or_when_it_was_not_renewed_for_its_duration() {
        let (start, long) = (BootInstant::now(), Duration::from_secs(60));
        let at = |seconds| start.plus(Duration::from_secs(seconds));
        let mut observed = ObservedLease::default();
        assert!(observed.is_over(&LeaseSpec::default(), long, at(0)));
        // Whatever the holder's clock says, the duration counts from when the Lease was first seen.
        assert!(!observed.is_over(&held(0), long, at(1)));
        assert!(!observed.is_over(&held(0), long, at(5)));
        assert!(!observed.is_over(&held(3), long, at(6)), "it was renewed");
        assert!(!observed.is_over(&held(3), long, at(10)));
        assert!(observed.is_over(&held(3), long, at(11)));
        assert!(observed.is_over(&LeaseSpec { holder_identity: None, ..held(3) }, long, at(6)), "it was released");
    }
}
