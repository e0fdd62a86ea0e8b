//! Whether a connection is a session of our own, or a pooler lends its server session to other clients between transactions.
//!
//! Behind a pooler that pools transactions or statements nothing here can work, and our settings would apply to the client
//! that gets the server session next. So this is checked first, by requests that leave nothing behind: two connections with
//! sessions of their own are on two server processes, and each stays on its own.

use tokio_postgres::{Client, Error, SimpleQueryMessage};

/// One request outside of a transaction: a pooler may send it to any server session. The start time tells two servers apart
/// whose processes have the same number.
const WHICH: &str = "SELECT pg_catalog.pg_backend_pid() || ' ' || backend_start FROM pg_catalog.pg_stat_activity \
     WHERE pid = pg_catalog.pg_backend_pid()";

/// How often each connection is asked. A pooler under load may seem to keep sessions apart once, but not every time.
const ROUNDS: usize = 3;

/// True when these two connections of the same user to the same database share server sessions.
pub(crate) async fn shares_sessions(one: &Client, other: Option<&Client>) -> Result<bool, Error> {
    let mut seen = None;
    let mut seen_by_other = None;
    for _ in 0..ROUNDS {
        let Some(here) = which(one).await? else { return Ok(false) };
        if !keeps(&mut seen, here) {
            return Ok(true);
        }
        let Some(other) = other else { continue };
        let Some(there) = which(other).await? else { return Ok(false) };
        if seen.as_ref() == Some(&there) || !keeps(&mut seen_by_other, there) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn keeps(seen: &mut Option<String>, now: String) -> bool {
    *seen.get_or_insert_with(|| now.clone()) == now
}

async fn which(client: &Client) -> Result<Option<String>, Error> {
    let answer = client.simple_query(WHICH).await?;
    Ok(answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
