//! Seals: a leased key's signature over the root of a batch, so that who writes the ledger without the key can change nothing of the batch.

use sha2::{Digest as _, Sha512};

use crate::{Digest, Hash};

/// First bytes of what is sealed, with the zero byte that ends them.
const DOMAIN: &[u8] = b"vaultstream/seal/v1\0";

/// What a seal signs: the first 32 bytes of SHA-512 over the domain and the root, as ES256's curve with SHA-512 has them (FIPS 186-5, 6.4).
///
/// It is not SHA-256, because a record may be signed as its bare payload: a payload that reads like a seal would have the digest of one, and
/// whoever may write a record would get a seal for any root.
#[must_use]
pub fn seal_digest(root: &Hash) -> Digest {
    let hash = Sha512::new().chain_update(DOMAIN).chain_update(root).finalize();
    let mut digest = [0; 32];
    digest.copy_from_slice(&hash[..32]);
    Digest(digest)
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;

    use super::*;
    use crate::{Backend, Nonce, PrivateKey, RawSignature};

    #[test]
    fn a_seal_is_a_signature_of_the_documented_bytes_and_no_payload_has_its_digest() {
        let root = [7; 32];
        let message = [b"vaultstream/seal/v1\0".as_slice(), &root].concat();
        assert_eq!(seal_digest(&root).0, Sha512::digest(&message)[..32]);
        assert_ne!(seal_digest(&root), Digest::of(&message));
        assert_ne!(seal_digest(&root), seal_digest(&[8; 32]));

        let key = PrivateKey::from_scalar(&[1; 32]).unwrap();
        let mut seal = [RawSignature::EMPTY];
        let mut signer = Backend::Reference.signer(&key, Nonce::Hedged).unwrap();
        signer.sign(&[seal_digest(&root)], &mut seal).unwrap();
        // The whole of SHA-512: ECDSA itself takes the leftmost bits that the curve's order has.
        let signature = p256::ecdsa::Signature::from_slice(&seal[0].0).unwrap();
        key.public().verifying_key().verify_prehash(&Sha512::digest(&message), &signature).unwrap();
    }
}
