//! Watches, line by line: events that come late, that never come, and watches that end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use http_body_util::{BodyDataStream, BodyExt, StreamBody};
use hyper::Uri;
use hyper::body::{Bytes, Frame};
use kube::client::Body;
use tokio::sync::watch;
use tokio::time::Instant;

use super::body::{BoxError, ProxyBody};

/// What the API server says to a watch whose version it no longer has. The client lists anew.
const EXPIRED: &[u8] = br#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}
"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WatchFault {
    /// Events come when the fault is over, in their order.
    Held,
    /// Events never come. When the fault is over, the watch has expired, and what exists is listed anew.
    Missed,
    /// The connection ends, as often as it is opened.
    Cut,
}

impl WatchFault {
    pub(crate) const ALL: [Self; 3] = [Self::Held, Self::Missed, Self::Cut];
}

/// How often each fault has met an event or a connection, by resource.
type Met = BTreeMap<(String, WatchFault), u64>;

#[derive(Default)]
pub(crate) struct Watches {
    faults: watch::Sender<BTreeMap<String, Active>>,
    met: Mutex<Met>,
}

#[derive(Clone, Copy)]
struct Active {
    fault: WatchFault,
    until: Instant,
}

impl Watches {
    /// Disturbs all watches of this resource for a while. It replaces what disturbs them now.
    pub(crate) fn disturb(&self, resource: &str, fault: WatchFault, lasts: Duration) {
        let until = Instant::now() + lasts;
        self.faults.send_modify(|faults| _ = faults.insert(resource.to_owned(), Active { fault, until }));
    }

    /// Ends all faults.
    pub(crate) fn calm(&self) {
        self.faults.send_modify(BTreeMap::clear);
    }

    pub(crate) fn met(&self) -> Met {
        self.met.lock().unwrap().clone()
    }

    fn note(&self, resource: &str, fault: WatchFault) {
        *self.met.lock().unwrap().entry((resource.to_owned(), fault)).or_default() += 1;
    }

    /// The body of a watch, with its faults.
    pub(super) fn through(self: &Arc<Self>, resource: String, body: Body) -> ProxyBody {
        let watched = WatchBody {
            resource,
            events: body.into_data_stream(),
            buffer: Vec::new(),
            faults: self.faults.subscribe(),
            watches: Arc::clone(self),
            missed: false,
            ended: false,
        };
        let lines = stream::unfold(watched, |mut watched| async move { Some((watched.next().await?, watched)) });
        StreamBody::new(lines.map(|line| line.map(Frame::data))).boxed_unsync()
    }
}

/// The resource, if this is a watch.
pub(super) fn watched(uri: &Uri) -> Option<String> {
    let is_watch = uri.query().unwrap_or_default().split('&').any(|parameter| parameter == "watch=true");
    let resource = uri.path().rsplit('/').next().map(str::to_owned);
    resource.filter(|_| is_watch)
}

struct WatchBody {
    resource: String,
    events: BodyDataStream<Body>,
    buffer: Vec<u8>,
    faults: watch::Receiver<BTreeMap<String, Active>>,
    watches: Arc<Watches>,
    /// An event was missed.
    missed: bool,
    ended: bool,
}

impl WatchBody {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        while !self.ended {
            let active = self.active();
            match active.map(|active| active.fault) {
                Some(WatchFault::Cut) => {
                    self.watches.note(&self.resource, WatchFault::Cut);
                    self.ended = true;
                    return Some(Err("the watch was cut".into()));
                }
                Some(WatchFault::Held | WatchFault::Missed) => {}
                None if self.missed => {
                    self.ended = true;
                    return Some(Ok(Bytes::from_static(EXPIRED)));
                }
                None => {}
            }
            let mut faults = self.faults.clone();
            let over = active.map_or_else(|| Instant::now() + Duration::from_secs(3600), |active| active.until);
            let line = tokio::select! {
                line = self.line() => line?,
                _ = faults.changed() => {
                    self.faults = faults;
                    continue;
                }
                () = tokio::time::sleep_until(over) => continue,
            };
            let line = match line {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            let is_event = !line.starts_with(br#"{"type":"BOOKMARK""#);
            match active.filter(|_| is_event) {
                Some(Active { fault: WatchFault::Held, until }) => {
                    self.watches.note(&self.resource, WatchFault::Held);
                    self.until_over(until).await;
                    return Some(Ok(line));
                }
                Some(Active { fault: WatchFault::Missed, .. }) => {
                    self.watches.note(&self.resource, WatchFault::Missed);
                    self.missed = true;
                }
                _ => return Some(Ok(line)),
            }
        }
        None
    }

    fn active(&self) -> Option<Active> {
        let faults = self.faults.borrow();
        faults.get(&self.resource).copied().filter(|active| Instant::now() < active.until)
    }

    /// Waits until a fault is over, by time or because all are ended.
    async fn until_over(&mut self, until: Instant) {
        let mut faults = self.faults.clone();
        let _ = tokio::time::timeout_at(until, faults.wait_for(BTreeMap::is_empty)).await;
    }

    /// The next line, with its end. Dropped while it waits, it has lost nothing.
    async fn line(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                return Some(Ok(self.buffer.drain(..=end).collect::<Vec<u8>>().into()));
            }
            match self.events.next().await? {
                Ok(chunk) => self.buffer.extend_from_slice(&chunk),
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}
