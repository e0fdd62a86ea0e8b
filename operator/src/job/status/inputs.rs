//! What a status is computed from.

use jiff::Timestamp;

use crate::{
    job::{children::ObservedChildren, validate::ValidJob},
    lifecycle::snapshot::JobSnapshot,
    scaling::{backlog_cache::JobLoad, scaler_selection::ScalerSelection},
};

/// Everything that a status is computed from.
pub(crate) struct StatusInputs<'a> {
    pub(crate) job: &'a ValidJob,
    pub(crate) snapshot: &'a JobSnapshot,
    pub(crate) observed: &'a ObservedChildren,
    /// The job's backlog and rate; `None` when they are unknown, or the job does not sign.
    pub(crate) load: Option<&'a JobLoad>,
    /// What scales the workers; `None` when the job has none.
    pub(crate) selection: Option<&'a ScalerSelection>,
    /// The number of workers that the job is to have.
    pub(crate) wanted: u32,
    /// The job gets no worker, because other jobs use all that are allowed.
    pub(crate) starved: bool,
    pub(crate) image: Option<&'a str>,
    pub(crate) now: Timestamp,
}
