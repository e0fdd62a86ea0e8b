//! Hedged nonces: one keyed hash of private key, digest and fresh random bytes, to 512 bits, modulo n.
//!
//! k = SHA-256(B₁ ‖ m) ‖ SHA-256(B₂ ‖ m) mod n, where m = digest ‖ 23 random bytes, and Bᵢ is a block of 64 bytes:
//! "vaultstream/nonce/v1" 0x00, i as one byte, ten zero bytes, and the private key, big-endian.
//!
//! - A key is as secret as what it signs with, and the states after B₁ and B₂ are made once for a key. What follows always has 55 bytes, which
//!   fill one block with their padding. So the second compression is a function of a fixed length under a secret key, as in HMAC, and its
//!   outputs look random without the key, even when the random bytes fail or repeat: two digests then still have two nonces.
//! - The random bytes make two signatures of one digest differ, so faults in one of them give nothing away.
//! - 512 bits modulo n differ from a uniform number by less than 2⁻²⁵⁶ (FIPS 186-5 A.3.1 asks for 64 bits more than n has).
//!
//! Two compressions take the place of the 17 of RFC 6979 §3.6.

use sha2::block_api::compress256;
use vaultstream_engine::reduce_wide;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::contract::SigningError;
use crate::Digest;
use crate::sha256::{BLOCK, INITIAL, State, pad, to_bytes};

/// Random bytes of a nonce: with a digest and the padding they fill a block.
const RANDOM: usize = BLOCK - 32 - 9;

const LABEL: &[u8] = b"vaultstream/nonce/v1\0";

/// Makes the nonces of one private key. Everything in it is secret, and wiped when it is dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct HedgedNonces {
    /// SHA-256 after B₁ and after B₂.
    begun: [State; 2],
    random: Vec<[u8; RANDOM]>,
}

impl HedgedNonces {
    /// For the private key `x`, big-endian.
    pub(super) fn new(x: &[u8; 32]) -> Self {
        let mut nonces = Self { begun: [INITIAL; 2], random: Vec::new() };
        let mut block = [0; BLOCK];
        block[..LABEL.len()].copy_from_slice(LABEL);
        block[32..].copy_from_slice(x);
        for (number, state) in (1..).zip(&mut nonces.begun) {
            block[LABEL.len()] = number;
            compress256(state, &[block]);
        }
        block.zeroize();
        nonces
    }

    /// Makes as many nonces as there are digests, each a number from 0 to n - 1, big-endian; 0 with a probability of 2⁻²⁵⁶.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(super) fn generate(&mut self, digests: &[Digest], nonces: &mut [[u8; 32]]) -> Result<(), SigningError> {
        self.random.resize(digests.len(), [0; RANDOM]);
        aws_lc_rs::rand::fill(self.random.as_flattened_mut()).map_err(|_| SigningError::Randomness)?;
        for ((digest, random), nonce) in digests.iter().zip(&self.random).zip(nonces) {
            *nonce = hash(&self.begun, digest, random);
        }
        self.random.as_flattened_mut().zeroize();
        Ok(())
    }
}

/// The nonce of a digest with these random bytes.
fn hash(begun: &[State; 2], digest: &Digest, random: &[u8; RANDOM]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    block[..32].copy_from_slice(&digest.0);
    block[32..32 + RANDOM].copy_from_slice(random);
    pad(&mut block, 32 + RANDOM, BLOCK + 32 + RANDOM);
    let mut states = *begun;
    let mut wide = [0; 64];
    for (state, half) in states.iter_mut().zip(wide.chunks_exact_mut(32)) {
        compress256(state, std::slice::from_ref(&block));
        half.copy_from_slice(&to_bytes(state));
    }
    let nonce = reduce_wide(&wide);
    states.zeroize();
    wide.zeroize();
    nonce
}

#[cfg(test)]
mod tests {
    use p256::elliptic_curve::bigint::{NonZero, U256, U512};
    use rand::RngExt as _;
    use sha2::{Digest as _, Sha256};

    use super::super::order::ORDER;
    use super::*;

    /// As the head of this file has it, by other libraries.
    fn expected(x: &[u8; 32], digest: &Digest, random: &[u8; RANDOM]) -> [u8; 32] {
        let half = |number: u8| {
            let parts: [&[u8]; 6] = [b"vaultstream/nonce/v1\0", &[number], &[0; 10], x, &digest.0, random];
            <[u8; 32]>::from(Sha256::digest(parts.concat()))
        };
        let wide = U512::from_be_slice(&[half(1), half(2)].concat());
        let order = NonZero::new(U512::from(&U256::from_be_slice(&ORDER))).unwrap();
        let mut nonce = [0; 32];
        nonce.copy_from_slice(&wide.rem(&order).to_be_bytes().as_ref()[32..]);
        nonce
    }

    #[test]
    fn nonces_are_the_hashes_that_are_written_down() {
        for _ in 0..2_000 {
            let (x, digest, random) = (rand::random(), Digest(rand::random()), rand::rng().random());
            assert_eq!(hash(&HedgedNonces::new(&x).begun, &digest, &random), expected(&x, &digest, &random));
        }
    }

    #[test]
    fn each_nonce_is_made_of_fresh_random_bytes_and_of_its_own_digest() {
        let mut nonces = HedgedNonces::new(&[7; 32]);
        let same = [Digest([1; 32]); 9];
        let mut made = [[[0; 32]; 9]; 2];
        for made in &mut made {
            nonces.generate(&same, made).unwrap();
        }
        let mut all = made.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 18, "a nonce was made twice");

        // With random bytes that repeat, two digests and two keys still have nonces of their own.
        let begun = [HedgedNonces::new(&[7; 32]).begun, HedgedNonces::new(&[8; 32]).begun];
        let of = |key: usize, digest: u8| hash(&begun[key], &Digest([digest; 32]), &[0; RANDOM]);
        assert!(of(0, 1) != of(0, 2) && of(0, 1) != of(1, 1));
        assert_eq!(of(0, 1), of(0, 1));
    }

    #[test]
    fn what_holds_a_secret_is_wiped_when_it_is_dropped() {
        fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
        let mut nonces = HedgedNonces::new(&[1; 32]);
        is_wiped(&nonces);
        nonces.generate(&[Digest([2; 32])], &mut [[0; 32]]).unwrap();
        assert_eq!(nonces.random, [[0; RANDOM]], "random bytes are kept");
        nonces.zeroize();
        assert_eq!(nonces.begun, [[0; 8]; 2]);
    }
}
