//! Has the backend in `VAULTSTREAM_FAULT_REFUSAL=engine` refuse to sign.

use std::sync::OnceLock;

const VARIABLE: &str = "VAULTSTREAM_FAULT_REFUSAL";

pub(crate) fn is_chosen(backend: &str) -> bool {
    static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var(VARIABLE).ok()).as_deref() == Some(backend)
}
