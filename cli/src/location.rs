//! Where a command finds its ledger. A flag takes precedence over the environment, and there `VAULTSTREAM_DATABASE_URL` over
//! `DATABASE_URL`, which other programs set for themselves.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use vaultstream_ledger::Ledger;

use crate::{
    output,
    shell::{quoted, without_secret},
};

/// The variable that only VaultStream reads.
const OUR_URL: &str = "VAULTSTREAM_DATABASE_URL";
/// The variable that other programs read, too.
const SHARED_URL: &str = "DATABASE_URL";
const OUR_DIR: &str = "VAULTSTREAM_DATA_DIR";

/// Who named a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// `--database-url`.
    Flag,
    /// `VAULTSTREAM_DATABASE_URL`.
    Ours,
    /// `DATABASE_URL`, perhaps meant for another program.
    Shared,
    /// A Secret of a cluster.
    Cluster,
}

/// A database that was named, and a data-dir.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LedgerLocation {
    /// The ledger's URL, unless a private Postgres is meant. A secret.
    pub(crate) database: Option<(String, NamedBy)>,
    /// The folder of private servers; beside a database it holds the key-encryption key.
    pub(crate) data_dir: Option<PathBuf>,
    /// The data-dir was a flag.
    dir_by_flag: bool,
}

impl LedgerLocation {
    /// Reads the flags, then the environment. Says on stderr when one of them is not used, or only in part.
    pub(crate) fn of(url: Option<&str>, dir: Option<&Path>) -> Self {
        let location = choose(url, dir, &|name| std::env::var_os(name));
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match (&location.database, &location.data_dir) {
            (None, Some(_)) if location.dir_by_flag && set(OUR_URL) => {
                output::remark_once(format_args!("{OUR_URL} is not used: --data-dir was given"));
            }
            (Some((_, NamedBy::Flag)), Some(dir)) if location.dir_by_flag => output::remark_once(format_args!(
                "--database-url has the ledger; {} is only for the key-encryption key and for NATS",
                dir.display()
            )),
            _ => {}
        }
        location
    }

    /// That of a cluster, whose Secret has the URL.
    pub(crate) fn of_cluster() -> Self {
        Self { database: Some((String::new(), NamedBy::Cluster)), data_dir: None, dir_by_flag: false }
    }

    /// Whether the ledger is deleted at the end of the run.
    pub(crate) fn is_temporary(&self) -> bool {
        self.database.is_none() && self.data_dir.is_none()
    }

    /// The flags by which another command finds the same ledger, each after a blank, without passwords.
    pub(crate) fn flags(&self) -> String {
        match (&self.database, &self.data_dir) {
            (Some((_, NamedBy::Ours | NamedBy::Shared | NamedBy::Cluster)), _) | (None, None) => String::new(),
            (Some((url, NamedBy::Flag)), _) => format!(" --database-url {}", without_secret(url)),
            (None, Some(_)) if !self.dir_by_flag => String::new(),
            (None, Some(dir)) => format!(" --data-dir {}", quoted(&dir.to_string_lossy())),
        }
    }

    /// Names the ledger on stderr; `more` follows the version.
    pub(crate) fn tell(&self, ledger: &Ledger, version: u32, more: &str) {
        let described = self.describe(ledger.place());
        // A command that waits for a job calls this at every poll.
        output::remark_once(format_args!("ledger: {described}, schema version {version}{more}"));
    }

    /// The database, and why it was chosen where that is no flag.
    fn describe(&self, connected_to: &str) -> String {
        let whose = match &self.database {
            Some((_, NamedBy::Shared)) => format!(" ({SHARED_URL} of the environment says so)"),
            Some(_) => String::new(),
            None => match &self.data_dir {
                Some(dir) => format!(" (private, in {})", dir.display()),
                None => " (private and temporary)".to_owned(),
            },
        };
        let named = match (&self.database, connected_to.split_once(", database ")) {
            (None, _) => "a Postgres of its own".to_owned(),
            (Some(_), Some((host, database))) => format!("database {database} on {host}"),
            (Some(_), None) => connected_to.to_owned(),
        };
        format!("{named}{whose}")
    }
}

fn choose(url: Option<&str>, dir: Option<&Path>, environment: &dyn Fn(&str) -> Option<OsString>) -> LedgerLocation {
    let text = |name| environment(name)?.into_string().ok().filter(|value| !value.trim().is_empty());
    let our_dir = environment(OUR_DIR).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let dir_by_flag = dir.is_some();
    let by_flag = url.filter(|url| !url.trim().is_empty()).map(|url| (url.to_owned(), NamedBy::Flag));
    let database = match (by_flag, dir_by_flag, text(OUR_URL)) {
        (Some(named), ..) => Some(named),
        (None, true, _) => None,
        (None, false, Some(url)) => Some((url, NamedBy::Ours)),
        (None, false, None) if our_dir.is_some() => None,
        (None, false, None) => text(SHARED_URL).map(|url| (url, NamedBy::Shared)),
    };
    LedgerLocation { database, data_dir: dir.map(Path::to_owned).or(our_dir), dir_by_flag }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        url: Option<&str>,
        dir: Option<&str>,
        environment: &[(&str, &str)],
    ) -> (Option<(String, NamedBy)>, Option<PathBuf>) {
        let location = choose(url, dir.map(Path::new), &|name| {
            environment.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value))
        });
        (location.database, location.data_dir)
    }

    #[test]
    fn a_flag_precedes_the_environment_and_our_own_names_precede_the_shared_one() {
        let all = [(OUR_URL, "ours"), (SHARED_URL, "shared"), (OUR_DIR, "/env")];
        let url = |url: &str, by| Some((url.to_owned(), by));
        let dir = |dir: &str| Some(PathBuf::from(dir));
        assert_eq!(chosen(Some("flag"), None, &all), (url("flag", NamedBy::Flag), dir("/env")));
        assert_eq!(chosen(Some("flag"), Some("/flag"), &all), (url("flag", NamedBy::Flag), dir("/flag")));
        assert_eq!(chosen(None, Some("/flag"), &all), (None, dir("/flag")));
        assert_eq!(chosen(None, None, &all), (url("ours", NamedBy::Ours), dir("/env")));
        assert_eq!(chosen(None, None, &all[..2]), (url("ours", NamedBy::Ours), None));
        assert_eq!(chosen(None, None, &all[1..]), (None, dir("/env")));
        assert_eq!(chosen(None, None, &all[1..2]), (url("shared", NamedBy::Shared), None));
        assert_eq!(chosen(Some(" "), None, &[(OUR_URL, ""), (SHARED_URL, " ")]), (None, None));
    }

    #[test]
    fn what_a_command_is_told_to_be_run_with_holds_no_password() {
        let flags = |url: &str| choose(Some(url), None, &|_| None).flags();
        assert_eq!(flags("postgres://me@host/db"), " --database-url postgres://me@host/db");
        assert_eq!(flags("postgres://me:secret@host/db"), " --database-url URL");
        assert_eq!(flags("postgres://host/db?user=me&password=secret"), " --database-url URL");
        assert_eq!(flags("host=a password=secret"), " --database-url URL");
        assert_eq!(choose(None, Some(Path::new("/my data")), &|_| None).flags(), " --data-dir '/my data'");
        assert_eq!(choose(None, None, &|_| None).flags(), "");
    }

    #[test]
    fn the_ledger_is_named_with_the_reason_why_it_was_chosen() {
        let described = |url: Option<&str>, dir: Option<&str>, environment: &[(&str, &str)]| {
            let location = choose(url, dir.map(Path::new), &|name| {
                environment.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value))
            });
            location.describe("db.example:5432, database orders")
        };
        assert_eq!(described(Some("postgres://a"), None, &[]), "database orders on db.example:5432");
        assert_eq!(
            described(None, None, &[(SHARED_URL, "postgres://a")]),
            "database orders on db.example:5432 (DATABASE_URL of the environment says so)"
        );
        assert_eq!(described(None, None, &[(OUR_URL, "postgres://a")]), "database orders on db.example:5432");
        assert_eq!(described(None, Some("/data"), &[]), "a Postgres of its own (private, in /data)");
        assert_eq!(described(None, None, &[]), "a Postgres of its own (private and temporary)");
    }
}
