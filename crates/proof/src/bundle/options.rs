//! How a bundle is verified.

use std::num::NonZeroUsize;

/// How a bundle is verified.
#[derive(Clone, Debug)]
pub struct BundleOptions {
    /// Threads that check signatures.
    pub threads: NonZeroUsize,
    /// Records and problems that are named for each kind of problem; the others are counted.
    pub most: usize,
    /// An earlier checkpoint of the job, a compact JWS, which the bundle has to extend.
    pub earlier: Option<String>,
}
