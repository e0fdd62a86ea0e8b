//! The reason in a server's log why it did not start.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A log larger than this is emptied at the next start.
const MAX_LOG: u64 = 16 << 20;

/// A position in a log file, from which new lines are read.
pub(crate) struct LogMark {
    path: PathBuf,
    offset: u64,
}

impl LogMark {
    /// The end of the log. A log that is too large is emptied first: no server writes to it now.
    pub(crate) fn at_end_of(path: &Path) -> Self {
        let mut offset = fs::metadata(path).map(|meta| meta.len()).unwrap_or(0);
        if offset > MAX_LOG && File::create(path).is_ok() {
            offset = 0;
        }
        Self { path: path.to_owned(), offset }
    }

    /// What was written since then; empty when it cannot be read.
    pub(crate) fn text_since(&self) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.offset))?;
            file.take(MAX_LOG).read_to_end(&mut bytes)
        });
        match read {
            Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => String::new(),
        }
    }
}

/// The last of a log; empty when it cannot be read.
pub(crate) fn tail(path: &Path) -> String {
    const ENOUGH: u64 = 64 << 10;
    let length = fs::metadata(path).map_or(0, |meta| meta.len());
    LogMark { path: path.to_owned(), offset: length.saturating_sub(ENOUGH) }.text_since()
}

/// Lines that follow every failure and do not tell its reason.
const CLEANUP_LINES: [&str; 3] = ["child process exited", "initdb: removing", "Aborted"];

/// The most informative line: the last fatal error, else the last error, else the last line that is not about cleaning up.
pub(crate) fn complaint(text: &str) -> String {
    let tells = |line: &&str| !line.is_empty() && !CLEANUP_LINES.iter().any(|words| line.starts_with(words));
    let lines = || text.lines().map(str::trim).filter(tells);
    let words = ["PANIC:", "FATAL:", "[FTL]", "error:", "ERROR:", "[ERR]", "nats-server:"];
    let found = words.iter().find_map(|word| lines().rfind(|line| line.contains(word)));
    let line = found.or_else(|| lines().next_back()).unwrap_or("its log is empty");
    match words.iter().find_map(|word| line.split_once(word)) {
        Some((_, rest)) => rest.trim().to_owned(),
        None => line.to_owned(),
    }
}

/// True when the failure was a lack of space.
pub(crate) fn tells_of_full_disk(text: &str) -> bool {
    let text = text.to_lowercase();
    // After a partial write Postgres logs only this hint.
    ["no space left on device", "disk quota exceeded", "check free disk space"].iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fatal_line_is_the_complaint_and_its_decoration_is_dropped() {
        let log = "2026-01-01 [7] LOG:  starting\n2026-01-01 [7] FATAL:  could not write lock file\n2026-01-01 [7] LOG:  shut down\n";
        assert_eq!(complaint(log), "could not write lock file");
        assert_eq!(
            complaint("[7] 2026/01/01 [FTL] Error listening on port: 127.0.0.1:4222\n"),
            "Error listening on port: 127.0.0.1:4222"
        );
        assert_eq!(complaint("odd\n\n"), "odd");
        assert_eq!(
            complaint("odd\nchild process exited with exit code 1\ninitdb: removing data directory \"x\"\n"),
            "odd"
        );
        assert_eq!(complaint(""), "its log is empty");
    }

    #[test]
    fn a_full_disk_is_recognised() {
        assert!(tells_of_full_disk("FATAL:  could not write to file \"x\": No space left on device"));
        assert!(tells_of_full_disk(
            "ERROR:  could not extend file \"base/1/2\": wrote only 4096 of 8192 bytes at block 5\n\
             HINT:  Check free disk space.\nPANIC:  cannot abort transaction 1, it was already committed\nAborted\n"
        ));
        assert!(!tells_of_full_disk("FATAL:  role does not exist"));
    }
}
