//! Commands that read a ledger: which one, and which job in it.

use vaultstream_api::names::Namespace;
use vaultstream_embedded::{Attached, attach};
use vaultstream_ledger::{Job, Ledger, jobs};

use crate::{
    args::{JobArgs, LedgerArgs, NamedJob, SourceArgs},
    cluster::ClusterLogin,
    connect,
    error::Failure,
    location::LedgerLocation,
};

/// Connections of a command that reads.
const CONNECTIONS: usize = 4;

/// A ledger, and the private Postgres that serves it, if any.
pub(crate) struct OpenLedger {
    /// The ledger.
    pub(crate) ledger: Ledger,
    /// Where it is.
    pub(crate) location: LedgerLocation,
    /// The cluster that has it, if it was found by one.
    in_cluster: Option<ClusterLogin>,
    _attached: Option<Attached>,
}

impl OpenLedger {
    /// The namespace of jobs that are named without one.
    pub(crate) fn namespace(&self) -> Namespace {
        self.in_cluster.as_ref().map(|login| login.cluster.namespace.clone()).unwrap_or_default()
    }

    /// The job that the arguments name. In a cluster it is the SigningJob's, while there is one.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn find(&self, args: &JobArgs) -> Result<Job, Failure> {
        let uid = self.in_cluster.as_ref().and_then(|login| login.job.as_ref()?.metadata.uid.as_deref()?.parse().ok());
        match (args.named(), uid) {
            (Some(_), Some(uid)) => {
                let found = jobs::by_uid(&self.ledger, uid).await.map_err(|error| Failure::of(&error))?;
                found.ok_or_else(|| {
                    Failure::bad_input(format!("the SigningJob's uid is {uid}, and no job of this ledger has it yet"))
                })
            }
            _ => find_within(&self.ledger, args, &self.namespace()).await,
        }
    }
}

/// Opens the ledger that the arguments name, and says which it is.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn open(args: &LedgerArgs) -> Result<OpenLedger, Failure> {
    open_for(args, None).await
}

/// The same, for a command about this job.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn open_for(args: &LedgerArgs, job: Option<&NamedJob>) -> Result<OpenLedger, Failure> {
    open_with_source(args, &SourceArgs::default(), job).await
}

/// The same, for a command that reads the tables that were signed.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn open_with_source(
    args: &LedgerArgs,
    source: &SourceArgs,
    job: Option<&NamedJob>,
) -> Result<OpenLedger, Failure> {
    let opened = match &args.cluster {
        Some(cluster) => {
            let login = ClusterLogin::of(cluster, job).await?;
            let ledger = connect::cluster(&login, source, CONNECTIONS, *args.connect_timeout).await?;
            let location = LedgerLocation::of_cluster();
            OpenLedger { ledger, location, in_cluster: Some(login), _attached: None }
        }
        None => connect_with_source(args, source).await?,
    };
    let version = opened.ledger.check_version().await.map_err(|error| Failure::input(&error))?;
    opened.location.tell(&opened.ledger, version, "");
    Ok(opened)
}

/// Connects to the ledger that the arguments name, whatever its schema.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn connect(args: &LedgerArgs) -> Result<OpenLedger, Failure> {
    connect_with_source(args, &SourceArgs::default()).await
}

async fn connect_with_source(args: &LedgerArgs, source: &SourceArgs) -> Result<OpenLedger, Failure> {
    let location = LedgerLocation::of(args.database_url.as_deref(), args.data_dir.as_deref());
    let (url, attached) = match (&location.database, &location.data_dir) {
        (Some((url, _)), _) => (url.clone(), None),
        (None, Some(dir)) => {
            let dir = dir.clone();
            let attached = tokio::task::spawn_blocking(move || attach(&dir))
                .await
                .map_err(|error| Failure::of(&error))?
                .map_err(|error| Failure::input(&error))?;
            (attached.database_url().to_owned(), Some(attached))
        }
        (None, None) => return Err(which()),
    };
    let ledger = connect::ledger(&url, source, CONNECTIONS, *args.connect_timeout).await?;
    Ok(OpenLedger { ledger, location, in_cluster: None, _attached: attached })
}

/// The failure of a command that was given no ledger.
pub(crate) fn which() -> Failure {
    Failure::bad_input(
        "which ledger? give --data-dir DIR of `vaultstream run`, or --database-url URL (or VAULTSTREAM_DATABASE_URL)",
    )
}

/// The job that the arguments name.
///
/// # Errors
/// When there is none.
pub(crate) async fn find(ledger: &Ledger, args: &JobArgs) -> Result<Job, Failure> {
    find_within(ledger, args, &Namespace::default()).await
}

async fn find_within(ledger: &Ledger, args: &JobArgs, namespace: &Namespace) -> Result<Job, Failure> {
    let failed = |error: vaultstream_ledger::QueryError| Failure::of(&error);
    let found = match (args.named().map(|job| job.within(namespace)), args.uid) {
        (_, Some(uid)) => {
            jobs::by_uid(ledger, uid).await.map_err(failed)?.ok_or_else(|| format!("no job has the uid {uid}"))
        }
        (Some(job), None) => jobs::newest(ledger, job.namespace.as_str(), job.name.as_str())
            .await
            .map_err(failed)?
            .ok_or_else(|| format!("there is no job {job} in this ledger; `vaultstream status` lists them")),
        (None, None) => Err("which job? give --job NS/NAME or --uid UID".to_owned()),
    };
    found.map_err(Failure::bad_input)
}
