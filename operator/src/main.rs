//! The operator's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    vaultstream_operator::main()
}
