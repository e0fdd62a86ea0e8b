//! The servers and the process that started them: its end, its terminal.

use std::process::Command;

use rustix::process::{Signal, kill_process, kill_process_group};

use crate::probe::{Holder, Scratch, eventually, hold_program, lives, query};

#[test]
fn killing_the_parent_leaves_no_server_and_the_next_run_removes_its_directory() {
    let mut holder = Holder::start(Command::new(hold_program()));
    assert!(lives(holder.postgres) && lives(holder.nats));
    kill_process(holder.pid(), Signal::KILL).unwrap();
    holder.child.wait().unwrap();
    eventually("both servers ended", || !lives(holder.postgres) && !lives(holder.nats));
    assert!(holder.dir.exists());

    Holder::start(Command::new(hold_program())).finish();
    assert!(!holder.dir.exists());
}

#[test]
fn a_directory_whose_run_was_killed_is_used_again_at_once() {
    let scratch = Scratch::new("again");
    let command = || {
        let mut command = Command::new(hold_program());
        command.arg(scratch.join("data"));
        command
    };
    let mut holder = Holder::start(command());
    query(&holder.database_url, "CREATE TABLE kept ()").unwrap();
    kill_process(holder.pid(), Signal::KILL).unwrap();
    holder.child.wait().unwrap();

    let again = Holder::start(command());
    query(&again.database_url, "SELECT FROM kept").unwrap();
    again.finish();
}

#[test]
fn a_ctrl_c_at_the_terminal_does_not_reach_the_servers() {
    let mut command = Command::new("sh");
    // The program itself ignores the signal, as one that drains does.
    command.args(["-c", "trap '' INT; exec \"$0\""]).arg(hold_program());
    let holder = Holder::start(command);
    kill_process_group(holder.pid(), Signal::INT).unwrap();
    for _ in 0..10 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        query(&holder.database_url, "SELECT 1").unwrap();
        assert!(lives(holder.nats));
    }
    holder.finish();
}

#[test]
fn the_servers_outlive_the_thread_that_asked_for_them() {
    let started = std::thread::spawn(|| vaultstream_embedded::Servers::temporary().unwrap());
    let servers = started.join().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    query(servers.database_url(), "SELECT 1").unwrap();
    assert!(servers.nats_pid().is_some());
}
