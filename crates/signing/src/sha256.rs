//! SHA-256 below its hasher: for short messages, whose blocks go straight into the compression function.

/// The initial state (FIPS 180-4 §5.3.3).
pub(crate) const INITIAL: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Bytes of a block.
pub(crate) const BLOCK: usize = 64;

pub(crate) type State = [u32; 8];

/// The padding (FIPS 180-4 §5.1.1) from `end` on, of a message of `length` bytes in all. The bytes between are zero already.
pub(crate) fn pad(blocks: &mut [u8], end: usize, length: usize) {
    blocks[end] = 0x80;
    let at = blocks.len() - 8;
    blocks[at..].copy_from_slice(&(8 * length as u64).to_be_bytes());
}

/// The hash that a state is.
pub(crate) fn to_bytes(state: &State) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.chunks_exact_mut(4).zip(state) {
        chunk.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use sha2::block_api::compress256;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn padded_blocks_hash_as_the_message_does() {
        for length in 0..BLOCK - 8 {
            let mut block = [0; BLOCK];
            block[..length].fill(length as u8);
            let expected = Sha256::digest(&block[..length]);
            pad(&mut block, length, length);
            let mut state = INITIAL;
            compress256(&mut state, &[block]);
            assert_eq!(to_bytes(&state), <[u8; 32]>::from(expected), "{length} bytes");
        }
    }
}
