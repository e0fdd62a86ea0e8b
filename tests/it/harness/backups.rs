//! A database server as it was before, and another one that follows it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use vaultstream_embedded::{Options, Servers};

use super::{Lines, Site, blocking, until};

/// The files of a database server as they were when it was stopped for a moment.
pub(crate) struct Backup(TempDir);

/// A hot standby that gets what its primary writes through a relay of its own.
pub(crate) struct Standby {
    pub(crate) servers: Servers,
    /// Held, nothing of what the primary commits arrives.
    pub(crate) follows: Lines,
    _files: Backup,
}

impl Site {
    /// Copies the server's files, which takes it away for a moment.
    pub(crate) async fn back_up(&self) -> Backup {
        let dir = tempfile::tempdir().unwrap();
        // The user who runs the servers has to pass through.
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
        let (from, to) = (files_of(self.servers.data_dir()), dir.path().join("servers"));
        self.servers(move |servers| {
            servers.stop_postgres();
            copy(&from, &to);
            servers.start_postgres().unwrap();
        })
        .await;
        Backup(dir)
    }

    /// Kills the server and starts it with the files of then.
    pub(crate) async fn restore(&self, backup: Backup) {
        let to = files_of(self.servers.data_dir()).join("postgres");
        self.servers(move |servers| {
            servers.kill_postgres();
            std::fs::remove_dir_all(&to).unwrap();
            copy(&backup.0.path().join("servers/postgres"), &to);
            servers.start_postgres().unwrap();
        })
        .await;
    }

    /// An asynchronous standby, which has everything that is committed now.
    pub(crate) async fn standby(&self) -> Standby {
        let hba = files_of(self.servers.data_dir()).join("postgres/pg_hba.conf");
        let rules = std::fs::read_to_string(&hba).unwrap();
        std::fs::write(&hba, rules + "local replication all trust\n").unwrap();
        let files = self.back_up().await;
        std::fs::write(files.0.path().join("servers/postgres/standby.signal"), "").unwrap();
        let follows = Lines::to(self).await;
        let from = format!("'host=127.0.0.1 port={} user=vaultstream sslmode=disable'", follows.postgres.port);
        let options = Options::kept(files.0.path()).postgres_only().setting("primary_conninfo", &from);
        let servers = blocking(move || Servers::start(&options).unwrap()).await;
        let standby = Standby { servers, follows, _files: files };
        until("the standby follows", || async { self.number("SELECT count(*) FROM pg_stat_replication").await == 1 })
            .await;
        standby
    }
}

impl Standby {
    /// Makes it the primary, with what it has.
    pub(crate) async fn promote(&self, site: &mut Site) {
        let (_, database) = site.database_url.rsplit_once('/').unwrap();
        let (server, _) = self.servers.database_url().rsplit_once('/').unwrap();
        site.database_url = format!("{server}/{database}");
        let promoted = site.sql().await.query_one("SELECT pg_promote(true, 60)", &[]).await.unwrap();
        assert!(promoted.get::<_, bool>(0), "the standby was not promoted");
    }
}

fn files_of(data_dir: &Path) -> PathBuf {
    data_dir.join("servers").canonicalize().unwrap()
}

/// With owners and modes.
fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}
