//! Spoils one lane of the backend in `VAULTSTREAM_FAULT_LANE=native:3`.

use std::process;
use std::sync::OnceLock;

const VARIABLE: &str = "VAULTSTREAM_FAULT_LANE";

/// Signatures that are made side by side.
const LANES: usize = 8;

pub(crate) fn spoil<'a>(backend: &str, signatures: impl Iterator<Item = &'a mut [u8; 64]>) {
    let Some((_, lane)) = chosen().as_ref().filter(|(chosen, _)| chosen == backend) else { return };
    for signature in signatures.skip(*lane).step_by(LANES) {
        signature[40] ^= 1;
    }
}

fn chosen() -> &'static Option<(String, usize)> {
    static LANE: OnceLock<Option<(String, usize)>> = OnceLock::new();
    LANE.get_or_init(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let lane = text.split_once(':').and_then(|(backend, lane)| Some((backend.to_owned(), lane.parse().ok()?)));
        if lane.as_ref().is_none_or(|(_, lane)| *lane >= LANES) {
            eprintln!("{VARIABLE} must be a backend and a lane from 0 to 7 with a colon between them, not {text}");
            process::exit(2);
        }
        lane
    })
}
