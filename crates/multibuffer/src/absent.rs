//! What stands in for the library where its archive was not there at build time: nothing can be called.

use crate::{Absent, LANES, Scalar};

/// There is none.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Linked {}

pub(crate) fn load() -> Result<Linked, Absent> {
    Err(Absent::Build)
}

pub(crate) fn sign(
    linked: Linked,
    _: &mut [[u8; 64]; LANES],
    _: [&[u8; 32]; LANES],
    _: &[Scalar; LANES],
    _: &Scalar,
) -> u32 {
    match linked {}
}

pub(crate) fn verify(
    linked: Linked,
    _: [(&[u8; 32], &[u8; 32]); LANES],
    _: [&[u8; 32]; LANES],
    _: &[u64; 4],
    _: &[u64; 4],
) -> u32 {
    match linked {}
}
