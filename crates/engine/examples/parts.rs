//! What each part of the engine costs, in nanoseconds of processor time a signature: `cargo run --release -p vaultstream-engine --example
//! parts`.

use std::time::Duration;

use rand::RngExt as _;
use rustix::time::{ClockId, clock_gettime};
use vaultstream_engine::{Engine, Refused, Sign, SliceStage, Unit};

/// Signatures that each figure is the mean of, at least.
const SIGNATURES: usize = 60_000;

fn main() -> Result<(), Refused> {
    println!(
        "| unit | slice | k·G | 1/k | s | sign | check, 64 bits | find even R | check, 128 bits |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for unit in Unit::ALL {
        let Some(engine) = Engine::on(unit) else {
            println!("| {unit}: not on this processor |");
            continue;
        };
        for slice in [256, 1024, 4096, 10_000] {
            let [points, inverses, s, check, find, check_fully] = parts(engine, slice)?;
            let sign = points + inverses + s;
            println!("| {unit} | {slice} | {points} | {inverses} | {s} | {sign} | {check} | {find} | {check_fully} |");
        }
    }
    Ok(())
}

fn parts(engine: Engine, slice: usize) -> Result<[u128; 6], Refused> {
    let mut rng = rand::rng();
    let mut scalar = || {
        let mut scalar: [u8; 32] = rng.random();
        scalar[0] &= 0x7f;
        scalar
    };
    let Some(mut signer) = engine.signer(&scalar()) else { return Err(Refused::Nonce) };
    let digests: Vec<_> = (0..slice).map(|_| scalar()).collect();
    let nonces: Vec<_> = (0..slice).map(|_| scalar()).collect();
    let weights: Vec<u128> = (0..slice).map(|_| rng.random()).collect();
    let short: Vec<u128> = weights.iter().map(|weight| weight >> 64).collect();
    let (mut signatures, mut hints, mut found) = (vec![[0; 64]; slice], Vec::new(), Vec::new());
    let mut checker = engine.checker();
    let rounds = SIGNATURES.div_ceil(slice);
    let mut spent = [Duration::ZERO; 6];
    for _ in 0..rounds {
        let mut before = processor_time();
        let mut book = |part: usize| {
            let now = processor_time();
            spent[part] += now.saturating_sub(std::mem::replace(&mut before, now));
        };
        signer.sign_in_stages(
            &digests,
            &nonces,
            Sign::EvenY,
            &mut signatures,
            &mut hints,
            &mut |stage| match stage {
                SliceStage::Nonces => {}
                SliceStage::Points => book(0),
                SliceStage::Inverses => book(1),
            },
        )?;
        book(2);
        checker.sums(&digests, &signatures, &hints, &short);
        book(3);
        checker.even_hints(&signatures, &mut found);
        book(4);
        checker.sums(&digests, &signatures, &hints, &weights);
        book(5);
    }
    Ok(spent.map(|time| time.as_nanos() / (rounds * slice) as u128))
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
