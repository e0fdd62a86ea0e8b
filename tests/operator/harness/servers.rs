//! Postgres and NATS as pods reach them: through relays that can be cut.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;

use uuid::Uuid;
use vaultstream_ledger::{ConnectOptions, Ledger, tenants};

use super::cluster;
use super::relay::{Relay, Server};
use super::site::Site;

/// The server's superuser, who owns all ledgers.
const OWNER: &str = "vaultstream";

pub(crate) struct Servers {
    /// Without a relay: never cut.
    pub(crate) site: Site,
    pub(crate) postgres: Relay,
    pub(crate) nats: Relay,
}

impl Servers {
    pub(crate) async fn new() -> Self {
        let site = Site::new().await;
        let postgres = Relay::to(Server::Unix(unix_socket(&site.database_url).0)).await;
        let nats = Relay::to(Server::Tcp(nats_address(&site.nats_url).1)).await;
        let servers = Self { site, postgres, nats };
        servers.write_connection(OWNER);
        servers
    }

    /// The folder with the operator's own connection: without a key-encryption key.
    pub(crate) fn connection_dir(&self) -> PathBuf {
        self.site.dir.path().join("connection")
    }

    /// The operator's own connection, with this login.
    fn write_connection(&self, login: &str) {
        let folder = self.connection_dir();
        std::fs::create_dir_all(&folder).unwrap();
        let (_, database) = unix_socket(&self.site.database_url);
        let database_url = format!("postgresql://{login}@{}/{database}?sslmode=disable", self.postgres.address);
        std::fs::write(folder.join("DATABASE_URL"), database_url).unwrap();
        let (token, _) = nats_address(&self.site.nats_url);
        std::fs::write(folder.join("NATS_URL"), format!("nats://{token}@{}?tls=disable", self.nats.address)).unwrap();
    }

    /// Moves the servers to other addresses, and updates the operator's own connection.
    pub(crate) async fn change_addresses(&mut self) {
        self.postgres = self.postgres.moved().await;
        self.nats = self.nats.moved().await;
        self.write_connection(OWNER);
    }

    /// Gives the operator, and the workers of a namespace, logins of their own.
    pub(crate) async fn use_own_logins(&self, client: &Client, cluster: &str, namespace: &str) {
        let options = ConnectOptions { url: self.site.database_url.clone(), ..ConnectOptions::default() };
        let ledger = Ledger::connect(&options).await.unwrap();
        ledger.migrate().await.unwrap();
        let unique = Uuid::new_v4().simple();
        let (tenant, operator) = (format!("vs_{unique}"), format!("operator_{unique}"));
        // The server asks for no password.
        tenants::add(&ledger, cluster, namespace, &tenant, "secret").await.unwrap();
        tenants::add_operator(&ledger, &operator, "secret").await.unwrap();
        self.write_connection(&tenant);
        self.make_connection_secret(client, namespace, "vaultstream-connection").await;
        self.write_connection(&operator);
    }

    /// The workers' connection, as a user makes it: with the key-encryption key.
    pub(crate) async fn make_connection_secret(&self, client: &Client, namespace: &str, name: &str) {
        let read = |path: &Path| ByteString(std::fs::read(path).unwrap());
        let folder = self.connection_dir();
        let mut secret = Secret::default();
        secret.metadata.name = Some(name.to_owned());
        secret.metadata.namespace = Some(namespace.to_owned());
        let files = [
            ("DATABASE_URL", read(&folder.join("DATABASE_URL"))),
            ("NATS_URL", read(&folder.join("NATS_URL"))),
            ("kek", read(&self.site.kek())),
        ];
        secret.data = Some(files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect());
        cluster::apply(client, &secret).await;
    }
}

/// `postgresql://vaultstream@%2Ftmp%2F…/database`: the server's socket, and the database.
fn unix_socket(url: &str) -> (PathBuf, &str) {
    let (host, database) = url.strip_prefix("postgresql://vaultstream@").unwrap().split_once('/').unwrap();
    (Path::new(&host.replace("%2F", "/")).join(".s.PGSQL.5432"), database)
}

/// `nats://token@127.0.0.1:port`
fn nats_address(url: &str) -> (&str, SocketAddr) {
    let (token, address) = url.strip_prefix("nats://").unwrap().split_once('@').unwrap();
    (token, address.parse().unwrap())
}
