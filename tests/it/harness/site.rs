//! Where a test happens: servers, a database of its own, a KEK, a folder.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use vaultstream_embedded::{Options, Servers, kek_file};

/// The shortest and longest pauses of a test that waits.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// What takes no longer is tried again after the shortest.
const QUICK: Duration = Duration::from_millis(100);

pub(crate) struct Site {
    pub(crate) servers: Arc<Servers>,
    pub(crate) database_url: String,
    pub(crate) nats_url: String,
    pub(crate) dir: TempDir,
}

impl Site {
    /// A database of the servers that all tests share; they end with this program.
    pub(crate) async fn new() -> Self {
        static SHARED: OnceLock<Arc<Servers>> = OnceLock::new();
        let servers = blocking(|| Arc::clone(SHARED.get_or_init(|| Arc::new(start())))).await;
        Self::on(servers).await
    }

    /// Servers that the test may break.
    pub(crate) async fn breakable() -> Self {
        Self::on(blocking(|| Arc::new(start())).await).await
    }

    async fn on(servers: Arc<Servers>) -> Self {
        let maker = Arc::clone(&servers);
        let database_url = blocking(move || maker.create_database().unwrap()).await;
        let nats_url = servers.nats_url().to_owned();
        let dir = tempfile::tempdir().unwrap();
        kek_file(dir.path()).unwrap();
        std::fs::write(dir.path().join("DATABASE_URL"), &database_url).unwrap();
        std::fs::write(dir.path().join("NATS_URL"), &nats_url).unwrap();
        Self { servers, database_url, nats_url, dir }
    }

    pub(crate) fn kek(&self) -> PathBuf {
        self.dir.path().join("kek")
    }

    /// Does something slow to the servers.
    pub(crate) async fn servers(&self, act: impl FnOnce(&Servers) + Send + 'static) {
        let servers = Arc::clone(&self.servers);
        blocking(move || act(&servers)).await;
    }

    /// A connection of its own, with all rights.
    pub(crate) async fn sql(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.database_url, NoTls).await.unwrap();
        tokio::spawn(connection);
        // The embedded server's user has the name of our schema, and "$user" comes first otherwise.
        client.batch_execute("SET search_path = public").await.unwrap();
        client
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.sql().await.batch_execute(sql).await.unwrap();
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.sql().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// A number, or zero while the database, the table or the row is not there.
    pub(crate) async fn number_or_zero(&self, sql: &str) -> i64 {
        let Ok((client, connection)) = tokio_postgres::connect(&self.database_url, NoTls).await else { return 0 };
        tokio::spawn(connection);
        client.query_opt(sql, &[]).await.ok().flatten().and_then(|row| row.get(0)).unwrap_or(0)
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        self.sql().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// The only job of the database.
    pub(crate) async fn uid(&self) -> Uuid {
        self.sql().await.query_one("SELECT uid FROM vaultstream.jobs", &[]).await.unwrap().get(0)
    }

    /// Signatures counted with the keys: what is committed.
    pub(crate) async fn signed(&self) -> i64 {
        self.number_or_zero("SELECT sum(signed)::bigint FROM vaultstream.keys WHERE ordinal > 0").await
    }

    pub(crate) async fn until_signed(&self, at_least: i64) {
        until("records are signed", || async { self.signed().await >= at_least }).await;
    }
}

fn start() -> Servers {
    Servers::start(&Options::temporary()).unwrap()
}

pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Waits until `probe` says yes. One that takes long, as those do that start a program, is tried less often.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut probe: impl FnMut() -> F) {
    let begun = Instant::now();
    loop {
        let tried = Instant::now();
        if probe().await {
            return;
        }
        assert!(begun.elapsed() < super::patience::PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(tried.elapsed().saturating_sub(QUICK).clamp(PAUSES.0, PAUSES.1)).await;
    }
}
