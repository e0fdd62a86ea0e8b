//! Says which backends this build and this processor have, and why another one is missing: `make test` ends with it.

use vaultstream_signing::Backend;

fn main() {
    for backend in Backend::ALL {
        match backend.absence() {
            None => println!("backend {backend}: tested"),
            Some(absence) => println!("backend {backend}: NOT TESTED, {absence}"),
        }
    }
}
