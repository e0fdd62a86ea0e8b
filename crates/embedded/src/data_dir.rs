//! The directory of an embedded run: it is created, locked, and given to the user the servers run as.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf, absolute};

use rustix::process::geteuid;

use crate::account::{Account, AccountError};

/// Where the servers' directory is created when their user cannot reach the data-dir.
const SYSTEM_DATA: &str = "/var/lib/vaultstream/data";
/// Temporary data-dirs are called this and eight hex digits.
pub(crate) const TEMPORARY_PREFIX: &str = "vaultstream-";

/// Why a data-dir cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The file system refuses access.
    #[error("failed to use {path} for the servers' data: choose another data-dir, or correct the permissions", path = path.display())]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// There is no space left.
    #[error("the disk is full: free some space on the file system of {path}, and run again", path = path.display())]
    DiskFull {
        /// The file that was to be written.
        path: PathBuf,
    },
    /// Another run holds it.
    #[error("the data-dir {path} is in use by {holder}: wait for it, stop it, or choose another data-dir", path = path.display())]
    InUse {
        /// The data-dir.
        path: PathBuf,
        /// The other process.
        holder: String,
    },
    /// It belongs to another user's servers.
    #[error("the data-dir {path} belongs to the user with id {uid}: run as that user or choose another data-dir", path = path.display())]
    NotOurs {
        /// The data-dir.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// The user the servers run as cannot enter it.
    #[error("user {user}, who runs the servers, cannot enter {blocked}: open it to that user, or choose another data-dir", blocked = blocked.display())]
    Unreachable {
        /// The directory that is closed to the user.
        blocked: PathBuf,
        /// The user's name.
        user: String,
    },
    /// Not valid UTF-8, which a connection URL needs.
    #[error("the path {path} is not valid UTF-8: choose another data-dir", path = path.display())]
    NotText {
        /// The data-dir.
        path: PathBuf,
    },
    /// Nothing has been run there.
    #[error("{path} is not a data-dir: nothing was ever run there; check --data-dir", path = path.display())]
    Nothing {
        /// The data-dir.
        path: PathBuf,
    },
    /// There is no user to run the servers as.
    #[error(transparent)]
    Account(#[from] AccountError),
}

/// Adds the path to a system error.
pub(crate) fn unusable(path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source: io::Error| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DataDirError::DiskFull { path },
        _ => DataDirError::Unusable { path, source },
    }
}

/// A data-dir that exists, with its lock file open; not locked yet.
#[derive(Debug)]
pub(crate) struct OpenDataDir {
    /// Absolute, without links.
    pub(crate) root: PathBuf,
    lock: File,
}

impl OpenDataDir {
    /// Creates a temporary data-dir and locks it.
    pub(crate) fn temporary() -> Result<Self, DataDirError> {
        loop {
            let dir = env::temp_dir().join(format!("{TEMPORARY_PREFIX}{:08x}", rand::random::<u32>()));
            match DirBuilder::new().mode(root_mode()).create(&dir) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(unusable(&dir)(source)),
                Ok(()) => {
                    open_to_servers(&dir)?;
                    let data_dir = Self::open(&dir)?;
                    match data_dir.lock_alone() {
                        // Another run removed it between its creation and the lock.
                        Err(DataDirError::InUse { .. }) => {}
                        outcome => return outcome.map(|()| data_dir),
                    }
                }
            }
        }
    }

    /// Opens a data-dir that is kept, and creates it if it is missing.
    pub(crate) fn kept(dir: &Path) -> Result<Self, DataDirError> {
        let dir = absolute(dir).map_err(unusable(dir))?;
        make_folder(&dir)?;
        Self::open(&dir)
    }

    /// Opens the data-dir of an earlier run.
    pub(crate) fn existing(dir: &Path) -> Result<Self, DataDirError> {
        if !dir.join("lock").is_file() || !dir.join("servers").exists() {
            return Err(DataDirError::Nothing { path: dir.to_owned() });
        }
        Self::open(dir)
    }

    fn open(dir: &Path) -> Result<Self, DataDirError> {
        let root = dir.canonicalize().map_err(unusable(dir))?;
        if root.to_str().is_none() {
            return Err(DataDirError::NotText { path: root });
        }
        let path = root.join("lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(&path).map_err(unusable(&path))?;
        Ok(Self { root, lock })
    }

    /// Locks the directory for this process alone, until the value is dropped.
    pub(crate) fn lock_alone(&self) -> Result<(), DataDirError> {
        self.locked(self.lock.try_lock())?;
        let mut file = &self.lock;
        let noted = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
        noted.map_err(unusable(&self.root))
    }

    /// Locks the directory together with other processes that use the same background servers.
    pub(crate) fn lock_shared(&self) -> Result<(), DataDirError> {
        self.locked(self.lock.try_lock_shared())
    }

    /// Releases the lock.
    pub(crate) fn unlock(&self) -> Result<(), DataDirError> {
        self.lock.unlock().map_err(unusable(&self.root))
    }

    fn locked(&self, outcome: Result<(), TryLockError>) -> Result<(), DataDirError> {
        outcome.map_err(|error| match error {
            TryLockError::Error(source) => unusable(&self.root)(source),
            TryLockError::WouldBlock => DataDirError::InUse { path: self.root.clone(), holder: self.holder() },
        })
    }

    fn holder(&self) -> String {
        let mut text = String::new();
        let mut file = &self.lock;
        let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
        match read {
            Ok(1..) => format!("process {text}"),
            _ => "another process".to_owned(),
        }
    }

    /// The path of a file directly in the data-dir.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The servers' directory and the user who owns it. The directory is created if it is missing.
    pub(crate) fn servers(&self) -> Result<(PathBuf, Account), DataDirError> {
        let dir = self.root.join("servers");
        if fs::symlink_metadata(&dir).is_err() {
            let account = Account::choose(None)?;
            if account.blocked_at(&self.root).is_none() {
                account.private_dir(&dir).map_err(unusable(&dir))?;
            } else {
                let elsewhere = system_dir(&account)?;
                symlink(&elsewhere, &dir).map_err(unusable(&dir))?;
            }
        }
        let dir = dir.canonicalize().map_err(unusable(&dir))?;
        let owner = fs::metadata(&dir).map_err(unusable(&dir))?.uid();
        let account = Account::choose(Some(owner))?;
        if account.uid() != owner {
            return Err(DataDirError::NotOurs { path: self.root.clone(), uid: owner });
        }
        match account.blocked_at(&dir) {
            Some(blocked) => Err(DataDirError::Unreachable { blocked, user: account.name().to_owned() }),
            None => Ok((dir, account)),
        }
    }

    /// Removes the directory, and the servers' directory when it is a link to elsewhere.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let servers = self.root.join("servers");
        if let Ok(real) = servers.canonicalize() {
            fs::remove_dir_all(real)?;
        }
        fs::remove_dir_all(&self.root)
    }
}

impl Drop for OpenDataDir {
    /// Closing the file alone would leave the lock to a child that another thread is just starting: it has our files until it
    /// executes its program.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, path = %self.root.display(), "failed to release the data-dir");
        }
    }
}

/// Under root the servers' user must be able to pass through the data-dir, though not to list it.
fn root_mode() -> u32 {
    if geteuid().is_root() { 0o711 } else { 0o700 }
}

/// Creates the folder of a data-dir if it is missing.
pub(crate) fn make_folder(dir: &Path) -> Result<(), DataDirError> {
    if dir.exists() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(root_mode()).create(dir).map_err(unusable(dir))?;
    open_to_servers(dir)
}

/// Sets the mode of a directory we created, whatever the umask was.
fn open_to_servers(dir: &Path) -> Result<(), DataDirError> {
    fs::set_permissions(dir, Permissions::from_mode(root_mode())).map_err(unusable(dir))
}

/// Creates a directory that a system user can reach.
fn system_dir(account: &Account) -> Result<PathBuf, DataDirError> {
    let base = Path::new(SYSTEM_DATA);
    for parent in base.parent().into_iter().chain([base]).filter(|parent| !parent.exists()) {
        DirBuilder::new().create(parent).map_err(unusable(parent))?;
        open_to_servers(parent)?;
    }
    let dir = base.join(format!("{:016x}", rand::random::<u64>()));
    account.private_dir(&dir).map_err(unusable(&dir))?;
    Ok(dir)
}

/// Writes a file that only its owner can read. It is replaced atomically, and links are not followed.
pub(crate) fn write_private(path: &Path, text: &str, owner: &Account) -> Result<(), DataDirError> {
    let draft = path.with_extension("new");
    let _ = fs::remove_file(&draft);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        owner.own(&draft)?;
        fs::rename(&draft, path)
    };
    write().map_err(unusable(path))
}

/// True for a directory of this user that no other user can enter.
pub(crate) fn is_private_dir(dir: &Path, owner: &Account) -> bool {
    fs::symlink_metadata(dir)
        .is_ok_and(|meta| meta.is_dir() && meta.uid() == owner.uid() && meta.permissions().mode() & 0o077 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_called_that() {
        let full = unusable(Path::new("/data"))(io::Error::from_raw_os_error(28));
        assert_eq!(full.to_string(), "the disk is full: free some space on the file system of /data, and run again");
        let closed = unusable(Path::new("/data"))(io::Error::from_raw_os_error(13));
        assert!(matches!(closed, DataDirError::Unusable { .. }));
    }

    #[test]
    fn a_released_directory_can_be_locked_though_a_child_still_has_its_files() {
        let dir = env::temp_dir().join(format!("vaultstream-released-{}", std::process::id()));
        let first = OpenDataDir::kept(&dir).unwrap();
        first.lock_alone().unwrap();
        let of_a_child = first.lock.try_clone().unwrap();
        drop(first);
        OpenDataDir::kept(&dir).unwrap().lock_alone().unwrap();
        drop(of_a_child);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_private_file_is_replaced_whole_and_never_through_a_link() {
        let dir = env::temp_dir().join(format!("vaultstream-private-{}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("victim"), "untouched").unwrap();
        symlink(dir.join("victim"), dir.join("url.new")).unwrap();
        let file = dir.join("url");
        for text in ["a longer first text", "second"] {
            write_private(&file, text, &Account::Caller).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(dir.join("victim")).unwrap(), "untouched");
        fs::remove_dir_all(dir).unwrap();
    }
}
