//! `vaultstream-worker` with fault points compiled in.

use std::process::ExitCode;

fn main() -> ExitCode {
    vaultstream_worker::main()
}
