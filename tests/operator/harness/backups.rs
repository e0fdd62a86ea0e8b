//! A database as it was before.

use tokio_postgres::{Client, NoTls};

use super::site::Site;

impl Site {
    /// Copies the database as it is now, for [`Self::restore`]. Other connections are closed.
    pub(crate) async fn back_up(&self) {
        let (elsewhere, name) = self.elsewhere().await;
        elsewhere.batch_execute(&format!("CREATE DATABASE {name}_kept TEMPLATE {name}")).await.unwrap();
    }

    /// Puts the copy in place of the database. Other connections are closed.
    pub(crate) async fn restore(&self) {
        let (elsewhere, name) = self.elsewhere().await;
        elsewhere.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
        elsewhere.batch_execute(&format!("ALTER DATABASE {name}_kept RENAME TO {name}")).await.unwrap();
    }

    /// A connection to another database, through which all connections to this one are closed, and the name of this one.
    async fn elsewhere(&self) -> (Client, String) {
        let (server, name) = self.database_url.rsplit_once('/').unwrap();
        let (client, connection) = tokio_postgres::connect(&format!("{server}/postgres"), NoTls).await.unwrap();
        tokio::spawn(connection);
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        client.execute(others, &[&name]).await.unwrap();
        (client, name.to_owned())
    }
}
