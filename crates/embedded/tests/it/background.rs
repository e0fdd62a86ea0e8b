//! Servers that run without a parent.

use std::fs;
use std::path::PathBuf;

use vaultstream_embedded::background::{Status, down, status, up};
use vaultstream_embedded::{DataDirError, Options, Servers, StartError, attach};

use crate::probe::{Scratch, nats_takes, query};

/// Ends them when the test fails half-way, too.
struct Downed(PathBuf);

impl Drop for Downed {
    fn drop(&mut self) {
        let _ = down(&self.0);
    }
}

#[test]
fn background_servers_are_used_by_many_runs_and_stopped_only_by_down() {
    let scratch = Scratch::new("background");
    let dir = scratch.join("data");
    let _downed = Downed(dir.clone());
    assert_eq!(status(&dir).unwrap(), Status::Down);
    assert!(!down(&dir).unwrap());

    let Status::Up { database_url, nats_url } = up(&dir).unwrap() else { panic!("not up") };
    assert_eq!(up(&dir).unwrap(), status(&dir).unwrap());

    let (one, other) = (Servers::start(&Options::kept(&dir)).unwrap(), Servers::start(&Options::kept(&dir)).unwrap());
    assert_eq!((one.database_url(), other.nats_url()), (&*database_url, &*nats_url));
    let refused = down(&dir).unwrap_err();
    assert!(matches!(refused, StartError::DataDir(DataDirError::InUse { .. })), "{refused:?}");
    drop((one, other));
    assert_eq!(attach(&dir).unwrap().database_url(), database_url);

    query(&database_url, "CREATE TABLE kept ()").unwrap();
    assert!(nats_takes(&nats_url));
    assert!(down(&dir).unwrap());
    assert_eq!(status(&dir).unwrap(), Status::Down);
    assert!(query(&database_url, "SELECT 1").is_err());
    assert!(!nats_takes(&nats_url));

    let servers = Servers::start(&Options::kept(&dir)).unwrap();
    query(servers.database_url(), "SELECT FROM kept").unwrap();
    assert!(matches!(status(&dir).unwrap(), Status::InUse { .. }));
}

#[test]
fn servers_that_are_not_recorded_are_stopped_before_new_ones_start() {
    let scratch = Scratch::new("leftover");
    let dir = scratch.join("data");
    let _downed = Downed(dir.clone());
    let Status::Up { nats_url, .. } = up(&dir).unwrap() else { panic!("not up") };
    fs::remove_file(dir.join("background")).unwrap();

    let servers = Servers::start(&Options::kept(&dir)).unwrap();
    query(servers.database_url(), "SELECT 1").unwrap();
    assert_ne!(servers.nats_url(), nats_url);
    assert!(!nats_takes(&nats_url));
}
