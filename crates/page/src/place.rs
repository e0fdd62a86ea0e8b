//! Where the page is served: whose rights count, which ledger is read, and what is known beside it.

use std::time::SystemTime;

use futures_util::future::BoxFuture;
use serde::Serialize;
use uuid::Uuid;
use vaultstream_ledger::{Job, Ledger};

/// Why a viewer is sent nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no token, or nobody knows it: one sentence.
    Unknown(String),
    /// Whether the viewer may look cannot be told now: one sentence.
    Unavailable(String),
}

/// Whose rights count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rights {
    /// Those of a token that each request has.
    Token,
    /// Those of the program, whoever looks: it listens for its own machine alone.
    None,
}

/// How many workers there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Workers {
    /// Wanted by the autoscaler.
    pub wanted: Option<u32>,
    /// Ready.
    pub there: Option<u32>,
}

/// An Event of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The last time.
    pub at: SystemTime,
    /// It warns.
    pub is_warning: bool,
    /// One word.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// How often.
    pub count: u32,
}

/// Who looks, and under whose rights everything is asked that the ledger does not know.
pub trait Viewer: Send + Sync {
    /// Whether they may see the jobs of a namespace; of all of them for `None`.
    fn may_see<'a>(&'a self, namespace: Option<&'a str>) -> BoxFuture<'a, Result<bool, Refused>>;

    /// The Events of the SigningJob with this uid, the newest first, if they may list them; `None` where there are none to be had.
    fn events<'a>(&'a self, namespace: &'a str, uid: Uuid) -> BoxFuture<'a, Option<Vec<Event>>>;
}

/// Where the page is served.
pub trait Place: Send + Sync + 'static {
    /// `cluster` or `laptop`.
    fn name(&self) -> &'static str;

    /// Whose rights count.
    fn rights(&self) -> Rights;

    /// The cluster whose jobs are shown; `None` for all of the ledger.
    fn cluster(&self) -> Option<String>;

    /// The ledger, or a sentence why there is none just now.
    ///
    /// # Errors
    /// The sentence.
    fn ledger(&self) -> Result<Ledger, String>;

    /// Who has this token.
    ///
    /// # Errors
    /// There is no token, or it cannot be used now.
    fn viewer<'a>(&'a self, token: Option<&'a str>) -> BoxFuture<'a, Result<Box<dyn Viewer>, Refused>>;

    /// The job's workers.
    fn workers<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Workers>;

    /// The command line for the job that begins with this verb and has these options, ready to copy.
    fn command(&self, job: &Job, verb: &str, options: &[&str]) -> String;

    /// Other command lines for the job as it is, each with its title.
    fn actions(&self, job: &Job) -> Vec<(&'static str, String)>;
}
