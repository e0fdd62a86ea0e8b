//! Programs of others that `scripts/install-tools` and tests/cluster/build put into `.tools`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A file of `$VAULTSTREAM_TOOLS`, or else of this clone's `.tools`: tests on the newest Postgres have a folder of their own, with nothing
/// but servers in it.
pub(crate) fn tool(path: &str) -> Option<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools");
    let folders = [std::env::var_os("VAULTSTREAM_TOOLS").map(PathBuf::from), Some(above)];
    folders.into_iter().flatten().map(|tools| tools.join(path)).find(|file| file.exists())
}

/// The same; where it is not there, the log says what is left out and how to get it.
pub(crate) fn tool_if_built(path: &str, without: &str) -> Option<PathBuf> {
    let found = tool(path);
    if found.is_none() {
        skipped(without);
    }
    found
}

/// Are Chromium and its driver installed? Where they are not, the log says what is left out.
pub(crate) fn has_browser(without: &str) -> bool {
    let is_installed = |program: &str| {
        let path = std::env::var_os("PATH");
        path.is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
    };
    let is_there = ["chromium", "chromedriver"].into_iter().all(is_installed);
    if !is_there {
        skipped(&format!("{without}: chromium and chromium-driver are not installed"));
    }
    is_there
}

/// Says so past what captures the output of tests.
pub(crate) fn skipped(what: &str) {
    std::io::stderr().write_all(format!("SKIPPED {what}\n").as_bytes()).unwrap();
}
