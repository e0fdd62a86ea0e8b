//! How far a job is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How far a job is. Suspension is apart from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobState {
    /// In the ledger, nothing made yet.
    #[serde(alias = "Provisioning")]
    Pending,
    /// Its records are being made, or its table's batches planned.
    Seeding,
    /// Workers sign.
    Signing,
    /// Every batch is signed; the receipt is being made.
    Finishing,
    /// Done.
    Complete,
    /// Ended without being complete.
    Failed,
    /// What it made is being removed.
    Deleting,
}

/// A name that the ledger's constraint allows, though no release writes it: partitions and keys are made in the step that ends
/// with Seeding.
const PROVISIONING: &str = "Provisioning";

impl JobState {
    const ALL: [(Self, &str); 7] = [
        (Self::Pending, "Pending"),
        (Self::Seeding, "Seeding"),
        (Self::Signing, "Signing"),
        (Self::Finishing, "Finishing"),
        (Self::Complete, "Complete"),
        (Self::Failed, "Failed"),
        (Self::Deleting, "Deleting"),
    ];

    /// The name, as the ledger has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// True for the states that a job does not leave by itself.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the name of a state.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a known state of a job")]
pub struct UnknownState(String);

impl FromStr for JobState {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, UnknownState> {
        if name == PROVISIONING {
            return Ok(Self::Pending);
        }
        let known = Self::ALL.into_iter().find(|(_, known)| *known == name);
        known.map(|(state, _)| state).ok_or_else(|| UnknownState(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_back_and_only_two_are_terminal() {
        let mut terminal = Vec::new();
        for (state, name) in JobState::ALL {
            assert_eq!(
                (name.parse::<JobState>().unwrap(), state.as_str(), state.to_string().as_str()),
                (state, name, name)
            );
            terminal.extend(state.is_terminal().then_some(name));
        }
        assert_eq!(terminal, ["Complete", "Failed"]);
        assert_eq!("Provisioning".parse::<JobState>().unwrap(), JobState::Pending, "the ledger allows it");
        assert_eq!("signing".parse::<JobState>().unwrap_err().to_string(), "\"signing\" is not a known state of a job");
    }
}
