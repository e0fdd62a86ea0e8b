//! Spoils the signatures of the records in `VAULTSTREAM_FAULT_RECORDS=17,23`.

use std::process;
use std::sync::OnceLock;

const VARIABLE: &str = "VAULTSTREAM_FAULT_RECORDS";

pub(crate) fn spoil<'a>(ids: &[i64], signatures: impl Iterator<Item = &'a mut [u8; 64]>) {
    let chosen = chosen();
    if chosen.is_empty() {
        return;
    }
    for (_, signature) in ids.iter().zip(signatures).filter(|(id, _)| chosen.contains(id)) {
        signature[40] ^= 1;
    }
}

fn chosen() -> &'static [i64] {
    static RECORDS: OnceLock<Vec<i64>> = OnceLock::new();
    RECORDS.get_or_init(|| {
        let Ok(text) = std::env::var(VARIABLE) else { return Vec::new() };
        text.split(',').map(str::parse).collect::<Result<_, _>>().unwrap_or_else(|_| {
            eprintln!("{VARIABLE} must be record ids with commas between them, not {text}");
            process::exit(2);
        })
    })
}
