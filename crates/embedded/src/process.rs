//! Processes: is it ours, does it live, end it within a bounded time.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How often a wait looks again.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A server process: one we started, or one that a killed run left behind.
#[derive(Debug)]
pub(crate) enum Process {
    /// Our child, to be reaped by us.
    Child(Child),
    /// Somebody else's child, named by a pid file and recognised by its command line.
    Stranger(u32),
}

impl Process {
    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        match self {
            Self::Child(child) => child.id(),
            Self::Stranger(pid) => *pid,
        }
    }

    /// The process id while it lives.
    pub(crate) fn living_id(&mut self) -> Option<u32> {
        (!self.has_ended()).then(|| self.id())
    }

    /// True when it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        match self {
            Self::Child(child) => !matches!(child.try_wait(), Ok(None)),
            Self::Stranger(pid) => !lives(*pid),
        }
    }

    /// Sends a signal; a process that is gone already is no error.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.has_ended() {
            return;
        }
        if let Some(pid) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits until it has ended; false when it still runs after `patience`.
    pub(crate) fn wait(&mut self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        while !self.has_ended() {
            if Instant::now() >= end {
                return false;
            }
            sleep(LOOK_AGAIN);
        }
        true
    }

    /// Sends each signal in turn and waits its time, then SIGKILL.
    pub(crate) fn end(&mut self, steps: &[(Signal, Duration)]) {
        for (signal, patience) in steps {
            self.signal(*signal);
            if self.wait(*patience) {
                return;
            }
            tracing::warn!(pid = self.id(), ?signal, "the server did not end in time");
        }
        self.signal(Signal::KILL);
        self.wait(Duration::from_secs(10));
    }
}

/// True while the process exists and is no zombie.
pub(crate) fn lives(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name in parentheses may itself hold a parenthesis; the state follows the last one.
    stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next()).is_some_and(|state| state != 'Z')
}

/// True when the command line of the living process has `option` followed by `value`, as only our servers have.
pub(crate) fn was_started_with(pid: u32, option: &str, value: &Path) -> bool {
    let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let arguments: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    let value = value.as_os_str().as_encoded_bytes();
    lives(pid) && arguments.windows(2).any(|pair| pair[0] == option.as_bytes() && pair[1] == value)
}

/// The living processes that were started with `option value`: found by looking at all of them.
pub(crate) fn all_started_with(option: &str, value: &Path) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| was_started_with(*pid, option, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_is_recognised_by_its_command_line_and_ends_within_bounds() {
        let child = Command::new("sh").args(["-c", "trap '' TERM; sleep 60 & wait; :", "-D", "/data"]).spawn().unwrap();
        let mut process = Process::Child(child);
        let seen = |pid| was_started_with(pid, "-D", Path::new("/data"));
        let start = Instant::now();
        while !seen(process.id()) && start.elapsed() < Duration::from_secs(5) {
            sleep(LOOK_AGAIN);
        }
        assert!(seen(process.id()));
        assert!(!was_started_with(process.id(), "-D", Path::new("/other")));
        assert!(all_started_with("-D", Path::new("/data")).contains(&process.id()));
        assert!(!process.wait(Duration::from_millis(20)));
        process.end(&[(Signal::TERM, Duration::from_millis(50))]);
        assert!(process.has_ended());
        assert!(!lives(process.id()));
    }
}
