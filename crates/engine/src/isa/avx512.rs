//! AVX-512 with IFMA: Ice Lake, Sapphire Rapids, Zen 4 and what came after them.
#![allow(
    unsafe_code,
    reason = "the compiler cannot know that a value of the unit exists only where its instructions do"
)]

use std::arch::x86_64::*;

use super::{Work, instructions, madd52::Madd52};

/// A processor with AVX-512 F and IFMA, BMI2 and ADX.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512Ifma(());

impl Avx512Ifma {
    /// The unit, where this processor and its operating system have it.
    pub(crate) fn detect() -> Option<Self> {
        // Every processor with the first two has the others, but a hypervisor can hide them.
        let present = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("adx");
        present.then_some(Self(()))
    }
}

impl Madd52 for Avx512Ifma {
    type Vector = __m512i;

    instructions! {
        fn splat(word: u64) -> __m512i { _mm512_set1_epi64(word.cast_signed()) }
        fn load(words: &[u64; 8]) -> __m512i { _mm512_loadu_si512(words.as_ptr().cast()) }
        fn load_half(words: &[u64; 4]) -> __m512i { _mm512_zextsi256_si512(_mm256_loadu_si256(words.as_ptr().cast())) }
        fn add(a: __m512i, b: __m512i) -> __m512i { _mm512_add_epi64(a, b) }
        fn sub(a: __m512i, b: __m512i) -> __m512i { _mm512_sub_epi64(a, b) }
        fn and(a: __m512i, b: __m512i) -> __m512i { _mm512_and_si512(a, b) }
        fn or(a: __m512i, b: __m512i) -> __m512i { _mm512_or_si512(a, b) }
        fn xor(a: __m512i, b: __m512i) -> __m512i { _mm512_xor_si512(a, b) }
        fn shl<const BITS: u32>(a: __m512i) -> __m512i { _mm512_slli_epi64::<BITS>(a) }
        fn shr<const BITS: u32>(a: __m512i) -> __m512i { _mm512_srli_epi64::<BITS>(a) }
        fn sar<const BITS: u32>(a: __m512i) -> __m512i { _mm512_srai_epi64::<BITS>(a) }
        fn shl_by(a: __m512i, bits: u32) -> __m512i { _mm512_sllv_epi64(a, _mm512_set1_epi64(i64::from(bits))) }
        fn shr_by(a: __m512i, bits: u32) -> __m512i { _mm512_srlv_epi64(a, _mm512_set1_epi64(i64::from(bits))) }
        fn madd_low(sum: __m512i, a: __m512i, b: __m512i) -> __m512i { _mm512_madd52lo_epu64(sum, a, b) }
        fn madd_high(sum: __m512i, a: __m512i, b: __m512i) -> __m512i { _mm512_madd52hi_epu64(sum, a, b) }
        fn blend(mask: __m512i, yes: __m512i, no: __m512i) -> __m512i { _mm512_ternarylogic_epi64::<0xca>(mask, yes, no) }
    }

    fn run<W: Work>(self, work: W) -> W::Output {
        #[target_feature(enable = "avx512f,avx512ifma,bmi2,adx")]
        fn inside<W: Work>(work: W) -> W::Output {
            work.run()
        }
        // SAFETY: `detect` found all four.
        unsafe { inside(work) }
    }

    #[inline(always)]
    fn store(self, vector: __m512i) -> [u64; 8] {
        let mut words = [0; 8];
        // SAFETY: `words` has room for one vector, and `self` exists only where the instruction does.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), vector) };
        words
    }

    #[inline(always)]
    fn transpose(self, rows: [__m512i; 8]) -> [__m512i; 8] {
        // SAFETY: `self` exists only where these instructions do.
        unsafe {
            // Written out: a closure would be compiled without these instructions.
            let [a, b, c, d, e, f, g, h] = rows;
            let (even_ab, odd_ab) = (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
            let (even_cd, odd_cd) = (_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
            let (even_ef, odd_ef) = (_mm512_unpacklo_epi64(e, f), _mm512_unpackhi_epi64(e, f));
            let (even_gh, odd_gh) = (_mm512_unpacklo_epi64(g, h), _mm512_unpackhi_epi64(g, h));
            let [c0, c2, c4, c6] = self.blocks(even_ab, even_cd, even_ef, even_gh);
            let [c1, c3, c5, c7] = self.blocks(odd_ab, odd_cd, odd_ef, odd_gh);
            [c0, c1, c2, c3, c4, c5, c6, c7]
        }
    }

    /// `vpermi2q` looks among 16 words by the low four bits of the index; two bits choose among four such looks.
    #[inline(always)]
    fn look_up(self, table: &[u64; 64], index: __m512i) -> __m512i {
        let (parts, _) = table.as_chunks::<8>();
        // SAFETY: `self` exists only where `detect` found these instructions; they read the references only.
        unsafe {
            let bit_4 = _mm512_test_epi64_mask(index, _mm512_set1_epi64(16));
            let bit_5 = _mm512_test_epi64_mask(index, _mm512_set1_epi64(32));
            let first = _mm512_permutex2var_epi64(self.load(&parts[0]), index, self.load(&parts[1]));
            let second = _mm512_permutex2var_epi64(self.load(&parts[2]), index, self.load(&parts[3]));
            let third = _mm512_permutex2var_epi64(self.load(&parts[4]), index, self.load(&parts[5]));
            let fourth = _mm512_permutex2var_epi64(self.load(&parts[6]), index, self.load(&parts[7]));
            let low = _mm512_mask_blend_epi64(bit_4, first, second);
            let high = _mm512_mask_blend_epi64(bit_4, third, fourth);
            _mm512_mask_blend_epi64(bit_5, low, high)
        }
    }
}

impl Avx512Ifma {
    /// The first, second, third and fourth 128 bits of four vectors side by side.
    #[inline(always)]
    fn blocks(self, a: __m512i, b: __m512i, c: __m512i, d: __m512i) -> [__m512i; 4] {
        // SAFETY: `self` exists only where the instruction does.
        unsafe {
            let (ab_02, cd_02) = (_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0x88>(c, d));
            let (ab_13, cd_13) = (_mm512_shuffle_i64x2::<0xdd>(a, b), _mm512_shuffle_i64x2::<0xdd>(c, d));
            [
                _mm512_shuffle_i64x2::<0x88>(ab_02, cd_02),
                _mm512_shuffle_i64x2::<0x88>(ab_13, cd_13),
                _mm512_shuffle_i64x2::<0xdd>(ab_02, cd_02),
                _mm512_shuffle_i64x2::<0xdd>(ab_13, cd_13),
            ]
        }
    }
}
