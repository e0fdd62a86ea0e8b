//! The seed of a test that goes by chance.

/// Another one each time, unless `VAULTSTREAM_FOLLOW_SEED` says which; printed when the test fails.
pub(super) fn seed() -> u64 {
    let asked = std::env::var("VAULTSTREAM_FOLLOW_SEED").ok();
    let seed = asked.map_or_else(rand::random, |text| text.parse().expect("VAULTSTREAM_FOLLOW_SEED is a number"));
    eprintln!("VAULTSTREAM_FOLLOW_SEED={seed} plays this again, as far as servers do");
    seed
}
