//! Processor time and memory, as the kernel accounts them (proc(5)).

use std::{fs, time::Duration};

/// Clock ticks a second in `/proc/PID/stat`: 100 on every common Linux.
const TICKS: f64 = 100.0;

/// Processor time so far, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cpu {
    /// This process: the worker, and the code that drives the job.
    pub(super) worker: f64,
    /// Postgres with all its processes.
    pub(super) postgres: f64,
    /// nats-server.
    pub(super) nats: f64,
}

impl Cpu {
    /// Reads what was used so far.
    pub(super) fn now(postgres: Option<u32>, nats: Option<u32>) -> Self {
        let of = |pid: Option<u32>| pid.and_then(|pid| stat(&pid.to_string())).map_or(0.0, |stat| stat.own);
        let family = |pid: u32| {
            let children = fs::read_dir("/proc").into_iter().flatten().flatten();
            let children = children.filter_map(|entry| stat(&entry.file_name().to_string_lossy()));
            let alive: f64 = children.filter(|stat| stat.parent == pid).map(|stat| stat.own).sum();
            alive + stat(&pid.to_string()).map_or(0.0, |stat| stat.own + stat.ended_children)
        };
        Self {
            worker: stat("self").map_or(0.0, |stat| stat.own),
            postgres: postgres.map_or(0.0, family),
            nats: of(nats),
        }
    }

    /// What was used since `before`.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            worker: self.worker - before.worker,
            postgres: self.postgres - before.postgres,
            nats: self.nats - before.nats,
        }
    }
}

struct Stat {
    parent: u32,
    own: f64,
    ended_children: f64,
}

fn stat(process: &str) -> Option<Stat> {
    if process != "self" && !process.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may contain any character.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<f64>().ok()).map(|ticks| ticks / TICKS);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: ticks(11)? + ticks(12)?,
        ended_children: ticks(13)? + ticks(14)?,
    })
}

/// Resets the peak of this process's memory.
pub(super) fn forget_peak_memory() {
    // Where the kernel does not allow it the peak is that of the process's lifetime, an upper bound.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The peak of this process's resident memory, in MiB.
pub(super) fn peak_memory_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = peak.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0.0);
    kib / 1024.0
}

/// Seconds as microseconds a record.
pub(super) fn per_record(seconds: f64, records: u64) -> f64 {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default().as_secs_f64() * 1e6 / records.max(1) as f64
}
