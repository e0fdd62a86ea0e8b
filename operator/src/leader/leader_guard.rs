//! A client that writes only while the Lease is held.
//!
//! A leader that was stopped until its Lease had ended resumes in the middle of its work. It would write what it decided
//! before: over a successor's status, or back to an old number of workers. The API server has no fencing tokens, so the end of
//! the Lease is checked before each write, by a clock that runs while the process is stopped and while its machine is
//! suspended.

use std::sync::Arc;

use axum::http::{Method, Request};
use kube::{Client, client::Body};
use parking_lot::Mutex;
use tower::{BoxError, service_fn};
use vaultstream_ledger::BootInstant;

/// Until when this replica may rely on being the leader. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeadershipDeadline(Arc<Mutex<Option<BootInstant>>>);

impl LeadershipDeadline {
    /// The Lease was renewed, and is held until then.
    pub(crate) fn extend(&self, until: BootInstant) {
        self.set(Some(until));
    }

    /// The Lease is held by another replica, or was released.
    pub(crate) fn end(&self) {
        self.set(None);
    }

    fn set(&self, until: Option<BootInstant>) {
        *self.0.lock() = until;
    }

    fn holds(&self, now: BootInstant) -> bool {
        self.0.lock().is_some_and(|until| now < until)
    }
}

/// A write was refused here, before it was sent.
#[derive(Debug, thiserror::Error)]
#[error("the Lease has ended: nothing more is written")]
struct LeaseEnded;

/// Passes reads to `client` at any time, and writes until the deadline.
pub(crate) fn guard_writes(client: &Client, deadline: LeadershipDeadline) -> Client {
    let namespace = client.default_namespace().to_owned();
    let client = client.clone();
    let service = service_fn(move |request: Request<Body>| {
        let allowed = is_read(request.method()) || deadline.holds(BootInstant::now());
        let client = client.clone();
        async move {
            if !allowed {
                return Err(BoxError::from(LeaseEnded));
            }
            client.send(request).await.map_err(BoxError::from)
        }
    });
    Client::new(service, namespace)
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::Response;

    use super::*;

    #[test]
    fn leadership_lasts_from_a_renewal_to_its_deadline() {
        let (deadline, start) = (LeadershipDeadline::default(), BootInstant::now());
        let at = |seconds| start.plus(Duration::from_secs(seconds));
        assert!(!deadline.holds(at(0)), "before the first Lease");
        deadline.extend(at(10));
        assert!(deadline.holds(at(9)));
        assert!(!deadline.holds(at(10)));
        deadline.extend(at(20));
        assert!(deadline.holds(at(19)));
        deadline.end();
        assert!(!deadline.holds(at(0)), "after it was released");
    }

    #[tokio::test]
    async fn after_the_deadline_reads_pass_and_writes_do_not() {
        let passed = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&passed);
        let below = service_fn(move |request: Request<Body>| {
            seen.lock().push(request.method().clone());
            std::future::ready(Ok::<_, BoxError>(Response::new(Body::empty())))
        });
        let deadline = LeadershipDeadline::default();
        let client = guard_writes(&Client::new(below, "default"), deadline.clone());
        let send = async |method: &Method| {
            let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
            client.send(request).await.map(drop)
        };
        let writes = [Method::PATCH, Method::POST, Method::PUT, Method::DELETE];
        deadline.extend(BootInstant::now().plus(Duration::from_secs(60)));
        for method in &writes {
            send(method).await.unwrap();
        }
        // As after the process was stopped: the deadline has passed unnoticed.
        deadline.extend(BootInstant::now());
        send(&Method::GET).await.unwrap();
        for method in &writes {
            let refused = send(method).await.unwrap_err();
            assert!(vaultstream_program::chain(&refused).contains("the Lease has ended"), "{refused:?}");
        }
        assert_eq!(*passed.lock(), [&writes[..], &[Method::GET]].concat());
    }
}
