//! Has the backends in `VAULTSTREAM_FAULT_REFUSAL=engine,native` refuse to sign.

use std::sync::OnceLock;

const VARIABLE: &str = "VAULTSTREAM_FAULT_REFUSAL";

pub(crate) fn is_chosen(backend: &str) -> bool {
    static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| std::env::var(VARIABLE).ok()).as_deref();
    chosen.is_some_and(|chosen| chosen.split(',').any(|name| name == backend))
}
