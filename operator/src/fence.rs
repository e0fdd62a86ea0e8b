//! A client that writes only while the Lease holds.
//!
//! A leader that stood still past its Lease wakes up in the middle of whatever it did, and would write what it decided
//! before: over a successor's status, or back to an old number of workers. The API server knows no fencing tokens, so the
//! age of the Lease is asked before each write instead, by a clock that runs while the process stands still and while its
//! machine is suspended.

use std::sync::{Arc, Mutex};

use axum::http::{Method, Request};
use kube::{Client, client::Body};
use tower::{BoxError, service_fn};
use vaultstream_ledger::BootInstant;

/// Until when this replica may rely on being the leader. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust(Arc<Mutex<Option<BootInstant>>>);

impl Trust {
    /// The Lease was renewed, and holds until then.
    pub(crate) fn extend(&self, until: BootInstant) {
        self.set(Some(until));
    }

    /// The Lease is another's, or given back.
    pub(crate) fn end(&self) {
        self.set(None);
    }

    fn set(&self, until: Option<BootInstant>) {
        if let Ok(mut trusted) = self.0.lock() {
            *trusted = until;
        }
    }

    fn holds(&self, now: BootInstant) -> bool {
        self.0.lock().is_ok_and(|until| until.is_some_and(|until| now < until))
    }
}

/// A write was refused here, before it was sent.
#[derive(Debug, thiserror::Error)]
#[error("the Lease has ended: nothing more is written")]
struct LeaseOver;

/// Reads as `client` does; writes while there is trust.
pub(crate) fn fenced(client: &Client, trust: Trust) -> Client {
    let namespace = client.default_namespace().to_owned();
    let client = client.clone();
    let service = service_fn(move |request: Request<Body>| {
        let allowed = is_read(request.method()) || trust.holds(BootInstant::now());
        let client = client.clone();
        async move {
            if !allowed {
                return Err(BoxError::from(LeaseOver));
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
    fn trust_holds_from_a_renewal_to_its_end() {
        let (trust, start) = (Trust::default(), BootInstant::now());
        let at = |seconds| start.plus(Duration::from_secs(seconds));
        assert!(!trust.holds(at(0)), "before the first Lease");
        trust.extend(at(10));
        assert!(trust.holds(at(9)));
        assert!(!trust.holds(at(10)));
        trust.extend(at(20));
        assert!(trust.holds(at(19)));
        trust.end();
        assert!(!trust.holds(at(0)), "after it was given back");
    }

    #[tokio::test]
    async fn without_trust_reads_pass_and_writes_do_not() {
        let passed = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&passed);
        let below = service_fn(move |request: Request<Body>| {
            seen.lock().unwrap().push(request.method().clone());
            std::future::ready(Ok::<_, BoxError>(Response::new(Body::empty())))
        });
        let trust = Trust::default();
        let client = fenced(&Client::new(below, "default"), trust.clone());
        let send = async |method: &Method| {
            let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
            client.send(request).await.map(drop)
        };
        let writes = [Method::PATCH, Method::POST, Method::PUT, Method::DELETE];
        trust.extend(BootInstant::now().plus(Duration::from_secs(60)));
        for method in &writes {
            send(method).await.unwrap();
        }
        // As when the process stood still: the time is over, and nobody has noticed yet.
        trust.extend(BootInstant::now());
        send(&Method::GET).await.unwrap();
        for method in &writes {
            let refused = send(method).await.unwrap_err();
            assert!(crate::chain(&refused).contains("the Lease has ended"), "{refused:?}");
        }
        assert_eq!(*passed.lock().unwrap(), [&writes[..], &[Method::GET]].concat());
    }
}
