//! A test vector.

/// A file, what a verifier says of it, and why.
pub(crate) struct Vector {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) verdict: &'static str,
    pub(crate) why: &'static str,
}

/// A bundle that is verified.
pub(crate) const GOOD: &str = "VERIFIED";
/// One that is not.
pub(crate) const BAD: &str = "NOT VERIFIED";
/// A file that is no bundle.
pub(crate) const NONE: &str = "no bundle";
