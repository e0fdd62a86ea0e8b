//! `vaultstream-operator` with fault points compiled in.

use std::process::ExitCode;

fn main() -> ExitCode {
    vaultstream_operator::main()
}
