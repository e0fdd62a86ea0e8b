//! Where in the queue a job is, as it is told.

/// A place in the queue: exact near its head, in steps further behind, where all places move whenever one job begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// So many-th.
    Number(usize),
    /// Behind so many.
    Behind(usize),
}

impl Place {
    /// Places up to here are told exactly.
    const NEAR: usize = 20;

    pub(super) fn of(position: usize) -> Self {
        match position.saturating_sub(1) {
            ahead if ahead < Self::NEAR => Self::Number(position),
            ahead if ahead < 100 => Self::Behind(Self::NEAR),
            ahead if ahead < 1000 => Self::Behind(100),
            _ => Self::Behind(1000),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(place) => write!(f, "number {place} in the queue"),
            Self::Behind(jobs) => write!(f, "behind at least {jobs} others in the queue"),
        }
    }
}
