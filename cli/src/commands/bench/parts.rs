//! The parts of the engine's work, each in processor time, on all cores at once as in raw signing.

use std::time::{Duration, Instant};

use serde::Serialize;
use vaultstream_ledger::copy;
use vaultstream_program::{cores, thread_time};
use vaultstream_signing::{SigningError, backend::EngineParts};

use super::raw::SIGN_TIMEOUT;
use crate::error::Failure;

/// Nanoseconds of processor time a signature.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartFigures {
    /// What the engine computes on.
    pub(super) unit: &'static str,
    pub(super) nonce: f64,
    /// k·G.
    pub(super) multiplication: f64,
    /// 1/k.
    pub(super) inversion: f64,
    pub(super) s: f64,
    pub(super) check: f64,
    /// The rows of the COPY stream.
    pub(super) encode: f64,
}

impl PartFigures {
    /// What a signature costs without its check and its row.
    pub(super) fn signing(&self) -> f64 {
        self.nonce + self.multiplication + self.inversion + self.s
    }
}

/// Measures for this time.
///
/// # Errors
/// When the engine does not sign rightly.
pub(super) fn measure(time: Duration) -> Result<PartFigures, Failure> {
    let threads: Vec<Result<Measured, SigningError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores().get()).map(|_| scope.spawn(move || on_one_core(time))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let threads: Vec<Measured> = threads.into_iter().collect::<Result<_, _>>().map_err(|error| Failure::of(&error))?;
    let signed: usize = threads.iter().map(|thread| thread.signed).sum();
    let unit = threads.first().map(|thread| thread.unit).filter(|_| signed > 0);
    let unit = unit.ok_or_else(|| Failure::failed("the engine signed nothing"))?;
    let mean = |part: usize| {
        let spent: Duration = threads.iter().map(|thread| thread.spent[part]).sum();
        spent.as_nanos() as f64 / signed as f64
    };
    Ok(PartFigures {
        unit,
        nonce: mean(0),
        multiplication: mean(1),
        inversion: mean(2),
        s: mean(3),
        check: mean(4),
        encode: mean(5),
    })
}

struct Measured {
    unit: &'static str,
    signed: usize,
    spent: [Duration; 6],
}

fn on_one_core(time: Duration) -> Result<Measured, SigningError> {
    let mut parts = EngineParts::new()?;
    let mut measured = Measured { unit: parts.unit(), signed: 0, spent: [Duration::ZERO; 6] };
    let ids: Vec<i64> = (1..).take(parts.signatures().len()).collect();
    // The first slice makes the memory that the others are signed in.
    parts.measure(thread_time)?;
    let started = Instant::now();
    while started.elapsed() < time.min(SIGN_TIMEOUT) {
        let times = parts.measure(thread_time)?;
        let before = thread_time();
        drop(copy::signature_rows(&ids, 1, parts.signatures(), None));
        let encode = thread_time().saturating_sub(before);
        let all = [times.nonce, times.multiplication, times.inversion, times.s, times.check, encode];
        measured.spent.iter_mut().zip(all).for_each(|(spent, part)| *spent += part);
        measured.signed += parts.signatures().len();
    }
    Ok(measured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_takes_some_time_and_the_multiplication_the_most() {
        let parts = measure(Duration::from_millis(50)).unwrap();
        let others = [parts.nonce, parts.inversion, parts.s, parts.encode];
        assert!(others.into_iter().all(|part| part > 1.0 && part < parts.multiplication), "{parts:?}");
        assert!(parts.check > 1.0 && parts.signing() < 1e6, "{parts:?}");
    }
}
