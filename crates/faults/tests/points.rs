//! Runs this very test program again with a fault armed and looks at how it ended.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

const CHILD: &str = "FAULTS_TEST_CHILD";

fn run(fault: Option<&str>) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "passes_two_points_three_times", "--nocapture"]).env(CHILD, "1");
    match fault {
        Some(fault) => command.env("VAULTSTREAM_FAULT", fault),
        None => command.env_remove("VAULTSTREAM_FAULT"),
    };
    command.output().unwrap().status
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
    assert_eq!(run(Some("first=kill")).signal(), Some(9));
    assert_eq!(run(Some("second:3=kill")).signal(), Some(9));
    assert!(run(Some("second:4=kill")).success());
    assert_eq!(run(Some("second:2=exit")).code(), Some(86));
    assert_eq!(run(Some("second:2=sleep")).code(), Some(2));
}

#[cfg(not(feature = "enabled"))]
#[test]
fn a_plain_build_has_no_fault_points() {
    assert!(run(Some("first=kill")).success());
}
