//! The signatures of a slice under one key.
//!
//! ```text
//! k ── odd: k or n - k ── k·G by the comb ── x, y ── r = x ── s = (e + r·d)/k ── the sign of s
//!  └───────── 1/k of all by one inversion ────────────────────────┘
//! ```

use crate::{
    comb::{Comb, Table},
    declassify,
    isa::hidden,
    lanes::{Lanes, PRIME},
    order::{self, ORDER, Plain, Scalar},
    wipe::{make_room, wipe},
    words::{self, Words},
};

/// Which of the two signatures (r, s) and (r, n - s) is made: both are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// That of the nonce as it is, as RFC 6979 has it.
    OfNonce,
    /// That whose point R has an even y, so that R can be found from r alone.
    EvenY,
}

/// Why a slice was not signed. Each has a probability below 2⁻⁹⁶ with random nonces, whoever chose the digests: take it for a fault of
/// the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// As many nonces, signatures and hints as digests are wanted.
    #[error("digests, nonces, signatures and hints differ in number")]
    Lengths,
    /// A nonce is zero or not below n.
    #[error("a nonce is not a number from 1 to n - 1")]
    Nonce,
    /// Two points of the same x met in a sum.
    #[error("a nonce led to a sum of two points of the same x")]
    SameX,
    /// r or s is zero, or R has an x that is not below n.
    #[error("the nonce of the digest at index {0} gives no signature, or one whose R is not found by r")]
    Digest(usize),
}

/// A stage of signing a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceStage {
    /// The nonces are read, and made odd.
    Nonces,
    /// k·G of each nonce k.
    Points,
    /// 1/k of each nonce k.
    Inverses,
}

/// The memory in which slices are signed; wiped at its end.
pub(crate) struct SliceSigner<L: Lanes> {
    lanes: L,
    comb: Comb<L>,
    nonces: Vec<Words>,
    odd: Vec<Words>,
    inverses: Vec<Scalar>,
    before: Vec<Scalar>,
}

/// What is signed, and where the signatures and each R's y go: as many of each.
pub(crate) struct ToSign<'a> {
    pub(crate) digests: &'a [[u8; 32]],
    /// Numbers from 1 to n - 1, big-endian.
    pub(crate) nonces: &'a [[u8; 32]],
    pub(crate) sign: Sign,
    pub(crate) signatures: &'a mut [[u8; 64]],
    pub(crate) ys: &'a mut [Words],
    /// Is told when a stage is over.
    pub(crate) over: &'a mut dyn FnMut(SliceStage),
}

impl<L: Lanes> SliceSigner<L> {
    pub(crate) fn new(lanes: L, table: Table<L>) -> Self {
        Self {
            lanes,
            comb: Comb::new(lanes, table),
            nonces: Vec::new(),
            odd: Vec::new(),
            inverses: Vec::new(),
            before: Vec::new(),
        }
    }

    #[inline(always)]
    pub(crate) fn sign(&mut self, key: Scalar, to_sign: ToSign<'_>) -> Result<(), Refused> {
        self.take_nonces(to_sign.nonces)?;
        (to_sign.over)(SliceStage::Nonces);
        self.comb.multiply(&self.odd).map_err(|_| Refused::SameX)?;
        (to_sign.over)(SliceStage::Points);
        order::invert_all(&mut self.inverses, &mut self.before, Scalar::ONE_DIVIDED);
        (to_sign.over)(SliceStage::Inverses);
        self.finish(key, to_sign)
    }

    /// Of k and n - k one is odd, and both give a point of the same x.
    #[inline(always)]
    fn take_nonces(&mut self, nonces: &[[u8; 32]]) -> Result<(), Refused> {
        make_room(&mut self.nonces, nonces.len(), [0; 4]);
        make_room(&mut self.odd, nonces.len(), [0; 4]);
        make_room(&mut self.inverses, nonces.len(), Scalar::ZERO);
        make_room(&mut self.before, nonces.len(), Scalar::ZERO);
        self.nonces.clear();
        self.odd.clear();
        self.inverses.clear();
        let mut good = u64::MAX;
        for nonce in nonces {
            let nonce = words::from_bytes(nonce);
            good &= !words::zero_mask(&nonce) & hidden(words::sub(&nonce, &ORDER).1.wrapping_neg());
            let odd = words::select((nonce[0] & 1).wrapping_neg(), &nonce, &order::negate(&nonce));
            self.nonces.push(nonce);
            self.odd.push(odd);
            self.inverses.push(Scalar::divided(&odd));
        }
        if declassify::word(good) == u64::MAX { Ok(()) } else { Err(Refused::Nonce) }
    }

    #[inline(always)]
    fn finish(&mut self, key: Scalar, to_sign: ToSign<'_>) -> Result<(), Refused> {
        let ToSign { digests, sign, signatures, ys, .. } = to_sign;
        let (mut xs, mut odd_ys) = ([[0; 4]; 8], [[0; 4]; 8]);
        for (group, first) in (0..digests.len()).step_by(L::WIDTH).enumerate() {
            self.lanes.decode(&self.comb.x[group], &mut xs[..L::WIDTH]);
            self.lanes.decode(&self.comb.y[group], &mut odd_ys[..L::WIDTH]);
            for (lane, at) in (first..digests.len().min(first + L::WIDTH)).enumerate() {
                let r = xs[lane];
                let digest = Plain(order::reduce(&words::from_bytes(&digests[at])));
                let s = self.inverses[at].times(&key.times(&r).add(digest).0).0;
                let other = match sign {
                    Sign::OfNonce => (self.nonces[at][0] & 1).wrapping_sub(1),
                    Sign::EvenY => (odd_ys[lane][0] & 1).wrapping_neg(),
                };
                let s = words::select(other, &order::negate(&s), &s);
                let y = words::select(other, &words::sub(&PRIME, &odd_ys[lane]).0, &odd_ys[lane]);
                let made = !words::zero_mask(&r)
                    & hidden(words::sub(&r, &ORDER).1.wrapping_neg())
                    & hidden(words::sub(&s, &ORDER).1.wrapping_neg())
                    & !words::zero_mask(&s);
                if declassify::word(made) != u64::MAX {
                    return Err(Refused::Digest(at));
                }
                signatures[at][..32].copy_from_slice(&words::to_bytes(&r));
                signatures[at][32..].copy_from_slice(&words::to_bytes(&s));
                ys[at] = y;
            }
        }
        Ok(())
    }
}

impl<L: Lanes> SliceSigner<L> {
    /// Overwrites all that the last slice has left.
    pub(crate) fn wipe(&mut self) {
        wipe(&mut self.nonces, [0; 4]);
        wipe(&mut self.odd, [0; 4]);
        wipe(&mut self.inverses, Scalar::ZERO);
        wipe(&mut self.before, Scalar::ZERO);
        self.comb.wipe();
    }
}
