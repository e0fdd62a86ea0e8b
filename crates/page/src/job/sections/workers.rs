//! What the ledger does not know: workers and Events.

use serde::Serialize;

use crate::{place, wire::Time};

/// Workers.
#[derive(Debug, Serialize)]
pub(crate) struct Workers {
    wanted: Option<u32>,
    there: Option<u32>,
    /// Keys that are leased: lanes at work.
    lanes: i64,
}

/// Events.
#[derive(Debug, Serialize)]
pub(crate) struct Events {
    events: Vec<Event>,
}

#[derive(Debug, Serialize)]
struct Event {
    at: Time,
    #[serde(rename = "type")]
    kind: &'static str,
    reason: String,
    message: String,
    count: u32,
}

pub(crate) fn workers(workers: place::Workers, lanes: i64) -> Workers {
    Workers { wanted: workers.wanted, there: workers.there, lanes }
}

pub(crate) fn events(events: Option<Vec<place::Event>>) -> Option<Events> {
    let event = |event: place::Event| Event {
        at: Time(event.at),
        kind: if event.is_warning { "Warning" } else { "Normal" },
        reason: event.reason,
        message: event.message,
        count: event.count,
    };
    events.map(|events| Events { events: events.into_iter().map(event).collect() })
}
