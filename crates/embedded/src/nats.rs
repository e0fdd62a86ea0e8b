//! The private nats-server: JetStream on 127.0.0.1 behind a random token.

use std::fs;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::TryRng;
use rand::rngs::SysRng;
use rustix::process::Signal;

use crate::account::Account;
use crate::data_dir::{DataDirError, unusable, write_private};
use crate::launch::{Launch, log_to, spawn};
use crate::log_file::{self, LogMark};
use crate::process::{POLL_INTERVAL, Process};

/// How long it may take to start: recovery reads the whole store.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// Why nats-server does not run.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// The program could not be started at all.
    #[error("failed to start {program}", program = program.display())]
    Launch {
        /// The program.
        program: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The system returned no random bytes for the token.
    #[error("failed to read the system's randomness")]
    Random(#[source] rand::rngs::SysError),
    /// Another program listens on the port.
    #[error("port {port} on 127.0.0.1 is used by another program: stop that program, or choose another port")]
    PortTaken {
        /// The port that was asked for.
        port: u16,
    },
    /// There is no space left.
    #[error("the disk is full: free some space on the file system of {path}, and run again", path = path.display())]
    DiskFull {
        /// Where JetStream keeps its data.
        path: PathBuf,
    },
    /// It ended while it was starting.
    #[error("nats-server did not start: {message} (its log: {log})", log = log.display())]
    GaveUp {
        /// The error in its log.
        message: String,
        /// Its log.
        log: PathBuf,
    },
    /// It runs, but accepts no connections.
    #[error("nats-server did not answer within {seconds} s: see {log}", log = log.display())]
    NotReady {
        /// The time it was given.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
    /// A file could not be written.
    #[error(transparent)]
    Files(#[from] DataDirError),
}

/// How the private nats-server is run.
pub(crate) struct Nats {
    pub(crate) program: PathBuf,
    /// The servers' directory.
    pub(crate) servers: PathBuf,
    pub(crate) account: Account,
    /// Whether it ends with this process.
    pub(crate) bound_to_us: bool,
    /// Every local user can reach the port; only clients with this token are let in.
    pub(crate) token: String,
}

impl std::fmt::Debug for Nats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nats").field("program", &self.program).field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl Nats {
    /// 128 bits of the system's randomness in hex.
    pub(crate) fn new_token() -> Result<String, NatsError> {
        let mut bytes = [0; 16];
        SysRng.try_fill_bytes(&mut bytes).map_err(NatsError::Random)?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn dir(&self) -> PathBuf {
        self.servers.join("nats")
    }

    fn log(&self) -> PathBuf {
        self.servers.join("nats.log")
    }

    /// The URL for clients.
    pub(crate) fn url(&self, port: u16) -> String {
        format!("nats://{}@127.0.0.1:{port}", self.token)
    }

    /// Starts the server on `port`, or on a free one, and waits until it accepts connections. Returns its port.
    pub(crate) fn start(&self, port: Option<u16>) -> Result<(Process, u16), NatsError> {
        let dir = self.dir();
        self.account.private_dir(&dir).map_err(unusable(&dir))?;
        remove_ports_files(&dir);
        let conf = dir.join("nats.conf");
        write_private(&conf, &self.conf(port), &self.account)?;

        let log = LogMark::at_end_of(&self.log());
        let on_parent_death = self.bound_to_us.then_some("TERM");
        let launch = Launch { program: &self.program, account: &self.account, on_parent_death };
        let failed = |source| NatsError::Launch { program: self.program.clone(), source };
        let mut command = launch.command().map_err(failed)?;
        command.arg("-c").arg(&conf);
        log_to(&mut command, &self.log()).map_err(failed)?;
        let mut process = spawn(command).map(Process::Child).map_err(failed)?;
        match self.wait_until_ready(&mut process, port, &log) {
            Ok(port) => Ok((process, port)),
            Err(error) => {
                process.end(&[(Signal::TERM, Duration::from_secs(5))]);
                Err(error)
            }
        }
    }

    fn conf(&self, port: Option<u16>) -> String {
        let port = port.map_or(-1, i32::from);
        let dir = quoted(&self.dir());
        let store = quoted(&self.dir().join("store"));
        format!(
            "server_name: vaultstream\nhost: \"127.0.0.1\"\nport: {port}\nports_file_dir: {dir}\n\
             authorization {{ token: \"{}\" }}\njetstream {{ store_dir: {store} }}\n",
            self.token
        )
    }

    fn wait_until_ready(&self, process: &mut Process, port: Option<u16>, log: &LogMark) -> Result<u16, NatsError> {
        let end = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(port) = ports_file(&self.dir(), process.id()).filter(|port| greets(*port)) {
                return Ok(port);
            }
            if process.has_ended() {
                return Err(self.gave_up(port, &log.text_since()));
            }
            if Instant::now() > end {
                return Err(NatsError::NotReady { seconds: START_TIMEOUT.as_secs(), log: self.log() });
            }
            sleep(POLL_INTERVAL);
        }
    }

    fn gave_up(&self, port: Option<u16>, text: &str) -> NatsError {
        match port {
            _ if log_file::tells_of_full_disk(text) => NatsError::DiskFull { path: self.dir() },
            Some(port) if text.contains("address already in use") => NatsError::PortTaken { port },
            _ => NatsError::GaveUp { message: log_file::complaint(text), log: self.log() },
        }
    }

    /// Stops it within a bounded time.
    pub(crate) fn stop(process: &mut Process) {
        process.end(&[(Signal::TERM, Duration::from_secs(15))]);
    }

    /// Removes all streams. The server must not run.
    pub(crate) fn wipe(&self) -> Result<(), NatsError> {
        let store = self.dir().join("store");
        match fs::remove_dir_all(&store) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(&store)(error).into()),
            _ => Ok(()),
        }
    }
}

/// A path as a string of the configuration language.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\""))
}

fn remove_ports_files(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "ports") {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The port in the file that the server with this process id wrote once it was ready.
fn ports_file(dir: &Path, pid: u32) -> Option<u16> {
    let ending = format!("_{pid}.ports");
    let mut entries = fs::read_dir(dir).ok()?.flatten();
    let entry = entries.find(|entry| entry.file_name().to_string_lossy().ends_with(&ending))?;
    port_in(&fs::read_to_string(entry.path()).ok()?)
}

/// The port of `{"nats":["nats://127.0.0.1:43211"]}`; `None` while the file is incomplete.
fn port_in(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("nats://127.0.0.1:")?;
    rest.split_once('"')?.0.parse().ok()
}

/// True when a NATS server responds on this port.
fn greets(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let greet = || -> io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut start = [0; 5];
        stream.read_exact(&mut start)?;
        Ok(&start == b"INFO ")
    };
    greet().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_a_complete_ports_file_only() {
        assert_eq!(port_in(r#"{"nats":["nats://127.0.0.1:43211"]}"#), Some(43211));
        assert_eq!(port_in(r#"{"nats":["nats://127.0.0.1:432"#), None);
        assert_eq!(port_in("{}"), None);
    }

    #[test]
    fn a_path_is_quoted_for_the_configuration() {
        assert_eq!(quoted(Path::new("/a \"b\"\\c")), r#""/a \"b\"\\c""#);
    }
}
