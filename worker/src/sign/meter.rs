//! Books what a unit costs: the time of its many slices, added up.

use std::time::{Duration, Instant};

use vaultstream_program::thread_time;

use crate::metrics::{Stage, UnitMetrics};

/// The stages that run on a CPU thread.
const STAGES: [Stage; 3] = [Stage::Sign, Stage::Verify, Stage::Encode];

/// The time that a unit has taken so far in each stage; booked when it is dropped.
pub(crate) struct Meter<'a> {
    metrics: &'a UnitMetrics,
    /// Wall and processor time.
    spent: [Option<(Duration, Duration)>; STAGES.len()],
}

impl<'a> Meter<'a> {
    pub(crate) fn new(metrics: &'a UnitMetrics) -> Self {
        Self { metrics, spent: [None; STAGES.len()] }
    }

    /// Runs `work` and books its time to a stage.
    pub(crate) fn run<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let (wall, cpu) = (Instant::now(), thread_time());
        let result = work();
        if let Some(place) = STAGES.iter().position(|known| *known == stage) {
            let (walls, cpus) = self.spent[place].get_or_insert_default();
            *walls += wall.elapsed();
            *cpus += thread_time().saturating_sub(cpu);
        }
        result
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        for (stage, spent) in STAGES.into_iter().zip(self.spent) {
            if let Some((wall, cpu)) = spent {
                self.metrics.add_wall(stage, wall);
                self.metrics.add_cpu(stage, cpu);
            }
        }
    }
}
