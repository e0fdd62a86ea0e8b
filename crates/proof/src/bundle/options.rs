//! How a bundle is verified.

use std::num::NonZeroUsize;

/// How a bundle is verified.
#[derive(Clone, Copy, Debug)]
pub struct BundleOptions {
    /// Threads that check signatures.
    pub threads: NonZeroUsize,
    /// Records and problems that are named for each kind of problem; the others are counted.
    pub most: usize,
}
