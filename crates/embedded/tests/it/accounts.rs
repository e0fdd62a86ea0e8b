//! Who the servers run as.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;
use vaultstream_embedded::{Options, Servers};

use crate::probe::{Holder, Scratch, hold_program, query, user_of};

const NOBODY: u32 = 65534;

#[test]
fn root_is_never_who_the_servers_run_as() {
    let servers = Servers::temporary().unwrap();
    for pid in [servers.postgres_pid().unwrap(), servers.nats_pid().unwrap()] {
        let user = user_of(pid);
        assert_ne!(user, 0);
        assert!(geteuid().is_root() || user == geteuid().as_raw());
    }
    // The servers' user can pass through the data-dir, and has no business with the key.
    let key = fs::metadata(servers.kek_file().unwrap()).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&key), geteuid().as_raw());
}

#[test]
fn a_directory_the_servers_user_cannot_reach_is_linked_to_one_it_can() {
    let scratch = Scratch::new("closed");
    fs::create_dir(scratch.join("closed")).unwrap();
    fs::set_permissions(scratch.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    let dir = scratch.join("closed/data");
    let servers = Servers::start(&Options::kept(&dir)).unwrap();
    query(servers.database_url(), "CREATE TABLE kept ()").unwrap();
    servers.stop();

    let linked = fs::symlink_metadata(dir.join("servers")).unwrap().is_symlink();
    assert_eq!(linked, geteuid().is_root());
    let servers = Servers::start(&Options::kept(&dir)).unwrap();
    query(servers.database_url(), "SELECT FROM kept").unwrap();
    servers.stop();
    fs::remove_dir_all(fs::canonicalize(dir.join("servers")).unwrap()).unwrap();
}

#[test]
fn a_user_without_any_rights_runs_them_as_itself() {
    let scratch = Scratch::new("nobody");
    let (program, home) = (scratch.join("hold"), scratch.join("home"));
    fs::copy(hold_program(), &program).unwrap();
    fs::create_dir(&home).unwrap();
    let named = std::env::var_os("VAULTSTREAM_TOOLS").map(PathBuf::from);
    let above =
        || Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join(".tools")).find(|dir| dir.exists());
    let tools = named.or_else(above).and_then(|tools| tools.canonicalize().ok());

    let mut command = Command::new("setpriv");
    let user = if geteuid().is_root() {
        chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        NOBODY
    } else {
        command.arg("--no-new-privs");
        geteuid().as_raw()
    };
    command.arg(program).arg(home.join("data")).env("HOME", &home).env("TMPDIR", &home);
    if let Some(tools) = tools {
        command.env("VAULTSTREAM_TOOLS", tools);
    }
    let holder = Holder::start(command);
    assert_eq!([user_of(holder.postgres), user_of(holder.nats)], [user; 2]);
    assert_eq!(fs::metadata(home.join("data")).unwrap().permissions().mode() & 0o777, 0o700);
    holder.finish();
}
