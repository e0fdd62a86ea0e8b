//! Start, use, stop.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use vaultstream_embedded::{Options, Servers};

use crate::probe::{Scratch, create_stream, has_stream, lives, nats_takes, query};

#[test]
fn temporary_servers_answer_and_leave_nothing_behind() {
    let servers = Servers::temporary().unwrap();
    assert_eq!(query(servers.database_url(), "SELECT current_database()").unwrap(), ["vaultstream"]);
    create_stream(servers.nats_url(), "some");
    let pids = [servers.postgres_pid().unwrap(), servers.nats_pid().unwrap()];
    let dir = servers.data_dir().to_owned();
    servers.stop();
    assert!(pids.iter().all(|pid| !lives(*pid)));
    assert!(!dir.exists());
}

#[test]
fn every_commit_is_durable_and_nothing_listens_on_the_network() {
    let servers = Servers::start(&Options::temporary().postgres_only()).unwrap();
    let setting = |name: &str| query(servers.database_url(), &format!("SHOW {name}")).unwrap().remove(0);
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(setting(name), "on", "{name}");
    }
    assert_eq!(setting("listen_addresses"), "");
    assert_eq!(setting("server_encoding"), "UTF8");
    let collation =
        query(servers.database_url(), "SELECT datcollate FROM pg_database WHERE datname = current_database()");
    assert_eq!(collation.unwrap(), ["C"]);
}

#[test]
fn nats_refuses_clients_without_the_token() {
    let servers = Servers::start(&Options::temporary().nats_only()).unwrap();
    let (_, address) = servers.nats_url().split_once('@').unwrap();
    assert!(nats_takes(servers.nats_url()));
    assert!(!nats_takes(&format!("nats://{address}")));
    assert!(!nats_takes(&format!("nats://0123456789abcdef@{address}")));
    let token = servers.nats_url().trim_start_matches("nats://").split('@').next().unwrap();
    assert!(!format!("{servers:?}").contains(token), "the token shows in Debug output");
}

#[test]
fn a_kept_directory_goes_on_with_its_data_and_its_key() {
    let scratch = Scratch::new("kept");
    let dir = scratch.join("data");
    let servers = Servers::start(&Options::kept(&dir)).unwrap();
    query(servers.database_url(), "CREATE TABLE kept AS SELECT 42 AS answer").unwrap();
    create_stream(servers.nats_url(), "kept");
    let key = fs::read_to_string(servers.kek_file().unwrap()).unwrap();
    assert_eq!(fs::metadata(servers.kek_file().unwrap()).unwrap().permissions().mode() & 0o777, 0o600);
    servers.stop();

    let servers = Servers::start(&Options::kept(&dir)).unwrap();
    assert_eq!(query(servers.database_url(), "SELECT answer FROM kept").unwrap(), ["42"]);
    assert!(has_stream(servers.nats_url(), "kept"));
    assert_eq!(fs::read_to_string(servers.kek_file().unwrap()).unwrap(), key);
}

#[test]
fn each_test_can_have_a_database_of_its_own() {
    let servers = Servers::start(&Options::temporary().postgres_only()).unwrap();
    let (one, other) = (servers.create_database().unwrap(), servers.create_database().unwrap());
    query(&one, "CREATE TABLE mine ()").unwrap();
    assert!(query(&other, "SELECT FROM mine").is_err());
}

#[test]
fn a_caller_can_change_a_setting() {
    let options = Options::temporary().postgres_only().setting("max_connections", "17");
    let servers = Servers::start(&options).unwrap();
    assert_eq!(query(servers.database_url(), "SHOW max_connections").unwrap(), ["17"]);
}
