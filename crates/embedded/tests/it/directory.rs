//! Data-dirs: busy, long, closed, not a directory, read by others.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use vaultstream_embedded::{AttachError, DataDirError, NatsError, Options, Servers, StartError, attach};

use crate::probe::{Scratch, query};

#[test]
fn two_at_once_on_one_directory_are_told_apart_in_one_sentence() {
    let scratch = Scratch::new("busy");
    let dir = scratch.join("data");
    let servers = Servers::start(&Options::kept(&dir)).unwrap();
    let refused = Servers::start(&Options::kept(&dir)).unwrap_err();
    assert!(matches!(refused, StartError::DataDir(DataDirError::InUse { .. })), "{refused:?}");
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
    query(servers.database_url(), "SELECT 1").unwrap();
    servers.stop();
    Servers::start(&Options::kept(&dir)).unwrap();
}

#[test]
fn a_path_too_long_for_a_socket_works_and_its_short_directory_goes_away() {
    let scratch = Scratch::new("long");
    let dir = scratch.join(&"long".repeat(25)).join(&*"längér'\"\\ ".repeat(3));
    let servers = Servers::start(&Options::kept(&dir)).unwrap();
    query(servers.database_url(), "CREATE TABLE kept ()").unwrap();
    let short = fs::read_to_string(dir.join("socket-dir")).unwrap();
    assert_eq!(fs::metadata(&short).unwrap().permissions().mode() & 0o777, 0o700);
    servers.stop();
    assert!(!fs::exists(&short).unwrap());
    let attached = attach(&dir).unwrap();
    query(attached.database_url(), "SELECT FROM kept").unwrap();
}

#[test]
fn a_file_is_no_data_dir() {
    let scratch = Scratch::new("file");
    fs::write(scratch.join("file"), "").unwrap();
    let refused = Servers::start(&Options::kept(scratch.join("file"))).unwrap_err();
    assert!(matches!(refused, StartError::DataDir(DataDirError::Unusable { .. })), "{refused:?}");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let scratch = Scratch::new("key");
    fs::write(scratch.join("kek"), "key").unwrap();
    fs::set_permissions(scratch.join("kek"), fs::Permissions::from_mode(0o640)).unwrap();
    let refused = vaultstream_embedded::kek_file(&scratch.0).unwrap_err();
    assert!(refused.to_string().contains("mode 640"), "{refused}");
}

#[test]
fn a_key_file_is_made_with_its_folder_for_servers_that_are_elsewhere() {
    let scratch = Scratch::new("folder");
    let path = vaultstream_embedded::kek_file(&scratch.join("new").join("data")).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mode = fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777;
    assert!(mode & 0o066 == 0, "{mode:o}");
}

#[test]
fn a_taken_port_is_named() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = listener.local_addr().unwrap().port();
    let options = Options { nats_port: Some(taken), ..Options::temporary().nats_only() };
    let refused = Servers::start(&options).unwrap_err();
    assert!(matches!(refused, StartError::Nats(NatsError::PortTaken { port }) if port == taken), "{refused:?}");
}

#[test]
fn reading_uses_the_postgres_of_the_run_or_starts_one_for_itself() {
    let scratch = Scratch::new("attach");
    let dir = scratch.join("data");
    let nothing = attach(&dir).unwrap_err();
    assert!(matches!(nothing, AttachError::DataDir(DataDirError::Nothing { .. })), "{nothing:?}");
    assert!(!dir.exists(), "looking made a data-dir");

    let servers = Servers::start(&Options::kept(&dir)).unwrap();
    query(servers.database_url(), "CREATE TABLE kept ()").unwrap();
    let attached = attach(&dir).unwrap();
    assert_eq!(attached.database_url(), servers.database_url());
    drop(attached);
    query(servers.database_url(), "SELECT FROM kept").unwrap();
    servers.stop();

    let attached = attach(&dir).unwrap();
    query(attached.database_url(), "SELECT FROM kept").unwrap();
    let url = attached.database_url().to_owned();
    drop(attached);
    assert!(query(&url, "SELECT 1").is_err());
}

#[test]
fn a_cluster_that_was_half_made_is_made_anew() {
    let scratch = Scratch::new("half");
    let dir = scratch.join("data");
    Servers::start(&Options::kept(&dir).nats_only()).unwrap().stop();
    fs::create_dir(dir.join("servers/postgres.new")).unwrap();
    fs::write(dir.join("servers/postgres.new/PG_VERSION"), "15").unwrap();
    let servers = Servers::start(&Options::kept(&dir).postgres_only()).unwrap();
    query(servers.database_url(), "SELECT 1").unwrap();
    assert!(!dir.join("servers/postgres.new").exists());
}

#[test]
fn data_of_a_postgres_that_is_not_here_names_both_versions() {
    let scratch = Scratch::new("major");
    let dir = scratch.join("data");
    Servers::start(&Options::kept(&dir).nats_only()).unwrap().stop();
    fs::create_dir(dir.join("servers/postgres")).unwrap();
    fs::write(dir.join("servers/postgres/PG_VERSION"), "9999\n").unwrap();
    let refused = Servers::start(&Options::kept(&dir).postgres_only()).unwrap_err();
    assert!(refused.to_string().contains("made by Postgres 9999"), "{refused}");
}

#[test]
fn a_reader_keeps_its_postgres_until_other_readers_are_done() {
    let scratch = Scratch::new("readers");
    let dir = scratch.join("data");
    Servers::start(&Options::kept(&dir).postgres_only()).unwrap().stop();

    let (first, second) = (attach(&dir).unwrap(), attach(&dir).unwrap());
    assert_eq!(first.database_url(), second.database_url());
    let ending = std::thread::spawn(move || drop(first));
    std::thread::sleep(std::time::Duration::from_millis(500));
    query(second.database_url(), "SELECT 1").unwrap();
    assert!(!ending.is_finished());
    drop(second);
    ending.join().unwrap();
    // A third one starts its own.
    query(attach(&dir).unwrap().database_url(), "SELECT 1").unwrap();
}
