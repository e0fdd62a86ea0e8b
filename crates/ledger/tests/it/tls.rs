//! TLS as libpq's `sslmode` means it, against a Postgres that listens on a loopback address of its own.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use vaultstream_embedded::{Options, Servers};
use vaultstream_ledger::{ConnectError, ConnectOptions, Ledger, TlsError, TlsFiles};

use crate::stage::options;

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Writes certificate and key of a holder, and answers where.
    fn issue(&self, dir: &Path, name: &str, addresses: &[&str]) -> (PathBuf, PathBuf) {
        let names: Vec<String> = addresses.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (cert_file, key_file) = (dir.join(format!("{name}.crt")), dir.join(format!("{name}.key")));
        fs::write(&cert_file, certificate.pem()).unwrap();
        fs::write(&key_file, key.serialize_pem()).unwrap();
        (cert_file, key_file)
    }

    fn write(&self, dir: &Path, name: &str) -> PathBuf {
        let file = dir.join(name);
        fs::write(&file, self.issuer.pem()).unwrap();
        file
    }
}

/// A server that takes TLS only, at an address that its certificate names.
struct Server {
    servers: Servers,
    address: String,
    dir: PathBuf,
    ca: PathBuf,
    authority: Authority,
}

impl Server {
    fn start() -> Self {
        // Loopback has sixteen million addresses, so the usual port is free at one of them.
        let unique = uuid::Uuid::new_v4().into_bytes();
        let address = format!("127.{}.{}.{}", 64 + unique[0] / 2, unique[1], 1 + unique[2] / 2);
        let servers = Servers::start(&Options::temporary().postgres_only()).unwrap();
        let dir = servers.data_dir().join("tls");
        fs::create_dir(&dir).unwrap();
        let authority = Authority::new();
        let ca = authority.write(&dir, "ca.crt");
        let (cert, key) = authority.issue(&dir, "server", &[&address]);
        let hba = dir.join("hba.conf");
        let rules = "local all all trust\nhostssl all guarded 127.0.0.0/8 trust clientcert=verify-full\n\
                     hostssl all all 127.0.0.0/8 trust\n";
        fs::write(&hba, rules).unwrap();
        // Readable for whoever Postgres runs as, and the key for nobody else.
        let owner = find_owner(servers.data_dir());
        for file in [&dir, &ca, &cert, &key, &hba] {
            chown(file, Some(owner.0), Some(owner.1)).unwrap();
        }
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        let settings = [
            ("listen_addresses", address.as_str()),
            ("ssl", "on"),
            ("ssl_cert_file", cert.to_str().unwrap()),
            ("ssl_key_file", key.to_str().unwrap()),
            ("ssl_ca_file", ca.to_str().unwrap()),
            ("hba_file", hba.to_str().unwrap()),
        ];
        let sql: Vec<String> =
            settings.iter().map(|(name, value)| format!("ALTER SYSTEM SET {name} = '{value}'")).collect();
        let url = servers.database_url().to_owned();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
                tokio::spawn(connection);
                for statement in sql {
                    client.batch_execute(&statement).await.unwrap();
                }
                client.batch_execute("CREATE ROLE guarded LOGIN").await.unwrap();
            });
        })
        .join()
        .unwrap();
        servers.restart_postgres().unwrap();
        Self { servers, address, dir, ca, authority }
    }

    fn options(&self, user: &str, mode: &str, ca: Option<&Path>) -> ConnectOptions {
        let database = self.servers.database_url().rsplit('/').next().unwrap();
        let url = format!("postgresql://{user}@{}:5432/{database}?sslmode={mode}", self.address);
        ConnectOptions { tls: TlsFiles { ca: ca.map(Path::to_owned), cert: None, key: None }, ..options(&url) }
    }
}

/// Who owns the cluster's files.
fn find_owner(data_dir: &Path) -> (u32, u32) {
    let mut directories = vec![data_dir.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            if entry.file_name() == "PG_VERSION" {
                let metadata = entry.metadata().unwrap();
                return (metadata.uid(), metadata.gid());
            }
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            }
        }
    }
    panic!("no cluster");
}

fn refused(outcome: Result<Ledger, ConnectError>) -> String {
    match outcome.unwrap_err() {
        ConnectError::Refused { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sslmode_means_what_it_means_to_libpq() {
    let server = Arc::new(tokio::task::spawn_blocking(Server::start).await.unwrap());
    let ca = Some(server.ca.as_path());
    let stranger = Authority::new().write(&server.dir, "stranger.crt");

    // The right authority, and encryption without one.
    for (mode, ca) in [("verify-full", ca), ("verify-ca", ca), ("require", ca), ("require", None), ("prefer", None)] {
        let options = server.options("vaultstream", mode, ca);
        let ledger = Ledger::connect(&options).await.unwrap_or_else(|error| panic!("{mode} {ca:?}: {error}"));
        ledger.probe().await.unwrap();
    }
    // The server takes nothing that is not encrypted.
    let why = refused(Ledger::connect(&server.options("vaultstream", "disable", None)).await);
    assert!(why.contains("no encryption"), "{why}");
    // Somebody else's authority, or none that is known.
    for (mode, ca) in [("verify-full", Some(stranger.as_path())), ("require", Some(&stranger)), ("verify-full", None)] {
        let why = refused(Ledger::connect(&server.options("vaultstream", mode, ca)).await);
        assert!(why.contains("certificate"), "{mode}: {why}");
    }
    // A certificate for another name.
    let mut elsewhere = server.options("vaultstream", "verify-full", ca);
    elsewhere.url = elsewhere.url.replace(&server.address, "localhost") + &format!("&hostaddr={}", server.address);
    let why = refused(Ledger::connect(&elsewhere).await);
    assert!(why.contains("not valid for name"), "{why}");
    elsewhere.url = elsewhere.url.replace("verify-full", "verify-ca");
    Ledger::connect(&elsewhere).await.unwrap();

    // A user who has to show a certificate.
    let mut guarded = server.options("guarded", "verify-full", ca);
    let why = refused(Ledger::connect(&guarded).await);
    assert!(why.contains("certificate"), "{why}");
    let (cert, key) = server.authority.issue(&server.dir, "guarded", &[]);
    (guarded.tls.cert, guarded.tls.key) = (Some(cert), Some(key));
    Ledger::connect(&guarded).await.unwrap();

    guarded.tls.cert = Some(server.dir.join("absent.crt"));
    let error = Ledger::connect(&guarded).await.unwrap_err();
    assert!(
        matches!(&error, ConnectError::Tls(TlsError::File { path, .. }) if path.ends_with("absent.crt")),
        "{error:?}"
    );
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}
