//! The library is there exactly where its archive was there and the processor has what it needs.

use vaultstream_multibuffer::{Absent, Library};

const ARCHIVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/crypto_mb/libcrypto_mb.a");

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
    let built = cfg!(all(target_arch = "x86_64", target_os = "linux")) && std::path::Path::new(ARCHIVE).is_file();
    match Library::load() {
        Ok(_) => assert!(processor_can()),
        Err(Absent::Processor) => assert!(!processor_can()),
        Err(Absent::Build) => {
            assert!(!built, "{ARCHIVE} is there, and this was built without it: touch crates/multibuffer/build.rs");
        }
    }
}
