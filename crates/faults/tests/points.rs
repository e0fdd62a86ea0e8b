//! Runs this very test program again with a fault armed and looks at how it ended.

#![expect(clippy::unwrap_used, reason = "this file holds only tests")]

use std::process::{Command, ExitStatus, Stdio};

const CHILD: &str = "FAULTS_TEST_CHILD";

fn child(fault: Option<&str>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "passes_two_points_three_times", "--nocapture"]).env(CHILD, "1");
    match fault {
        Some(fault) => command.env("VAULTSTREAM_FAULT", fault),
        None => command.env_remove("VAULTSTREAM_FAULT"),
    };
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn run(fault: Option<&str>) -> ExitStatus {
    child(fault).status().unwrap()
}

#[test]
fn passes_two_points_three_times() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    for _ in 0..3 {
        vaultstream_faults::point("first");
        vaultstream_faults::point("second");
    }
}

#[test]
fn a_process_without_the_variable_passes_every_point() {
    assert!(run(None).success());
    assert!(run(Some("elsewhere=kill")).success());
}

#[cfg(feature = "enabled")]
#[test]
fn the_chosen_pass_of_the_chosen_point_acts() {
    use std::os::unix::process::ExitStatusExt;

    assert_eq!(run(Some("first=kill")).signal(), Some(9));
    assert_eq!(run(Some("second:3=kill")).signal(), Some(9));
    assert!(run(Some("second:4=kill")).success());
    assert_eq!(run(Some("second:2=exit")).code(), Some(86));
    assert_eq!(run(Some("second:2=sleep")).code(), Some(2));
}

#[cfg(feature = "enabled")]
#[test]
fn a_stopped_process_goes_on_when_it_is_continued() {
    use std::time::{Duration, Instant};

    let mut child = child(Some("second:2=stop")).spawn().unwrap();
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !state().contains(") T ") {
        assert!(Instant::now() < deadline, "not stopped: {}", state());
        std::thread::sleep(Duration::from_millis(5));
    }
    let continued = Command::new("kill").args(["-CONT", &child.id().to_string()]).status().unwrap();
    assert!(continued.success());
    assert!(child.wait().unwrap().success());
}

#[cfg(not(feature = "enabled"))]
#[test]
fn a_plain_build_has_no_fault_points() {
    assert!(run(Some("first=kill")).success());
}
