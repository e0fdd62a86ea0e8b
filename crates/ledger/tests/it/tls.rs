//! TLS as libpq's `sslmode` means it. Not every build of Postgres speaks TLS, so what answers here is a TLS end of our own
//! in front of the real server.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use vaultstream_ledger::{ConnectError, ConnectOptions, Ledger, TlsError, TlsFiles};

use crate::stage::{Stage, options, socket_of};

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Certificate and key of a holder, PEM.
    fn issue(&self, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn write(&self, dir: &Path, name: &str) -> PathBuf {
        let file = dir.join(name);
        fs::write(&file, self.issuer.pem()).unwrap();
        file
    }

    /// What a server with a certificate for 127.0.0.1 accepts.
    fn acceptor(&self, clients_show_one: bool) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let (certificate, key) = self.issue(&["127.0.0.1"]);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.issuer.pem().as_bytes()).unwrap()).unwrap();
        let clients = if clients_show_one {
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap()
        } else {
            WebPkiClientVerifier::no_client_auth()
        };
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Postgres' SSLRequest: its length, and a version number that never was.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// An address of this machine that no rule takes for it.
const ELSEWHERE: &str = "0.0.0.0";

/// Takes encrypted sessions only and passes them on; answers its port.
async fn tls_end(acceptor: TlsAcceptor, socket: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (acceptor, socket) = (acceptor.clone(), socket.clone());
            tokio::spawn(async move {
                let mut first = [0; 8];
                if client.read_exact(&mut first).await.is_err() || first != SSL_REQUEST {
                    return;
                }
                client.write_all(b"S").await.unwrap();
                if let Ok(mut client) = acceptor.accept(client).await {
                    let mut server = UnixStream::connect(socket).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    port
}

/// Says that it has no TLS, and passes on what comes then; answers its port.
async fn open_end(socket: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move {
                let mut server = UnixStream::connect(socket).await.unwrap();
                let mut first = [0; 8];
                client.read_exact(&mut first).await.unwrap();
                if first == SSL_REQUEST {
                    client.write_all(b"N").await.unwrap();
                } else {
                    server.write_all(&first).await.unwrap();
                }
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

/// As the user of the stage's URL, at a port of ours; with no mode, without an `sslmode`.
fn at(stage: &Stage, port: u16, mode: &str, ca: Option<&Path>) -> ConnectOptions {
    let database = stage.url.rsplit('/').next().unwrap();
    let user = stage.url.split_once("://").unwrap().1.split_once('@').unwrap().0;
    let mut options = options(&format!("postgresql://{user}@127.0.0.1:{port}/{database}?sslmode={mode}"));
    options.tls = TlsFiles { ca: ca.map(Path::to_owned), cert: None, key: None };
    options.patience = std::time::Duration::from_millis(300);
    options
}

fn refused(outcome: Result<Ledger, ConnectError>) -> String {
    match outcome.unwrap_err() {
        ConnectError::Refused { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sslmode_means_what_it_means_to_libpq() {
    let stage = Stage::new().await;
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca_file = authority.write(dir.path(), "ca.crt");
    let ca = Some(ca_file.as_path());
    let stranger = Authority::new().write(dir.path(), "stranger.crt");
    let port = tls_end(authority.acceptor(false), socket_of(&stage.url)).await;

    // The right authority, and encryption without one.
    for (mode, ca) in [
        ("verify-full", ca),
        ("verify-ca", ca),
        ("require", ca),
        ("", ca),
        ("require", None),
        ("prefer", None),
        ("allow", None),
        ("", None),
    ] {
        let ledger = Ledger::connect(&at(&stage, port, mode, ca)).await;
        ledger.unwrap_or_else(|error| panic!("{mode} {ca:?}: {error}")).check_version().await.unwrap();
    }
    // Nothing passes that is not encrypted.
    let open = Ledger::connect(&at(&stage, port, "disable", None)).await.unwrap_err();
    assert!(matches!(open, ConnectError::Unreachable { .. }), "{open:?}");
    // Somebody else's authority, or none that is known.
    let stranger = Some(stranger.as_path());
    for (mode, ca) in
        [("verify-full", stranger), ("require", stranger), ("prefer", stranger), ("", stranger), ("verify-full", None)]
    {
        let why = refused(Ledger::connect(&at(&stage, port, mode, ca)).await);
        assert!(why.contains("certificate"), "{mode}: {why}");
    }
    // A certificate for another name.
    let mut elsewhere = at(&stage, port, "verify-full", ca);
    elsewhere.url = elsewhere.url.replace("127.0.0.1", "somewhere.test") + "&hostaddr=127.0.0.1";
    let why = refused(Ledger::connect(&elsewhere).await);
    assert!(why.contains("not valid for name"), "{why}");
    elsewhere.url = elsewhere.url.replace("verify-full", "verify-ca");
    Ledger::connect(&elsewhere).await.unwrap();
    // A Unix socket is as safe without.
    let require = format!("{}?sslmode=require", stage.url);
    assert!(Ledger::connect(&options(&require)).await.is_ok(), "TLS was asked of a Unix socket");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_s_certificate_is_shown_to_a_server_that_asks_for_it() {
    let stage = Stage::new().await;
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca = authority.write(dir.path(), "ca.crt");
    let port = tls_end(authority.acceptor(true), socket_of(&stage.url)).await;
    let mut options = at(&stage, port, "verify-full", Some(&ca));
    let why = refused(Ledger::connect(&options).await);
    assert!(why.to_lowercase().contains("certificate"), "{why}");

    let (certificate, key) = authority.issue(&["another_role"]);
    fs::write(dir.path().join("mine.crt"), certificate).unwrap();
    fs::write(dir.path().join("mine.key"), key).unwrap();
    options.tls.cert = Some(dir.path().join("mine.crt"));
    let error = Ledger::connect(&options).await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls(TlsError::HalfAPair)), "{error:?}");
    options.tls.key = Some(dir.path().join("mine.key"));
    Ledger::connect(&options).await.unwrap().check_version().await.unwrap();

    options.tls.cert = Some(dir.path().join("absent.crt"));
    let error = Ledger::connect(&options).await.unwrap_err();
    assert!(
        matches!(&error, ConnectError::Tls(TlsError::File { path, .. }) if path.ends_with("absent.crt")),
        "{error:?}"
    );
    options.tls.cert = Some(dir.path().join("mine.key"));
    let error = Ledger::connect(&options).await.unwrap_err();
    assert!(matches!(&error, ConnectError::Tls(TlsError::Empty { .. })), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_goes_over_a_network_in_the_clear_unless_the_url_says_so() {
    let stage = Stage::new().await;
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca = authority.write(dir.path(), "ca.crt");
    let open = open_end(socket_of(&stage.url)).await;
    let closed = tls_end(authority.acceptor(false), socket_of(&stage.url)).await;
    let elsewhere = |port: u16, mode: &str| {
        let mut options = at(&stage, port, mode, None);
        options.url = options.url.replace("127.0.0.1", ELSEWHERE);
        options
    };
    for options in
        [elsewhere(closed, ""), elsewhere(open, "prefer"), elsewhere(open, "disable"), at(&stage, open, "", None)]
    {
        let ledger = Ledger::connect(&options).await.unwrap_or_else(|error| panic!("{}: {error}", options.url));
        ledger.check_version().await.unwrap();
    }
    // With an authority it has to be used, on this machine as well.
    for options in [
        elsewhere(open, ""),
        elsewhere(open, "require"),
        at(&stage, open, "", Some(&ca)),
        at(&stage, open, "prefer", Some(&ca)),
    ] {
        let error = Ledger::connect(&options).await.unwrap_err();
        assert!(matches!(error, ConnectError::NotEncrypted { .. }), "{}: {error:?}", options.url);
        assert!(error.to_string().ends_with("add sslmode=disable to the URL"), "{error}");
    }
    // A login that is missing is another matter.
    let mut unknown = elsewhere(closed, "");
    unknown.url = unknown.url.replace("vaultstream@", "nobody_at_all@");
    assert!(refused(Ledger::connect(&unknown).await).contains("nobody_at_all"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_its_own_authority_serves_when_it_is_the_one_given() {
    let stage = Stage::new().await;
    let dir = tempfile::tempdir().unwrap();
    let own = |file: &str, name: &str, expired: bool| {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        if expired {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        fs::write(dir.path().join(file), &certificate).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    };
    let socket = socket_of(&stage.url);
    let good = tls_end(own("good", "127.0.0.1", false), socket.clone()).await;
    let misnamed = tls_end(own("misnamed", "elsewhere.test", false), socket.clone()).await;
    let expired = tls_end(own("expired", "127.0.0.1", true), socket).await;
    let with = |port: u16, mode: &str, file: &str| at(&stage, port, mode, Some(&dir.path().join(file)));
    for options in [with(good, "", "good"), with(good, "verify-full", "good"), with(misnamed, "verify-ca", "misnamed")]
    {
        Ledger::connect(&options).await.unwrap().check_version().await.unwrap();
    }
    for (options, told) in [
        (with(good, "", "misnamed"), "not one of those that were given"),
        (with(misnamed, "", "misnamed"), "not valid for name"),
        (with(expired, "", "expired"), "expired"),
    ] {
        let why = refused(Ledger::connect(&options).await);
        assert!(why.contains(told), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_url_may_name_the_files_as_libpq_s_do() {
    let stage = Stage::new().await;
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.write(dir.path(), "ca.crt");
    let (certificate, key) = authority.issue(&["another_role"]);
    fs::write(dir.path().join("mine.crt"), certificate).unwrap();
    fs::write(dir.path().join("mine.key"), key).unwrap();
    let port = tls_end(authority.acceptor(true), socket_of(&stage.url)).await;
    let named = |options: &str| {
        let mut connect = at(&stage, port, "", None);
        connect.url = format!("{}&{}", connect.url, options.replace("DIR", dir.path().to_str().unwrap()));
        connect
    };
    let all = named("sslrootcert=DIR/ca.crt&sslcert=DIR/mine.crt&sslkey=DIR/mine.key");
    Ledger::connect(&all).await.unwrap().check_version().await.unwrap();
    refused(Ledger::connect(&named("sslrootcert=DIR/ca.crt")).await);
    refused(
        Ledger::connect(&named("sslrootcert=DIR/ca.crt&sslcert=DIR/mine.crt&sslkey=DIR/mine.key&sslcertmode=disable"))
            .await,
    );
    let absent = Ledger::connect(&named("sslrootcert=DIR/absent.crt")).await.unwrap_err();
    assert!(matches!(absent, ConnectError::Tls(TlsError::File { .. })), "{absent:?}");
}
