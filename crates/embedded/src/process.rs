//! Processes of servers: recognised, observed, ended within a bounded time.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Interval of polls.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A server process: one we started, or one of a run that was killed.
#[derive(Debug)]
pub(crate) enum Process {
    /// Our child, to be reaped by us.
    Child(Child),
    /// The child of another process, recognised by its command line.
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

    /// Sends a signal. It is no error when the process has already ended.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.has_ended() {
            return;
        }
        if let Some(pid) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits until it has ended. Returns false when it still runs after `timeout`.
    pub(crate) fn wait(&mut self, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        while !self.has_ended() {
            if Instant::now() >= end {
                return false;
            }
            sleep(POLL_INTERVAL);
        }
        true
    }

    /// Sends each signal in turn and waits the time given with it; then sends SIGKILL.
    pub(crate) fn end(&mut self, steps: &[(Signal, Duration)]) {
        for (signal, timeout) in steps {
            self.signal(*signal);
            if self.wait(*timeout) {
                return;
            }
            tracing::warn!(pid = self.id(), ?signal, "the server did not stop in time");
        }
        self.signal(Signal::KILL);
        self.wait(Duration::from_secs(10));
    }
}

/// True while the process exists and is not a zombie.
pub(crate) fn lives(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name in parentheses may contain a parenthesis; the state follows the last one.
    stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next()).is_some_and(|state| state != 'Z')
}

/// How our servers are recognised in the process list: the program's name, and an option with a path of our data-dir.
#[derive(Clone, Copy)]
pub(crate) struct Mark<'a> {
    pub(crate) program: &'static str,
    pub(crate) option: &'static str,
    pub(crate) value: &'a Path,
}

impl Mark<'_> {
    /// True for a living process with this command line. While it is started through setpriv and sh the words are the same.
    pub(crate) fn is_on(self, pid: u32) -> bool {
        let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
        let arguments: Vec<&OsStr> = line.split(|byte| *byte == 0).map(OsStr::from_bytes).collect();
        let named = arguments.iter().any(|argument| Path::new(argument).file_name() == Some(OsStr::new(self.program)));
        named && lives(pid) && arguments.windows(2).any(|pair| pair[0] == self.option && pair[1] == self.value)
    }

    /// All living processes with this command line.
    pub(crate) fn find(self) -> Vec<u32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| self.is_on(*pid)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_is_recognised_by_its_command_line_and_ends_within_bounds() {
        let script = "trap '' TERM; sleep 60 & wait; :";
        let child = Command::new("sh").args(["-c", script, "/bin/server", "-D", "/data"]).spawn().unwrap();
        let mut process = Process::Child(child);
        let pid = process.id();
        let mark = Mark { program: "server", option: "-D", value: Path::new("/data") };
        let start = Instant::now();
        while !mark.is_on(pid) && start.elapsed() < Duration::from_secs(5) {
            sleep(POLL_INTERVAL);
        }
        assert!(mark.find().contains(&pid));
        assert!(!Mark { program: "serve", ..mark }.is_on(pid));
        assert!(!Mark { value: Path::new("/data/x"), ..mark }.is_on(pid));
        assert!(!process.wait(Duration::from_millis(20)));
        process.end(&[(Signal::TERM, Duration::from_millis(50))]);
        assert!(process.has_ended());
        assert!(!lives(pid) && !mark.is_on(pid));
    }
}
