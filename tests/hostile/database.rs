//! The attacker's session in the ledger's database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{StreamExt as _, poll_fn};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, SimpleQueryMessage};

use crate::report::Report;

/// What a statement must not do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forbidden {
    /// Succeed.
    Success,
    /// Return a row.
    Rows,
}

/// A session, and whether what it does is kept.
pub(crate) struct Database {
    client: Client,
    commits: bool,
    notifications: Arc<AtomicUsize>,
}

impl Database {
    /// Logs in. Without `commits` every transaction is rolled back, so that a gap that is found does no harm.
    pub(crate) async fn connect(config: &Config, commits: bool) -> Self {
        let (client, mut connection) = config.connect(NoTls).await.expect("the login of the connection Secret");
        let notifications = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&notifications);
        tokio::spawn(async move {
            let mut messages = poll_fn(move |context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                if matches!(message, AsyncMessage::Notification(_)) {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        client.batch_execute("SET statement_timeout = '20s'; SET lock_timeout = '2s'").await.unwrap();
        Self { client, commits, notifications }
    }

    /// The rows of a query that the attacker may run, as text.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let messages = self.client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.map(|row| (0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect()).collect()
    }

    /// Does what lasts as long as the session.
    pub(crate) async fn hold(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Notifications that the session has got.
    pub(crate) fn notifications(&self) -> usize {
        self.notifications.load(Ordering::SeqCst)
    }

    /// Tries a statement in a transaction of its own.
    pub(crate) async fn attempt(&self, report: &mut Report, sql: &str, forbidden: Forbidden) {
        // The server runs it outside of transactions only.
        let alone = sql.starts_with("ALTER SYSTEM");
        if !alone {
            self.client.batch_execute("BEGIN").await.unwrap();
        }
        match self.client.simple_query(sql).await {
            Ok(messages) => {
                let rows = messages.iter().filter(|message| matches!(message, SimpleQueryMessage::Row(_))).count();
                match forbidden {
                    Forbidden::Success => report.found(sql, "it succeeded"),
                    Forbidden::Rows if rows > 0 => report.found(sql, format_args!("{rows} rows")),
                    Forbidden::Rows => report.nothing(sql),
                }
            }
            Err(error) => match error.code() {
                // A statement that the server cannot parse, or not in a transaction, tries nothing.
                Some(code) if ["42601", "25001"].contains(&code.code()) => {
                    report.found(sql, format_args!("this tries nothing: {error}"));
                }
                Some(code) => report.refused(sql, code.code()),
                None => report.found(sql, &error),
            },
        }
        if !alone {
            let end = if self.commits { "COMMIT" } else { "ROLLBACK" };
            self.client.batch_execute(end).await.unwrap();
        }
    }

    /// Tries to read a whole relation as `COPY` does.
    pub(crate) async fn attempt_copy(&self, report: &mut Report, relation: &str) {
        let sql = format!("COPY {relation} TO STDOUT");
        match self.client.copy_out(&sql).await {
            Ok(_) => report.found(sql, "it succeeded"),
            Err(error) => report.refused(sql, error.code().map_or("no code", |code| code.code())),
        }
    }
}
