//! Starts a program so that it ends with us, runs as the right user and does not receive our terminal's Ctrl-C.
//!
//! The parent-death signal fires when the parent *thread* ends, so one thread that lives as long as the process spawns
//! everything. `setpriv` changes the user first and sets the signal then (the other way round the kernel clears it), and
//! a one-line shell closes the gap in which the parent may have died before the signal was set.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use crate::account::Account;
use crate::programs::on_path;

/// Exits at once when the parent has already ended, else executes the program.
const UNLESS_ORPHANED: &str = r#"[ "$PPID" = "$0" ] || exit 1; exec "$@""#;

/// A program to start.
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Path,
    pub(crate) account: &'a Account,
    /// The signal that the program receives when this process ends (`INT`, `TERM`, …); `None` leaves it running.
    pub(crate) on_parent_death: Option<&'static str>,
}

impl Launch<'_> {
    /// The command, in its own process group, with no input and a clean environment for servers.
    pub(crate) fn command(&self) -> io::Result<Command> {
        if !on_path("setpriv") {
            return Err(io::Error::new(io::ErrorKind::NotFound, "setpriv is not on PATH: install util-linux"));
        }
        let mut command = Command::new("setpriv");
        if let Account::Other { uid, gid, .. } = self.account {
            command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
        }
        if let Some(signal) = self.on_parent_death {
            command.args(["--pdeathsig", signal, "sh", "-c", UNLESS_ORPHANED]).arg(std::process::id().to_string());
        }
        command.arg(self.program).stdin(Stdio::null()).process_group(0).current_dir("/");
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["PG", "LC_", "NATS"].iter().any(|prefix| text.starts_with(prefix)) || text == "LANG" || text == "TZ" {
                command.env_remove(&name);
            }
        }
        Ok(command)
    }
}

/// Sends the program's output to the end of a log file that only the present user can read.
pub(crate) fn log_to(command: &mut Command, log: &Path) -> io::Result<()> {
    let file: File = OpenOptions::new().create(true).append(true).mode(0o600).open(log)?;
    command.stdout(file.try_clone()?).stderr(file);
    Ok(())
}

type Order = (Command, Sender<io::Result<Child>>);

/// Spawns on the thread that lives as long as the process.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static LAUNCHER: OnceLock<Option<Sender<Order>>> = OnceLock::new();
    let gone = || io::Error::other("failed to start the thread that starts the servers");
    let launcher = LAUNCHER.get_or_init(start_launcher).as_ref().ok_or_else(gone)?;
    let (answer, child) = channel();
    launcher.send((command, answer)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

fn start_launcher() -> Option<Sender<Order>> {
    let (sender, orders) = channel::<Order>();
    let body = move || {
        for (mut command, answer) in orders {
            // The caller may have stopped waiting for the result.
            let _ = answer.send(command.spawn());
        }
    };
    thread::Builder::new().name("server-launcher".into()).spawn(body).ok().map(|_| sender)
}
