//! Links `libcrypto_mb.a` statically where it is: in `.tools/crypto_mb`, where `make tools` puts it, or in the folder that
//! `VAULTSTREAM_CRYPTO_MB` names. Without it, and on other processors than x86_64, the crate builds all the same and says
//! that the library is absent.

use std::{env, path::PathBuf};

const ARCHIVE: &str = "libcrypto_mb.a";

fn main() {
    println!("cargo::rerun-if-env-changed=VAULTSTREAM_CRYPTO_MB");
    // Cargo would run this at every build if it watched an archive that is not there: install-tools touches this file.
    println!("cargo::rerun-if-changed=build.rs");
    let target = |key: &str| env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    if target("ARCH") != "x86_64" || target("OS") != "linux" {
        return;
    }
    let folder = env::var_os("VAULTSTREAM_CRYPTO_MB").map_or_else(in_tools, PathBuf::from);
    let archive = folder.join(ARCHIVE);
    if !archive.is_file() {
        return;
    }
    println!("cargo::rerun-if-changed={}", archive.display());
    println!("cargo::rustc-link-search=native={}", folder.display());
    println!("cargo::rustc-link-lib=static=crypto_mb");
    println!("cargo::rustc-cfg=crypto_mb");
}

fn in_tools() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.tools/crypto_mb")
}
