//! Why the library cannot be used.

/// Why there is no [`crate::Library`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absent {
    /// `libcrypto_mb.a` was not there when this program was built, or the target is not x86_64 Linux.
    #[error("this program was built without it: `make tools` fetches it for Linux on x86_64, then build again")]
    Build,
    /// The processor or the operating system lacks AVX-512 IFMA.
    #[error("this processor has no AVX-512 IFMA")]
    Processor,
}
