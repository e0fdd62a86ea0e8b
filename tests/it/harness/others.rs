//! Programs of others that check ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::blocking;

/// A script of this folder, in the Python that `make test` gives its libraries.
pub(crate) fn python(script: &str) -> Command {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = std::env::var_os("VAULTSTREAM_TOOLS").map_or_else(|| tests.join("../.tools"), PathBuf::from);
    let python = tools.join("bin/python");
    assert!(python.exists(), "{} is missing: run `scripts/install-tools python`", python.display());
    let mut command = Command::new(python);
    command.arg(tests.join(script));
    command
}

/// Output of a program that must succeed.
pub(crate) async fn output(mut command: Command) -> Result<String, String> {
    let output = blocking(move || command.output().unwrap()).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr) + &text(&output.stdout)) }
}
