//! The three ways to compute in the field of P-256.

pub(crate) mod bounds;
pub(crate) mod digits;
pub(crate) mod plain;
pub(crate) mod radix29;
pub(crate) mod radix52;

#[cfg(test)]
pub(crate) mod tests;
