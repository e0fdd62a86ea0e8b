//! The worker's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    vaultstream_worker::main()
}
