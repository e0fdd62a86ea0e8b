//! Programs of others that check ours.

use std::path::Path;
use std::process::Command;

use super::blocking;
use super::tools::tool;

/// A script of this folder, in the Python that `make test` gives its libraries.
pub(crate) fn python(script: &str) -> Command {
    let python = tool("bin/python").expect("there is no .tools/bin/python: run `scripts/install-tools python`");
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script));
    command
}

/// Output of a program that must succeed.
pub(crate) async fn output(mut command: Command) -> Result<String, String> {
    let output = blocking(move || command.output().unwrap()).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr) + &text(&output.stdout)) }
}
