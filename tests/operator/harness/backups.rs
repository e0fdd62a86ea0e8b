//! A database as it was before.

use tokio_postgres::{Client, NoTls};

use super::site::Site;

impl Site {
    /// Keeps the database as it is now, for [`Self::restore`]. Nobody else may be connected.
    pub(crate) async fn back_up(&self) {
        let (elsewhere, name) = self.elsewhere().await;
        elsewhere.batch_execute(&format!("CREATE DATABASE {name}_kept TEMPLATE {name}")).await.unwrap();
    }

    /// The database as it was then. Whoever is connected is thrown out.
    pub(crate) async fn restore(&self) {
        let (elsewhere, name) = self.elsewhere().await;
        elsewhere.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
        elsewhere.batch_execute(&format!("ALTER DATABASE {name}_kept RENAME TO {name}")).await.unwrap();
    }

    /// A connection to another database, from which this one's is let go of, and the name of this one.
    async fn elsewhere(&self) -> (Client, String) {
        let (server, name) = self.database_url.rsplit_once('/').unwrap();
        let (client, connection) = tokio_postgres::connect(&format!("{server}/postgres"), NoTls).await.unwrap();
        tokio::spawn(connection);
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        client.execute(others, &[&name]).await.unwrap();
        (client, name.to_owned())
    }
}
