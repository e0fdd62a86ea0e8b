//! Deterministic nonces for eight signatures at a time: RFC 6979 §3.2.
//!
//! The generator is HMAC-DRBG over SHA-256, of which this takes the first output: 15 compressions of SHA-256 a nonce. A general
//! implementation computes 32: it hashes both pads of the key for each HMAC, and the update after the output. The eight lanes go through each
//! compression side by side, so that the processor overlaps them.

use sha2::block_api::compress256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::order;
use super::reduced::Reduced;
use crate::sha256::{BLOCK, INITIAL, State, pad, to_bytes};

/// Nonces that are made side by side.
pub(super) const LANES: usize = 8;

const OUTER_PAD: u8 = 0x5c;
const INNER_PAD: u8 = 0x36;

type Block = [u8; BLOCK];

/// An HMAC (RFC 2104): the inner hash as far as it is, and the outer one after its pad. Before any message, a key.
#[derive(Clone, Copy, Default, Zeroize)]
struct Mac {
    inner: State,
    outer: State,
}

/// Generates the nonces of one private key, eight at a time. Everything in it is secret, and wiped when it is dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Rfc6979x8 {
    /// The first HMAC, whose key is 0, after its first block, 0x01… ‖ 0x00 ‖ x[..31]: the same for all digests.
    first: Mac,
    /// The first block of the third HMAC, V ‖ 0x01 ‖ x[..31]; each digest's V is put in.
    second: Block,
    last_of_x: u8,
    keys: [Mac; LANES],
    values: [[u8; 32]; LANES],
    /// What follows the first block of the first and third HMAC: the rest of x, the digest, and padding.
    tails: [Block; LANES],
    scratch: [Block; LANES],
}

impl Rfc6979x8 {
    /// For the private key `x`, big-endian.
    pub(super) fn new(x: &[u8; 32]) -> Self {
        let mut first = Zeroizing::new([1; BLOCK]);
        first[32] = 0;
        first[33..].copy_from_slice(&x[..31]);
        let mut second = *first;
        second[32] = 1;
        let mut begun = Mac::new(&[0; 32]);
        compress256(&mut begun.inner, &[*first]);
        Self {
            first: begun,
            second,
            last_of_x: x[31],
            keys: [Mac::default(); LANES],
            values: [[0; 32]; LANES],
            tails: [[0; BLOCK]; LANES],
            scratch: [[0; BLOCK]; LANES],
        }
    }

    /// A nonce for each digest modulo n (bits2octets, §2.3.4). Lanes without a digest repeat the first one.
    pub(super) fn generate(&mut self, digests: &[Reduced], nonces: &mut [[u8; 32]; LANES]) {
        for lane in 0..LANES {
            let Some(digest) = digests.get(lane).or(digests.first()) else { break };
            self.fill_tail(lane, digest);
        }

        // d. K = HMAC_K(V ‖ 0x00 ‖ x ‖ h), for K = 0…0 and V = 0x01…01; e. V = HMAC_K(V)
        self.keys = [self.first; LANES];
        self.next_keys();
        self.values = [[1; 32]; LANES];
        self.next_values();
        // f. K = HMAC_K(V ‖ 0x01 ‖ x ‖ h); g. V = HMAC_K(V)
        for lane in 0..LANES {
            self.second[..32].copy_from_slice(&self.values[lane]);
            compress256(&mut self.keys[lane].inner, &[self.second]);
        }
        self.next_keys();
        self.next_values();
        // h. V = HMAC_K(V) is the candidate
        self.next_values();
        for (lane, nonce) in nonces.iter_mut().enumerate() {
            self.accept(lane);
            nonce.copy_from_slice(&self.values[lane]);
        }
    }

    fn fill_tail(&mut self, lane: usize, digest: &Reduced) {
        let tail = &mut self.tails[lane];
        tail.fill(0);
        tail[0] = self.last_of_x;
        tail[1..33].copy_from_slice(digest.as_ref());
        // Before it: the inner pad and the first block.
        pad(tail, 33, 2 * BLOCK + 33);
    }

    /// Hashes the tails onto the HMACs that `keys` have begun; what they come to is each lane's next key.
    fn next_keys(&mut self) {
        for (mac, tail) in self.keys.iter_mut().zip(&self.tails) {
            compress256(&mut mac.inner, std::slice::from_ref(tail));
        }
        let mut macs = Zeroizing::new(self.keys);
        self.finish(&mut macs);
        for (key, mac) in self.keys.iter_mut().zip(&*macs) {
            *key = Mac::new(&Zeroizing::new(to_bytes(&mac.outer)));
        }
    }

    /// V = HMAC_K(V)
    fn next_values(&mut self) {
        for (block, value) in self.scratch.iter_mut().zip(&self.values) {
            *block = padded(value);
        }
        let mut macs = Zeroizing::new(self.keys);
        for (mac, block) in macs.iter_mut().zip(&self.scratch) {
            compress256(&mut mac.inner, std::slice::from_ref(block));
        }
        self.finish(&mut macs);
        for (value, mac) in self.values.iter_mut().zip(&*macs) {
            *value = to_bytes(&mac.outer);
        }
    }

    /// The second half of each HMAC: its inner hash onto the outer one.
    fn finish(&mut self, macs: &mut [Mac; LANES]) {
        for (block, mac) in self.scratch.iter_mut().zip(&*macs) {
            *block = padded(&to_bytes(&mac.inner));
        }
        for (mac, block) in macs.iter_mut().zip(&self.scratch) {
            compress256(&mut mac.outer, std::slice::from_ref(block));
        }
    }

    /// The lane's candidate, or in one of 2³² cases one after it: K = HMAC_K(V ‖ 0x00), V = HMAC_K(V) (§3.2 h. 3).
    fn accept(&mut self, lane: usize) {
        while !order::is_scalar(&self.values[lane]) {
            self.reject(lane);
        }
    }

    fn reject(&mut self, lane: usize) {
        let key = &mut self.keys[lane];
        let value = &mut self.values[lane];
        let block = &mut self.scratch[lane];
        block.fill(0);
        block[..32].copy_from_slice(value);
        pad(block, 33, BLOCK + 33);
        let next = Zeroizing::new(key.of(block));
        *key = Mac::new(&next);
        for _ in 0..2 {
            *value = key.of(&padded(value));
        }
    }
}

impl Mac {
    fn new(key: &[u8; 32]) -> Self {
        Self { inner: hashed_pad(key, INNER_PAD), outer: hashed_pad(key, OUTER_PAD) }
    }

    /// The HMAC of a message that is one block with its padding.
    fn of(&self, block: &Block) -> [u8; 32] {
        let (mut inner, mut outer) = (self.inner, self.outer);
        compress256(&mut inner, std::slice::from_ref(block));
        compress256(&mut outer, &[padded(&to_bytes(&inner))]);
        inner.zeroize();
        to_bytes(&outer)
    }
}

fn hashed_pad(key: &[u8; 32], pad: u8) -> State {
    let mut block = Zeroizing::new([pad; BLOCK]);
    for (byte, key) in block.iter_mut().zip(key) {
        *byte ^= key;
    }
    let mut state = INITIAL;
    compress256(&mut state, &[*block]);
    state
}

/// A message of 32 bytes that follows one block, as the block it becomes.
fn padded(message: &[u8; 32]) -> Block {
    let mut block = [0; BLOCK];
    block[..32].copy_from_slice(message);
    pad(&mut block, 32, BLOCK + 32);
    block
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng as _, RngExt as _, SeedableRng as _};
    use rfc6979::{KGenerator, bigint::U256};

    use super::super::order::ORDER;
    use super::*;
    use crate::Digest;

    const ROUNDS: usize = 4_000;

    fn reference(x: &[u8; 32], digest: &Digest, nth: usize) -> [u8; 32] {
        let order = U256::from_be_slice(&ORDER);
        let mut generator = KGenerator::<sha2::Sha256, U256>::new(x, &digest.0, &[], &order);
        let mut nonce = [0; 32];
        for _ in 0..=nth {
            generator.fill_next_k(&mut nonce);
        }
        nonce
    }

    fn random_key(rng: &mut StdRng) -> [u8; 32] {
        loop {
            let key = rng.random();
            if order::is_scalar(&key) {
                return key;
            }
        }
    }

    fn seeded() -> StdRng {
        let seed = std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
        println!("SEED={seed}");
        StdRng::seed_from_u64(seed)
    }

    #[test]
    fn nonces_are_those_of_the_rfc6979_crate() {
        let mut rng = seeded();
        for _ in 0..ROUNDS / LANES {
            let key = random_key(&mut rng);
            let mut nonces = Rfc6979x8::new(&key);
            let mut digests = [Digest([0; 32]); LANES];
            digests.iter_mut().for_each(|digest| rng.fill_bytes(&mut digest.0));
            digests[0].0[..4].fill(0xff);
            let lanes = rng.random_range(1..=LANES);
            let mut made = [[0; 32]; LANES];
            nonces.generate(&digests.map(|digest| Reduced::of(&digest))[..lanes], &mut made);
            for lane in 0..lanes {
                assert_eq!(made[lane], reference(&key, &digests[lane], 0), "lane {lane} of {lanes}");
            }
        }
    }

    /// No key and digest are known whose first candidate is refused, so the refusal is made here.
    #[test]
    fn after_a_refused_candidate_comes_the_generators_next_one() {
        let key = random_key(&mut seeded());
        let digest = Digest::of(b"sample");
        let mut nonces = Rfc6979x8::new(&key);
        nonces.generate(&[Reduced::of(&digest)], &mut [[0; 32]; LANES]);
        for nth in 1..4 {
            nonces.reject(3);
            assert_eq!(nonces.values[3], reference(&key, &digest, nth));
        }
    }

    #[test]
    fn what_holds_a_secret_is_wiped_when_it_is_dropped() {
        fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
        let mut nonces = Rfc6979x8::new(&[1; 32]);
        is_wiped(&nonces);
        nonces.generate(&[Reduced::of(&Digest([2; 32]))], &mut [[0; 32]; LANES]);
        nonces.zeroize();
        assert_eq!(nonces.values, [[0; 32]; LANES]);
        assert_eq!(nonces.tails, [[0; BLOCK]; LANES]);
    }
}
