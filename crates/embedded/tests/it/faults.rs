//! Each server killed and restarted under the same address.

use vaultstream_embedded::{Options, Servers};

use crate::probe::{create_stream, has_stream, nats_takes, query};

#[test]
fn postgres_comes_back_with_its_data_after_a_stop_and_after_a_crash() {
    let servers = Servers::start(&Options::temporary().postgres_only()).unwrap();
    let url = servers.database_url();
    query(url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS id").unwrap();

    servers.restart_postgres().unwrap();
    assert_eq!(query(url, "SELECT count(*) FROM kept").unwrap(), ["1000"]);

    for round in 1..=3 {
        query(url, &format!("INSERT INTO kept VALUES ({})", 1000 + round)).unwrap();
        servers.kill_postgres();
        assert_eq!(servers.postgres_pid(), None);
        assert!(query(url, "SELECT 1").is_err());
        servers.start_postgres().unwrap();
        assert_eq!(query(url, "SELECT count(*) FROM kept").unwrap(), [(1000 + round).to_string()]);
    }
}

#[test]
fn nats_comes_back_on_its_port_with_its_streams_unless_they_are_wiped() {
    let servers = Servers::start(&Options::temporary().nats_only()).unwrap();
    let url = servers.nats_url();
    create_stream(url, "some");

    servers.restart_nats().unwrap();
    assert!(has_stream(url, "some"));

    servers.kill_nats();
    assert_eq!(servers.nats_pid(), None);
    assert!(!nats_takes(url));
    servers.start_nats().unwrap();
    assert!(nats_takes(url));

    servers.wipe_jetstream().unwrap();
    assert!(!has_stream(url, "some"));
}

#[test]
fn a_server_that_was_not_asked_for_cannot_be_restarted() {
    let servers = Servers::start(&Options::temporary().nats_only()).unwrap();
    let refused = servers.restart_postgres().unwrap_err();
    assert_eq!(refused.to_string(), "this process has not started Postgres");
}
