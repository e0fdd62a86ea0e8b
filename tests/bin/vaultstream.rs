//! `vaultstream` with fault points compiled in.

use std::process::ExitCode;

fn main() -> ExitCode {
    vaultstream::main()
}
