//! crypto_mb: eight signatures at a time on AVX-512 IFMA, with nonces of our own making.

use vaultstream_multibuffer::{Absent, LANES, Library, Point, Scalar};
use zeroize::Zeroizing;

use super::contract::{Absence, BatchSigner, BatchVerifier, SigningError, check_lengths};
use super::kind::{Backend, Nonce};
use super::nonce::{ADDED, Rfc6979x8};
use super::reduced::Reduced;
use super::reference::{ReferenceSigner, ReferenceVerifier};
use crate::digest::{Digest, RawSignature};
use crate::key::PrivateKey;
use crate::public_key::PublicKey;

/// Digests that share one draw of randomness, so that a signature does not pay for a call of its own.
const DIGESTS_PER_DRAW: usize = 4 * LANES;

/// The library, or why it is not there.
pub(super) fn library() -> Result<Library, SigningError> {
    Library::load().map_err(|absent| {
        let absence = match absent {
            Absent::Build => Absence::Build,
            Absent::Processor => Absence::Processor,
        };
        SigningError::Absent(Backend::Multibuffer, absence)
    })
}

pub(super) struct MultibufferSigner {
    library: Library,
    key: Scalar,
    nonces: Box<Rfc6979x8>,
    nonce: Nonce,
    random: Box<Zeroizing<[[u8; ADDED]; DIGESTS_PER_DRAW]>>,
    reference: ReferenceSigner,
}

impl MultibufferSigner {
    pub(super) fn new(library: Library, key: &PrivateKey, nonce: Nonce) -> Result<Self, SigningError> {
        let scalar = key.scalar();
        Ok(Self {
            library,
            key: Scalar::from_be_bytes(&scalar).ok_or(SigningError::Key(Backend::Multibuffer))?,
            nonces: Box::new(Rfc6979x8::new(&scalar)),
            nonce,
            random: Box::default(),
            reference: ReferenceSigner::new(key, nonce),
        })
    }

    /// Draws what is added to the next `count` nonces, and to the spare lanes after them.
    fn draw(&mut self, count: usize) -> Result<(), SigningError> {
        if self.nonce == Nonce::Deterministic {
            return Ok(());
        }
        let random = self.random[..count.next_multiple_of(LANES)].as_flattened_mut();
        aws_lc_rs::rand::fill(random).map_err(|_| SigningError::Randomness)
    }

    /// Signs up to eight; those of the draw's `eight`th.
    fn sign_eight(&mut self, eight: usize, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError> {
        let reduced = reduced(digests);
        let reduced = &reduced[..digests.len()];
        let (random, _) = self.random.as_chunks::<LANES>();
        let added = (self.nonce == Nonce::Hedged).then_some(&random[eight]);
        let nonces = self.nonces.generate(reduced, added);
        if self.library.sign(&self.key, reduced, &nonces, out).is_ok() {
            return Ok(());
        }
        // It refuses a digest that is 0 modulo n, which ECDSA allows; and gives up where RFC 6979 takes another nonce.
        self.reference.sign(digests, out)
    }
}

impl BatchSigner for MultibufferSigner {
    fn slice_len(&self) -> usize {
        1024
    }

    fn sign(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError> {
        check_lengths(digests, out)?;
        for (digests, out) in digests.chunks(DIGESTS_PER_DRAW).zip(out.chunks_mut(DIGESTS_PER_DRAW)) {
            self.draw(digests.len())?;
            for (eight, (digests, out)) in digests.chunks(LANES).zip(out.chunks_mut(LANES)).enumerate() {
                self.sign_eight(eight, digests, out)?;
            }
        }
        Ok(())
    }
}

pub(super) struct MultibufferVerifier {
    library: Library,
    key: Point,
    reference: ReferenceVerifier,
}

impl MultibufferVerifier {
    pub(super) fn new(library: Library, key: &PublicKey) -> Self {
        let (x, y) = key.coordinates();
        Self { library, key: Point::from_affine(x, y), reference: ReferenceVerifier::new(key) }
    }
}

impl BatchVerifier for MultibufferVerifier {
    fn verify(&self, digests: &[Digest], signatures: &[RawSignature], valid: &mut [bool]) {
        valid.fill(false);
        let eights = digests.chunks(LANES).zip(signatures.chunks(LANES)).zip(valid.chunks_mut(LANES));
        for ((digests, signatures), valid) in eights {
            let reduced = reduced(digests);
            let verified = self.library.verify(&self.key, &reduced[..digests.len()], signatures);
            valid.copy_from_slice(&verified[..valid.len()]);
            if reduced.iter().any(Reduced::is_zero) {
                self.reference.verify(digests, signatures, valid);
            }
        }
    }
}

/// Each digest modulo n, which the library wants; it takes none that is larger.
fn reduced(digests: &[Digest]) -> [Reduced; LANES] {
    std::array::from_fn(|lane| Reduced::of(digests.get(lane).unwrap_or(&digests[0])))
}
