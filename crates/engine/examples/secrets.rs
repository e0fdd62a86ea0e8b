//! Signs with keys and nonces that valgrind takes for undefined, so that it reports every branch and every address that depends on them:
//! `scripts/constant-time`. With the argument `leak`, a branch on a key is planted, which has to be reported.

use rand::RngExt as _;
use vaultstream_engine::{Engine, Refused, Sign, Unit, public, reduce_wide, secret};

/// More than a group of lanes for each chain of products, and a group that is not full.
const SLICE: usize = 37;

fn main() -> Result<(), Refused> {
    let leaks = std::env::args().nth(1).is_some_and(|argument| argument == "leak");
    let mut rng = rand::rng();
    for engine in [Unit::Avx2, Unit::Words].into_iter().filter_map(Engine::on) {
        for sign in [Sign::OfNonce, Sign::EvenY] {
            let mut key: [u8; 32] = rng.random();
            key[0] &= 0x7f;
            let digests: Vec<_> = (0..SLICE).map(|_| rng.random()).collect();
            let mut wide: Vec<[u8; 64]> = (0..SLICE).map(|_| rng.random()).collect();
            let mut signatures = vec![[0; 64]; SLICE];
            let mut hints = Vec::new();
            if !(secret(&mut key) & secret(&mut wide)) {
                println!("this shows nothing outside valgrind");
            }
            if leaks && key[7] & 1 == 1 {
                println!("the key is odd somewhere");
            }
            let nonces: Vec<_> = wide.iter().map(reduce_wide).collect();
            let Some(mut signer) = engine.signer(&key) else { return Err(Refused::Nonce) };
            signer.sign(&digests, &nonces, sign, &mut signatures, &mut hints)?;
            drop(signer);
            public(&mut signatures);
            public(&mut hints);
            // What was signed is a signature: it was not for nothing.
            let weights: Vec<u128> = (0..SLICE).map(|_| rng.random()).collect();
            let sums = engine.checker().sums(&digests, &signatures, &hints, &weights);
            println!("{}: {}", engine.unit(), if sums.is_some() { "signed" } else { "NOT SIGNED" });
        }
    }
    Ok(())
}
