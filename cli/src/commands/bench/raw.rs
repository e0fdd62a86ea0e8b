//! Signing alone: from digests to signatures, on all cores.

use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use vaultstream_program::cores;
use vaultstream_signing::{Backend, Digest, Nonce, PrivateKey, RawSignature};

use crate::error::Failure;

/// Digests of a call, as many as a worker signs at a time.
const SLICE: usize = 256;
/// A backend that makes no signature for this long is broken.
pub(super) const SIGN_TIMEOUT: Duration = Duration::from_secs(10);

/// Signatures a second on all cores, one thread and one key each.
pub(super) fn signatures_per_second(backend: Backend, time: Duration) -> Result<f64, Failure> {
    let (signed, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut signers = Vec::new();
    for _ in 0..cores().get() {
        let key = PrivateKey::generate().map_err(|error| Failure::of(&error))?;
        signers.push(backend.signer(&key, Nonce::Hedged).map_err(|error| Failure::of(&error))?);
    }
    let elapsed = std::thread::scope(|scope| {
        for mut signer in signers {
            let (signed, stop) = (&signed, &stop);
            scope.spawn(move || {
                let digests: Vec<Digest> = (0..SLICE).map(|number| Digest::of(&number.to_be_bytes())).collect();
                let mut signatures = vec![RawSignature::EMPTY; SLICE];
                // The first slice seeds the thread's random generator and is not counted.
                let mut good = signer.sign(&digests, &mut signatures).is_ok();
                while good && !stop.load(Ordering::Relaxed) {
                    good = signer.sign(&digests, &mut signatures).is_ok();
                    signed.fetch_add(SLICE as u64, Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(Duration::from_millis(100));
        let (started, before) = (Instant::now(), signed.load(Ordering::Relaxed));
        let after = loop {
            std::thread::sleep(time);
            let after = signed.load(Ordering::Relaxed);
            // On a busy machine the threads may not have run yet.
            if after > before || started.elapsed() > SIGN_TIMEOUT {
                break after;
            }
        };
        let passed = started.elapsed();
        stop.store(true, Ordering::Relaxed);
        (after - before) as f64 / passed.as_secs_f64()
    });
    if elapsed > 0.0 { Ok(elapsed) } else { Err(Failure::failed(format!("the {backend} backend signed nothing"))) }
}

/// Signatures a second of `openssl speed -multi CORES ecdsap256`; `None` without openssl.
pub(super) fn openssl(time: Duration) -> Option<f64> {
    let output = Command::new("openssl")
        .args(["speed", "-multi", &cores().to_string(), "-seconds", &time.as_secs().max(1).to_string(), "ecdsap256"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    parse_openssl(&String::from_utf8_lossy(&output.stdout))
}

/// The line is `256 bits ecdsa (nistp256)  0.0000s  0.0001s  sign/s  verify/s`.
fn parse_openssl(text: &str) -> Option<f64> {
    let line = text.lines().rev().find(|line| line.contains("ecdsa (nistp256)"))?;
    line.split_whitespace().rev().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_openssl_is_read_from_its_table() {
        let text = "                              sign    verify    sign/s verify/s\n \
                    256 bits ecdsa (nistp256)   0.0000s   0.0000s 128123.4  42000.0\n";
        assert_eq!(parse_openssl(text), Some(128_123.4));
        assert_eq!(parse_openssl("no such thing"), None);
    }

    #[test]
    fn every_backend_that_is_present_signs() {
        for backend in Backend::present() {
            assert!(signatures_per_second(backend, Duration::from_millis(50)).unwrap() > 0.0, "{backend}");
        }
    }
}
