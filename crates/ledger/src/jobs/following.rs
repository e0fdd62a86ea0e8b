//! How far a job is that follows its table.

use std::time::SystemTime;

use tokio_postgres::Row;
use vaultstream_signing::RowKey;

use super::column::get;
use crate::error::QueryError;

/// Whether a job follows its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowState {
    /// Each new row is signed.
    Following,
    /// `follow` was removed; what came before is still being read.
    Ending,
    /// All of that was read.
    Ended,
}

/// How far a job is that follows its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// Whether it still does.
    pub state: FollowState,
    /// The arrivals table that was read last, by its oid.
    pub arrivals: Option<u32>,
    /// The table is being looked through for rows that no trigger saw: behind the row with this key.
    pub scan: Option<Option<RowKey>>,
    /// When it last was, to its end.
    pub scanned: Option<SystemTime>,
    /// Rows that were found by that.
    pub found: i64,
    /// When arrivals were last read.
    pub read: Option<SystemTime>,
    /// Those that were left then, about.
    pub waiting: i64,
    /// When the oldest of them arrived.
    pub waiting_since: Option<SystemTime>,
}

impl Following {
    pub(super) fn of(row: &Row) -> Result<Option<Self>, QueryError> {
        let state = match get::<Option<&str>>(row, "follow_state")? {
            None => return Ok(None),
            Some("following") => FollowState::Following,
            Some("ending") => FollowState::Ending,
            Some(_) => FollowState::Ended,
        };
        let after: Option<Vec<String>> = get(row, "follow_scan_after")?;
        Ok(Some(Self {
            state,
            arrivals: get(row, "follow_arrivals")?,
            scan: get::<bool>(row, "follow_scans")?.then(|| after.map(RowKey::new)),
            scanned: get(row, "follow_scanned_at")?,
            found: get(row, "follow_found")?,
            read: get(row, "follow_read_at")?,
            waiting: get::<Option<i64>>(row, "follow_waiting")?.unwrap_or(0),
            waiting_since: get(row, "follow_waiting_since")?,
        }))
    }
}
