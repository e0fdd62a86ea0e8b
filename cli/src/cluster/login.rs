//! The login to the ledger that a Secret of the cluster holds.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::Api;
use tempfile::TempDir;
use vaultstream_api::{
    SigningJob,
    names::{CONNECTION_SECRET, Namespace},
};
use vaultstream_ledger::{SourceLogin, TlsFiles, dialled_at, tcp_hosts};

use super::{
    Cluster, answered,
    forward::Forward,
    service::{self, ServiceName},
};
use crate::{
    args::{ClusterArgs, NamedJob},
    error::Failure,
    output,
};

/// The Secret of a login that reads everything and changes nothing.
const AUDITORS: &str = "vaultstream-auditor";

/// The keys of a Secret: a URL, its authorities, a client certificate and its private key.
const LEDGER: [&str; 4] = ["DATABASE_URL", "postgres-ca.crt", "postgres.crt", "postgres.key"];
/// The same of the database with the tables.
const SOURCE: [&str; 4] = ["SOURCE_DATABASE_URL", "source-ca.crt", "source.crt", "source.key"];

/// The data of a Secret.
type Data = BTreeMap<String, ByteString>;

/// How the ledger of a cluster is reached. Ports are forwarded, and files are there, until it is dropped.
pub(crate) struct ClusterLogin {
    /// The cluster and its namespace.
    pub(crate) cluster: Arc<Cluster>,
    /// The SigningJob that was named, unless the cluster has none of this name.
    pub(crate) job: Option<SigningJob>,
    /// The ledger.
    pub(crate) ledger: SourceLogin,
    /// Where the tables are, unless that is the ledger's database with the ledger's login.
    pub(crate) source: Option<SourceLogin>,
    forwards: Vec<Forward>,
    _files: TempDir,
}

impl ClusterLogin {
    /// Reads the SigningJob, if one is named, and the Secret, and forwards ports to the databases that are Services of the cluster.
    ///
    /// # Errors
    /// When something of that cannot be read or reached.
    pub(crate) async fn of(args: &ClusterArgs, job: Option<&NamedJob>) -> Result<Self, Failure> {
        let cluster = Arc::new(Cluster::of(args).await?);
        let namespace = job.and_then(NamedJob::namespace).unwrap_or(&cluster.namespace).clone();
        let found = match job {
            Some(job) => cluster.signing_job(namespace.as_str(), job.name().as_str()).await?,
            None => None,
        };
        let secrets = Secrets { cluster: &cluster, namespace: namespace.as_str() };
        let (of_ledger, of_tables) = secrets.choose(args, found.as_ref()).await?;
        let files = tempfile::tempdir().map_err(|error| Failure::of(&error))?;
        let place = |name: &str| files.path().join(name);
        let ledger = login(&of_ledger.data, LEDGER, &place("ledger"))?
            .ok_or_else(|| Failure::bad_input(format!("the Secret {} has no key {}", of_ledger.name, LEDGER[0])))?;
        let source = match (login(&of_tables.data, SOURCE, &place("source"))?, of_tables.name == of_ledger.name) {
            (Some(source), _) => Some(source),
            (None, true) => None,
            // A namespace without a source of its own reads tables by its login.
            (None, false) => login(&of_tables.data, LEDGER, &place("tenant"))?,
        };
        output::remark_once(format_args!("login: the Secret {}", of_ledger.name));
        let mut login = Self { cluster, job: found, ledger, source, forwards: Vec::new(), _files: files };
        login.forward(&namespace).await?;
        Ok(login)
    }

    async fn forward(&mut self, namespace: &Namespace) -> Result<(), Failure> {
        for login in std::iter::once(&mut self.ledger).chain(&mut self.source) {
            let hosts = tcp_hosts(&login.url).map_err(|error| Failure::input(&error))?;
            let [(host, port)] = hosts.as_slice() else { continue };
            let Some(service) = ServiceName::of(host, namespace) else { continue };
            if !service::is_there(&self.cluster, &service).await? {
                continue;
            }
            output::remark_once(format_args!(
                "port-forward to the Service {}/{}, port {port}",
                service.namespace, service.name
            ));
            let forward = Forward::to(Arc::clone(&self.cluster), service, *port).await?;
            login.url = dialled_at(&login.url, forward.address).map_err(|error| Failure::input(&error))?;
            self.forwards.push(forward);
        }
        Ok(())
    }
}

/// A Secret that was read.
#[derive(Clone)]
struct Found {
    name: String,
    data: Data,
}

/// The Secrets of a namespace.
struct Secrets<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
}

impl Secrets<'_> {
    /// That of the ledger, and that of the tables.
    async fn choose(&self, args: &ClusterArgs, job: Option<&SigningJob>) -> Result<(Found, Found), Failure> {
        let of_job = job.map_or(CONNECTION_SECRET, |job| &job.spec.connection_secret);
        let there = |found: Option<Found>, namespace: &str, name: &str| {
            found.ok_or_else(|| {
                Failure::bad_input(format!("there is no Secret {namespace}/{name}; --secret names another one"))
            })
        };
        let chosen = match &args.secret {
            Some(secret) => {
                let namespace = secret.namespace.as_ref().map_or(self.namespace, |namespace| namespace.as_str());
                Some(there(self.read(namespace, &secret.name).await?, namespace, &secret.name)?)
            }
            // Who may not read the auditor's has another one.
            None => self.read(self.namespace, AUDITORS).await.ok().flatten(),
        };
        let tenants = self.read(self.namespace, of_job).await;
        match (chosen, tenants) {
            (Some(chosen), Ok(Some(tenants))) => Ok((chosen, tenants)),
            (Some(chosen), _) => Ok((chosen.clone(), chosen)),
            (None, tenants) => there(tenants?, self.namespace, of_job).map(|found| (found.clone(), found)),
        }
    }

    async fn read(&self, namespace: &str, name: &str) -> Result<Option<Found>, Failure> {
        let secrets: Api<Secret> = Api::namespaced(self.cluster.client.clone(), namespace);
        let named = format!("{namespace}/{name}");
        let secret = answered(&format!("the Secret {named}"), secrets.get_opt(name)).await?;
        Ok(secret.map(|secret| Found { name: named, data: secret.data.unwrap_or_default() }))
    }
}

/// The login of a Secret, with the certificates as files in `folder`. `None` without a URL.
fn login(data: &Data, keys: [&str; 4], folder: &Path) -> Result<Option<SourceLogin>, Failure> {
    let [url, ca, cert, key] = keys;
    let Some(text) = data.get(url) else { return Ok(None) };
    let text = String::from_utf8(text.0.clone())
        .map_err(|_| Failure::bad_input(format!("{url} of the Secret is not text")))?;
    let write = |name: &str| -> Result<Option<PathBuf>, Failure> {
        let Some(content) = data.get(name) else { return Ok(None) };
        let path = folder.join(name);
        private(&path, &content.0).map_err(|error| Failure::of(&error))?;
        Ok(Some(path))
    };
    let tls = TlsFiles { ca: write(ca)?, cert: write(cert)?, key: write(key)? };
    Ok(Some(SourceLogin { url: text.trim().to_owned(), tls }))
}

/// Writes a file that only its owner can read.
fn private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_has_the_url_and_the_certificates_of_its_secret_and_nothing_else() {
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        let data: Data = [("DATABASE_URL", " postgres://a\n"), ("postgres-ca.crt", "ca"), ("kek", "secret")]
            .map(|(name, text)| (name.to_owned(), bytes(text)))
            .into();
        let folder = tempfile::tempdir().unwrap();
        let found = login(&data, LEDGER, &folder.path().join("ledger")).unwrap().unwrap();
        assert_eq!((found.url.as_str(), found.tls.cert, found.tls.key), ("postgres://a", None, None));
        assert_eq!(std::fs::read_to_string(found.tls.ca.unwrap()).unwrap(), "ca");
        assert!(login(&data, SOURCE, &folder.path().join("source")).unwrap().is_none());
        let written: Vec<_> = std::fs::read_dir(folder.path().join("ledger")).unwrap().collect();
        assert_eq!(written.len(), 1, "only what is needed is written");
    }
}
