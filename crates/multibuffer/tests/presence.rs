//! The library is there exactly where its archive was there and the processor has what it needs.

use std::env;
use std::path::PathBuf;

use vaultstream_multibuffer::{Absent, Library};

/// Where `build.rs` looks.
fn archive() -> PathBuf {
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/crypto_mb");
    env::var_os("VAULTSTREAM_CRYPTO_MB").map_or_else(|| PathBuf::from(tools), PathBuf::from).join("libcrypto_mb.a")
}

/// `MBX_AVX512_GENERAL_ISA` of crypto_mb/cpu_features.h.
#[cfg(target_arch = "x86_64")]
fn processor_can() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("avx512f") && has!("avx512dq") && has!("avx512bw") && has!("avx512ifma") && has!("avx512vbmi2") && has!("bmi2")
}

#[cfg(not(target_arch = "x86_64"))]
fn processor_can() -> bool {
    false
}

#[test]
fn the_library_is_there_where_it_can_be_and_says_why_where_it_cannot() {
    let built = cfg!(all(target_arch = "x86_64", target_os = "linux")) && archive().is_file();
    match Library::load() {
        Ok(_) => assert!(processor_can()),
        Err(Absent::Processor) => assert!(!processor_can()),
        Err(Absent::Build) => {
            assert!(
                !built,
                "{:?} is there, and this was built without it: touch crates/multibuffer/build.rs",
                archive()
            );
        }
    }
}
