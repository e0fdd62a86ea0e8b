//! Where a command finds its ledger. A flag beats the environment, and there a name of our own beats `DATABASE_URL`, which
//! other programs set for themselves.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use vaultstream_ledger::Ledger;

use crate::{
    output,
    shell::{quoted, without_secret},
};

/// Ours.
const OUR_URL: &str = "VAULTSTREAM_DATABASE_URL";
/// Anybody's.
const SHARED_URL: &str = "DATABASE_URL";
const OUR_DIR: &str = "VAULTSTREAM_DATA_DIR";

/// Who named a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `--database-url`.
    Flag,
    /// `VAULTSTREAM_DATABASE_URL`.
    Ours,
    /// `DATABASE_URL`, perhaps meant for another program.
    Shared,
}

/// A database that was named, and a data-dir.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// The ledger's URL, unless a private Postgres is meant. A secret.
    pub database: Option<(String, By)>,
    /// The folder of private servers; beside a database it holds the key-encryption key.
    pub data_dir: Option<PathBuf>,
    /// The data-dir was a flag.
    dir_by_flag: bool,
}

impl Place {
    /// What the flags say, else the environment. Remarks where one of them is not what it seems.
    pub fn of(url: Option<&str>, dir: Option<&Path>) -> Self {
        let place = choose(url, dir, &|name| std::env::var_os(name));
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match (&place.database, &place.data_dir) {
            (None, Some(_)) if place.dir_by_flag && set(OUR_URL) => {
                output::remark_once(format_args!("{OUR_URL} is not used: --data-dir was given"));
            }
            (Some((_, By::Flag)), Some(dir)) if place.dir_by_flag => output::remark_once(format_args!(
                "--database-url has the ledger; {} is only for the key-encryption key and for NATS",
                dir.display()
            )),
            _ => {}
        }
        place
    }

    /// Whether what is written goes away at the end.
    pub fn is_temporary(&self) -> bool {
        self.database.is_none() && self.data_dir.is_none()
    }

    /// Flags with which another command finds the same ledger, with a blank before each. Never a password.
    pub fn flags(&self) -> String {
        match (&self.database, &self.data_dir) {
            (Some((_, By::Ours | By::Shared)), _) | (None, None) => String::new(),
            (Some((url, By::Flag)), _) => format!(" --database-url {}", without_secret(url)),
            (None, Some(_)) if !self.dir_by_flag => String::new(),
            (None, Some(dir)) => format!(" --data-dir {}", quoted(&dir.to_string_lossy())),
        }
    }

    /// Names the ledger on stderr; `more` follows the version.
    pub fn tell(&self, ledger: &Ledger, version: u32, more: &str) {
        let whose = match &self.database {
            Some((_, By::Shared)) => format!(" ({SHARED_URL} of the environment says so)"),
            Some(_) => String::new(),
            None => match &self.data_dir {
                Some(dir) => format!(" (private, in {})", dir.display()),
                None => " (private and temporary)".to_owned(),
            },
        };
        let named = match (&self.database, ledger.place().split_once(", database ")) {
            (None, _) => "a Postgres of its own".to_owned(),
            (Some(_), Some((host, database))) => format!("database {database} on {host}"),
            (Some(_), None) => ledger.place().to_owned(),
        };
        // A command that waits for a job looks again and again.
        output::remark_once(format_args!("ledger: {named}{whose}, schema version {version}{more}"));
    }
}

fn choose(url: Option<&str>, dir: Option<&Path>, environment: &dyn Fn(&str) -> Option<OsString>) -> Place {
    let text = |name| environment(name)?.into_string().ok().filter(|value| !value.trim().is_empty());
    let our_dir = environment(OUR_DIR).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let dir_by_flag = dir.is_some();
    let by_flag = url.filter(|url| !url.trim().is_empty()).map(|url| (url.to_owned(), By::Flag));
    let database = match (by_flag, dir_by_flag, text(OUR_URL)) {
        (Some(named), ..) => Some(named),
        (None, true, _) => None,
        (None, false, Some(url)) => Some((url, By::Ours)),
        (None, false, None) if our_dir.is_some() => None,
        (None, false, None) => text(SHARED_URL).map(|url| (url, By::Shared)),
    };
    Place { database, data_dir: dir.map(Path::to_owned).or(our_dir), dir_by_flag }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        url: Option<&str>,
        dir: Option<&str>,
        environment: &[(&str, &str)],
    ) -> (Option<(String, By)>, Option<PathBuf>) {
        let place = choose(url, dir.map(Path::new), &|name| {
            environment.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value))
        });
        (place.database, place.data_dir)
    }

    #[test]
    fn a_flag_beats_the_environment_and_our_own_names_beat_the_one_that_all_share() {
        let all = [(OUR_URL, "ours"), (SHARED_URL, "shared"), (OUR_DIR, "/env")];
        let url = |url: &str, by| Some((url.to_owned(), by));
        let dir = |dir: &str| Some(PathBuf::from(dir));
        assert_eq!(chosen(Some("flag"), None, &all), (url("flag", By::Flag), dir("/env")));
        assert_eq!(chosen(Some("flag"), Some("/flag"), &all), (url("flag", By::Flag), dir("/flag")));
        assert_eq!(chosen(None, Some("/flag"), &all), (None, dir("/flag")));
        assert_eq!(chosen(None, None, &all), (url("ours", By::Ours), dir("/env")));
        assert_eq!(chosen(None, None, &all[..2]), (url("ours", By::Ours), None));
        assert_eq!(chosen(None, None, &all[1..]), (None, dir("/env")));
        assert_eq!(chosen(None, None, &all[1..2]), (url("shared", By::Shared), None));
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
}
