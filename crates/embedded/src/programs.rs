//! Where the server programs are.
//!
//! Looked for in this order: `$VAULTSTREAM_TOOLS`, a `.tools` folder above this program (what `make tools` fills), PATH,
//! and the places where distributions keep Postgres' server programs, the newest first.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::Account;

/// The oldest Postgres that the ledger is tested on.
const LEAST_MAJOR: u32 = 15;

/// Why a program cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProgramsError {
    /// It is not on this machine.
    #[error("{program} was not found: run `make tools`, put it on PATH, or set VAULTSTREAM_TOOLS to its folder")]
    Missing {
        /// The program.
        program: &'static str,
    },
    /// The user who would run it cannot enter its folder.
    #[error("user {user} cannot run {path}: open {blocked} to it, or install {program} system-wide", path = path.display(), blocked = blocked.display())]
    Unreachable {
        /// The program.
        program: &'static str,
        /// Its path.
        path: PathBuf,
        /// The directory that the user cannot enter.
        blocked: PathBuf,
        /// The user.
        user: String,
    },
    /// Only older versions were found.
    #[error(
        "Postgres {LEAST_MAJOR} or newer is needed, but only {found} was found: run `make tools`, or install a newer one"
    )]
    TooOld {
        /// The major versions on this machine.
        found: String,
    },
    /// The data needs another major version than the ones found.
    #[error(
        "the data-dir was made by Postgres {wanted}, but only Postgres {found} was found: install Postgres {wanted}, or choose another data-dir"
    )]
    OtherMajor {
        /// The major version of the data.
        wanted: u32,
        /// The major versions on this machine.
        found: String,
    },
}

/// The directory with `postgres` and `initdb`; of major version `wanted` when the data exists already.
pub(crate) fn postgres_bin(account: &Account, wanted: Option<u32>) -> Result<PathBuf, ProgramsError> {
    let mut blocked = None;
    let mut majors = Vec::new();
    let dirs = tools().map(|tools| tools.join("postgres/bin")).chain(path_dirs()).chain(distribution_dirs());
    for dir in dirs {
        let Some(bin) = dir.join("postgres").canonicalize().ok().and_then(|p| p.parent().map(Path::to_owned)) else {
            continue;
        };
        if !bin.join("initdb").is_file() {
            continue;
        }
        if let Some(closed) = account.blocked_at(&bin.join("postgres")) {
            blocked.get_or_insert((bin.join("postgres"), closed));
            continue;
        }
        match major(&bin) {
            Some(found) if wanted.map_or(found >= LEAST_MAJOR, |wanted| found == wanted) => return Ok(bin),
            Some(found) if !majors.contains(&found) => majors.push(found),
            _ => {}
        }
    }
    if majors.is_empty() {
        return Err(missing("postgres", blocked, account));
    }
    let found = majors.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    Err(match wanted {
        Some(wanted) => ProgramsError::OtherMajor { wanted, found },
        None => ProgramsError::TooOld { found },
    })
}

/// The nats-server program.
pub(crate) fn nats_server(account: &Account) -> Result<PathBuf, ProgramsError> {
    let mut blocked = None;
    for dir in tools().map(|tools| tools.join("bin")).chain(path_dirs()) {
        let Some(program) = dir.join("nats-server").canonicalize().ok().filter(|path| path.is_file()) else {
            continue;
        };
        match account.blocked_at(&program) {
            None => return Ok(program),
            Some(closed) => _ = blocked.get_or_insert((program, closed)),
        }
    }
    Err(missing("nats-server", blocked, account))
}

fn missing(program: &'static str, blocked: Option<(PathBuf, PathBuf)>, account: &Account) -> ProgramsError {
    match blocked {
        Some((path, blocked)) => ProgramsError::Unreachable { program, path, blocked, user: account.name().to_owned() },
        None => ProgramsError::Missing { program },
    }
}

/// `$VAULTSTREAM_TOOLS`, then `.tools` of every directory above this program, or above the crate under `cargo test`.
fn tools() -> impl Iterator<Item = PathBuf> {
    let named = env::var_os("VAULTSTREAM_TOOLS").map(PathBuf::from);
    let above: Vec<PathBuf> = [env::current_exe().ok(), env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)]
        .into_iter()
        .flatten()
        .flat_map(|start| start.ancestors().map(|dir| dir.join(".tools")).collect::<Vec<_>>())
        .collect();
    named.into_iter().chain(above)
}

fn path_dirs() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).filter(|dir| dir.is_absolute()).collect::<Vec<_>>().into_iter()
}

/// Debian's `/usr/lib/postgresql/N/bin` and Red Hat's `/usr/pgsql-N/bin`, the greatest N first.
fn distribution_dirs() -> impl Iterator<Item = PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let number = entry.file_name().to_str().and_then(|name| name.strip_prefix(prefix)?.parse().ok());
            if let Some(number) = number {
                found.push((number, entry.path().join("bin")));
            }
        }
    }
    found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    found.into_iter().map(|(_, dir)| dir)
}

/// The major version of the Postgres in `bin`, from `postgres (PostgreSQL) 15.18 (Debian …)`.
fn major(bin: &Path) -> Option<u32> {
    let output = Command::new(bin.join("postgres")).arg("--version").env_remove("PGDATA").output().ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

fn parse_major(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// True when `name` can be found on PATH.
pub(crate) fn on_path(name: impl AsRef<OsStr>) -> bool {
    path_dirs().any(|dir| dir.join(name.as_ref()).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_the_version_line() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(parse_major("nonsense"), None);
    }
}
