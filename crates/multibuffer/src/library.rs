//! The library's two functions, made safe.

use std::sync::OnceLock;

use crate::{
    LANES, Scalar,
    absence::Absent,
    linked::{self, Linked},
    scalar::words,
};

/// The library, there and able to run.
#[derive(Clone, Copy, Debug)]
pub struct Library(Linked);

/// The lanes of a call that gave no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no signature was made in lane {}", .0.trailing_zeros())]
pub struct FailedLanes(u8);

impl FailedLanes {
    /// The first of them, from 0.
    #[must_use]
    pub fn first(self) -> usize {
        self.0.trailing_zeros() as usize
    }
}

/// A point of the curve in affine coordinates. Which points are on the curve is known to who makes it: verifying with
/// another one is of no use, but safe.
#[derive(Clone, Debug)]
pub struct Point {
    x: [u64; 4],
    y: [u64; 4],
}

impl Point {
    /// Takes the coordinates, 32 bytes each, big-endian.
    #[must_use]
    pub fn from_affine(x: &[u8; 32], y: &[u8; 32]) -> Self {
        Self { x: words(x), y: words(y) }
    }
}

impl Library {
    /// Looks whether the library was built in and this processor can run it.
    ///
    /// # Errors
    /// [`Absent`] says what is missing.
    pub fn load() -> Result<Self, Absent> {
        // Asking the processor takes long where a hypervisor answers for it.
        static LOADED: OnceLock<Result<Linked, Absent>> = OnceLock::new();
        LOADED.get_or_init(linked::load).map(Self)
    }

    /// Signs `digests[i]` with the secret number `nonces[i]` into `out[i]`, r‖s big-endian; at most [`LANES`] of them, and
    /// what has no partner is left alone. Lanes without a digest work on a copy of the first. s is not normalised.
    ///
    /// Digests are big-endian numbers from 1 to n-1: the library refuses 0, and what is not reduced modulo n. A nonce must be
    /// secret, and never be used for two digests under one key.
    ///
    /// # Errors
    /// [`FailedLanes`] when a digest was refused, or r or s came out as 0: all of `out` is void then.
    pub fn sign(
        self,
        key: &Scalar,
        digests: &[impl AsRef<[u8; 32]>],
        nonces: &[Scalar; LANES],
        out: &mut [impl AsMut<[u8; 64]>],
    ) -> Result<(), FailedLanes> {
        let lanes = digests.len().min(out.len()).min(LANES);
        let Some(first) = digests.first().filter(|_| lanes > 0) else { return Ok(()) };
        let mut made = [[0; 64]; LANES];
        let digest = |lane: usize| if lane < lanes { digests[lane].as_ref() } else { first.as_ref() };
        let status = linked::sign(self.0, &mut made, std::array::from_fn(digest), nonces, key);
        for (out, made) in out.iter_mut().zip(made).take(lanes) {
            *out.as_mut() = made;
        }
        match failed(status) & in_use(lanes) {
            0 => Ok(()),
            failed => Err(FailedLanes(failed)),
        }
    }

    /// Says in each lane whether `signatures[i]`, r‖s big-endian, is `key`'s signature of `digests[i]`; at most [`LANES`] of
    /// them, and what has no partner is not. Digests, r and s outside of 1 to n-1 are refused.
    #[must_use]
    pub fn verify(
        self,
        key: &Point,
        digests: &[impl AsRef<[u8; 32]>],
        signatures: &[impl AsRef<[u8; 64]>],
    ) -> [bool; LANES] {
        let lanes = digests.len().min(signatures.len()).min(LANES);
        if lanes == 0 {
            return [false; LANES];
        }
        let partner = |lane: usize| if lane < lanes { lane } else { 0 };
        let digest = std::array::from_fn(|lane| digests[partner(lane)].as_ref());
        let signature = std::array::from_fn(|lane| halves(signatures[partner(lane)].as_ref()));
        let failed = failed(linked::verify(self.0, signature, digest, &key.x, &key.y));
        std::array::from_fn(|lane| lane < lanes && failed >> lane & 1 == 0)
    }
}

/// r and s.
fn halves(signature: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    let (halves, _) = signature.as_chunks::<32>();
    (&halves[0], &halves[1])
}

/// A bit for each lane whose four bits of status are not 0 (`crypto_mb/status.h`).
fn failed(status: u32) -> u8 {
    (0..LANES).fold(0, |failed, lane| failed | u8::from(status >> (4 * lane) & 0xf != 0) << lane)
}

fn in_use(lanes: usize) -> u8 {
    u8::MAX >> (LANES - lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lane_has_four_bits_of_status() {
        assert_eq!(failed(0), 0);
        assert_eq!(failed(0x8000_0001), 0b1000_0001);
        assert_eq!(failed(0x00a0_0400), 0b0010_0100);
        assert_eq!(FailedLanes(0b0010_0100).first(), 2);
        assert_eq!((in_use(1), in_use(8)), (1, 0xff));
    }
}
