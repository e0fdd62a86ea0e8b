//! The sections of a job's page.

mod batches;
mod commands;
mod figures;
mod keys;
mod proofs;
mod rejects;
mod workers;

use std::time::Duration;

pub(crate) use batches::batches;
pub(crate) use commands::commands;
pub(crate) use figures::job;
pub(crate) use keys::keys;
pub(crate) use proofs::{checkpoints, receipt, verification};
pub(crate) use rejects::rejects;
pub(crate) use workers::{events, workers};

/// What is read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    /// The job with its figures, its receipt, and the commands for it.
    Job,
    /// The map of batches and the curve of signing.
    Batches,
    /// Keys.
    Keys,
    /// Rejects.
    Rejects,
    /// Checkpoints.
    Checkpoints,
    /// What was found by who verified last.
    Verdict,
    /// Workers, which the ledger does not know.
    Workers,
}

impl Section {
    /// All of them, in the order in which a page that is opened is filled.
    pub(crate) const ALL: [Self; 7] =
        [Self::Job, Self::Batches, Self::Keys, Self::Rejects, Self::Checkpoints, Self::Verdict, Self::Workers];

    /// How often it is read at most. Together that is less than one statement a second.
    pub(crate) fn period(self) -> Duration {
        Duration::from_secs(match self {
            Self::Job => 2,
            Self::Batches => 6,
            Self::Keys => 10,
            Self::Rejects | Self::Workers => 15,
            Self::Checkpoints | Self::Verdict => 30,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_costs_the_ledger_less_than_one_statement_a_second() {
        let statements = |section| match section {
            Section::Rejects => 2.0,
            Section::Workers => 0.0,
            _ => 1.0,
        };
        let rate: f64 = Section::ALL.iter().map(|section| statements(*section) / section.period().as_secs_f64()).sum();
        assert!(rate < 1.0, "{rate}");
    }
}
