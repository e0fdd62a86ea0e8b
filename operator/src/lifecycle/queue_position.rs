//! A job's position in the queue, as its status shows it.

/// Exact near the head. Further behind it is rounded down: all positions change whenever one job is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueuePosition {
    /// The exact position, from 1.
    Exact(usize),
    /// At least this many jobs are ahead.
    Behind(usize),
}

impl QueuePosition {
    /// Positions up to this one are exact.
    const EXACT_LIMIT: usize = 20;

    /// Of the job at `position`, from 1.
    pub(crate) fn of(position: usize) -> Self {
        match position.saturating_sub(1) {
            ahead if ahead < Self::EXACT_LIMIT => Self::Exact(position),
            ahead if ahead < 100 => Self::Behind(Self::EXACT_LIMIT),
            ahead if ahead < 1000 => Self::Behind(100),
            _ => Self::Behind(1000),
        }
    }
}

impl std::fmt::Display for QueuePosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(position) => write!(f, "number {position} in the queue"),
            Self::Behind(jobs) => write!(f, "behind at least {jobs} others in the queue"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_exact_up_to_twenty_and_rounded_down_behind_that() {
        let expected = [
            (1, "number 1 in the queue"),
            (20, "number 20 in the queue"),
            (21, "behind at least 20 others in the queue"),
            (100, "behind at least 20 others in the queue"),
            (101, "behind at least 100 others in the queue"),
            (1000, "behind at least 100 others in the queue"),
            (1001, "behind at least 1000 others in the queue"),
        ];
        for (position, text) in expected {
            assert_eq!(QueuePosition::of(position).to_string(), text);
        }
    }
}
