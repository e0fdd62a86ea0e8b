//! The armed build: reads the variable once, counts passes, and acts on the one that was asked for.

use std::num::NonZeroU64;
use std::process;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

/// The variable that arms a fault.
const VARIABLE: &str = "VAULTSTREAM_FAULT";

/// How long a pass takes that is slow.
const SLOWNESS: Duration = Duration::from_millis(400);

/// The exit code of the action `exit`, one that no other path of our programs uses.
const EXIT_CODE: i32 = 86;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// SIGKILL: nothing runs after it.
    Kill,
    /// SIGSTOP: the whole process freezes until it gets SIGCONT.
    Stop,
    /// An orderly end without destructors.
    Exit,
    /// [`SLOWNESS`] at this pass and every later one: a machine that is too slow.
    Slow,
}

#[derive(Debug, PartialEq, Eq)]
struct Fault {
    name: String,
    pass: NonZeroU64,
    action: Action,
}

impl FromStr for Fault {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (place, action) = text.rsplit_once('=').ok_or(())?;
        let action = match action {
            "kill" => Action::Kill,
            "stop" => Action::Stop,
            "exit" => Action::Exit,
            "slow" => Action::Slow,
            _ => return Err(()),
        };
        let (name, pass) = match place.split_once(':') {
            Some((name, pass)) => (name, pass.parse().map_err(|_| ())?),
            None => (place, NonZeroU64::MIN),
        };
        if name.is_empty() {
            return Err(());
        }
        Ok(Self { name: name.to_owned(), pass, action })
    }
}

/// A variable that is set but not understood ends the process: a fault test that silently injects nothing proves nothing.
fn from_environment() -> Option<Fault> {
    let text = std::env::var_os(VARIABLE)?;
    let fault = text.to_str().and_then(|text| text.parse().ok());
    if fault.is_none() {
        eprintln!("{VARIABLE} must be name[:n]=kill|stop|exit|slow, not {}", text.to_string_lossy());
        process::exit(2);
    }
    fault
}

pub(crate) fn pass(name: &str) {
    static FAULT: OnceLock<Option<Fault>> = OnceLock::new();
    static PASSES: AtomicU64 = AtomicU64::new(0);

    let Some(fault) = FAULT.get_or_init(from_environment) else { return };
    if fault.name != name {
        return;
    }
    let pass = PASSES.fetch_add(1, Ordering::SeqCst) + 1;
    if fault.action == Action::Slow && pass > fault.pass.get() {
        std::thread::sleep(SLOWNESS);
    }
    if pass != fault.pass.get() {
        return;
    }
    // A line on stderr lets a test see that its point was reached.
    eprintln!("fault point {name}: {:?}", fault.action);
    let signal = match fault.action {
        Action::Kill => Signal::KILL,
        Action::Stop => Signal::STOP,
        Action::Exit => process::exit(EXIT_CODE),
        Action::Slow => return std::thread::sleep(SLOWNESS),
    };
    if let Err(error) = kill_process(getpid(), signal) {
        eprintln!("fault point {name}: {error}");
        process::exit(EXIT_CODE);
    }
    // Another thread may be the one that takes the signal, on a busy machine much later; what follows the point must not
    // run before. A process that is continued does not sleep the rest of it.
    match fault.action {
        Action::Stop => std::thread::sleep(Duration::from_secs(1)),
        Action::Kill | Action::Exit | Action::Slow => loop {
            std::thread::park();
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_a_name_a_pass_and_an_action() {
        let pass = |n| NonZeroU64::new(n).unwrap();
        assert_eq!("mid-copy=kill".parse(), Ok(Fault { name: "mid-copy".into(), pass: pass(1), action: Action::Kill }));
        assert_eq!(
            "mid-copy:3=stop".parse(),
            Ok(Fault { name: "mid-copy".into(), pass: pass(3), action: Action::Stop })
        );
        assert_eq!("a-b:2=slow".parse(), Ok(Fault { name: "a-b".into(), pass: pass(2), action: Action::Slow }));
        for bad in ["", "mid-copy", "mid-copy=", "mid-copy=pause", "mid-copy:0=kill", "mid-copy:x=kill", "=kill"] {
            assert_eq!(bad.parse::<Fault>(), Err(()), "{bad}");
        }
    }
}
