//! Which user the servers run as, and what that user can reach.
//!
//! Postgres refuses to run as root, so under root both servers run as another user.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

/// Users that may run the servers when we are root, in order of preference.
const CANDIDATES: [&str; 3] = ["vaultstream", "postgres", "nobody"];

/// Why no user for the servers was found.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// /etc/passwd cannot be read.
    #[error("failed to read /etc/passwd")]
    Passwd(#[source] io::Error),
    /// None of the users exists.
    #[error(
        "Postgres refuses to run as root, and there is no other user to run the servers as: run `useradd --system vaultstream`, or run this as another user"
    )]
    NoUser,
}

/// The user the servers run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Account {
    /// The user that runs this process.
    Caller,
    /// Another user, since we are root.
    Other { name: String, uid: u32, gid: u32 },
}

impl Account {
    /// Chooses the user: `owner` where the servers' files already have one.
    pub(crate) fn choose(owner: Option<u32>) -> Result<Self, AccountError> {
        if !geteuid().is_root() {
            return Ok(Self::Caller);
        }
        let passwd = fs::read_to_string("/etc/passwd").map_err(AccountError::Passwd)?;
        let users = || passwd.lines().filter_map(parse_passwd).filter(|user| user.1 != 0);
        let chosen = match owner {
            Some(owner) => users().find(|user| user.1 == owner),
            None => CANDIDATES.iter().find_map(|name| users().find(|user| user.0 == *name)),
        };
        let (name, uid, gid) = chosen.ok_or(AccountError::NoUser)?;
        Ok(Self::Other { name: name.to_owned(), uid, gid })
    }

    /// The user's id.
    pub(crate) fn uid(&self) -> u32 {
        match self {
            Self::Caller => geteuid().as_raw(),
            Self::Other { uid, .. } => *uid,
        }
    }

    /// A name for messages.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Caller => "the current user",
            Self::Other { name, .. } => name,
        }
    }

    /// Creates a directory that only this user and root can enter. An existing directory is not changed.
    pub(crate) fn private_dir(&self, dir: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(dir) {
            Ok(()) => self.own(dir),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes this user the owner of a file we created.
    pub(crate) fn own(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Caller => Ok(()),
            Self::Other { uid, gid, .. } => chown(path, Some(*uid), Some(*gid)),
        }
    }

    /// The first directory on the way to `path` that this user may not enter, judged by modes (not by ACLs).
    pub(crate) fn blocked_at(&self, path: &Path) -> Option<PathBuf> {
        let Self::Other { uid, gid, .. } = self else { return None };
        let mut ways: Vec<&Path> = path.ancestors().collect();
        ways.reverse();
        ways.into_iter()
            .filter_map(|dir| fs::metadata(dir).ok().map(|meta| (dir, meta)))
            .find(|(_, meta)| !may_execute(meta, *uid, *gid))
            .map(|(dir, _)| dir.to_owned())
    }
}

/// True when the mode lets the user enter (a directory) or run (a file).
fn may_execute(meta: &Metadata, uid: u32, gid: u32) -> bool {
    let bit = if meta.uid() == uid {
        0o100
    } else if meta.gid() == gid {
        0o010
    } else {
        0o001
    };
    meta.permissions().mode() & bit != 0
}

/// Name, uid and gid of a line of /etc/passwd.
fn parse_passwd(line: &str) -> Option<(&str, u32, u32)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some((name, uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passwd_line_gives_name_and_ids() {
        assert_eq!(parse_passwd("nobody:x:65534:65533:nobody:/nonexistent:/bin/false"), Some(("nobody", 65534, 65533)));
        assert_eq!(parse_passwd("+::::::"), None);
        assert_eq!(parse_passwd(""), None);
    }

    #[test]
    fn a_closed_directory_on_the_way_is_named() {
        let dir = std::env::temp_dir().join(format!("vaultstream-account-{}", std::process::id()));
        fs::create_dir_all(dir.join("inner")).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
        let stranger = Account::Other { name: "stranger".into(), uid: 4_000_000, gid: 4_000_000 };
        assert_eq!(stranger.blocked_at(&dir.join("inner/deeper")), Some(dir.clone()));
        assert_eq!(Account::Caller.blocked_at(&dir.join("inner")), None);
        fs::remove_dir_all(dir).unwrap();
    }
}
