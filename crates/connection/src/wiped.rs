//! Reading secrets from files.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::{Zeroize as _, Zeroizing};

/// Room beyond the size that the system reports, so that the end of a file is seen without growing.
const ROOM: usize = 64;

/// Reads a file into memory that is wiped when it is dropped. A buffer that was too small is wiped, too: a vector that grows by itself
/// leaves a copy behind.
///
/// # Errors
/// When the file cannot be read.
pub fn read_wiped(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = File::open(path)?;
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    let mut content = Zeroizing::new(vec![0; size + ROOM]);
    let mut read = 0;
    loop {
        if read == content.len() {
            let mut larger = Zeroizing::new(vec![0; content.len() * 2]);
            larger[..read].copy_from_slice(&content);
            content = larger;
        }
        match file.read(&mut content[read..]) {
            Ok(0) => break,
            Ok(bytes) => read += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    content[read..].zeroize();
    content.truncate(read);
    Ok(content)
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    #[test]
    fn a_file_is_read_whole_whatever_size_the_system_reports() {
        fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
        let file = tempfile::NamedTempFile::new().unwrap();
        for size in [0, 1, ROOM - 1, ROOM, ROOM + 1, 10_000] {
            let content: Vec<u8> = (0..size).map(|byte| byte as u8).collect();
            std::fs::write(file.path(), &content).unwrap();
            let read = read_wiped(file.path()).unwrap();
            assert_eq!(*read, content);
            is_wiped(&read);
        }
        // Its size is reported as 0.
        let path = Path::new("/proc/self/status");
        let status = String::from_utf8(read_wiped(path).unwrap().to_vec()).unwrap();
        assert!(status.len() > ROOM && status.contains("VmRSS"), "{status}");
        assert!(read_wiped(Path::new("/nowhere/at/all")).is_err());
    }
}
