//! AVX2: Haswell, Zen and what came after them.
#![allow(
    unsafe_code,
    reason = "the compiler cannot know that a value of the unit exists only where its instructions do"
)]

use std::arch::x86_64::*;

use super::{Work, instructions, mul32::Mul32};

/// A processor with AVX2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// The unit, where this processor and its operating system have it.
    pub(crate) fn detect() -> Option<Self> {
        let present = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2");
        present.then_some(Self(()))
    }
}

impl Mul32 for Avx2 {
    type Vector = __m256i;

    instructions! {
        fn splat(word: u64) -> __m256i { _mm256_set1_epi64x(word.cast_signed()) }
        fn load(words: &[u64; 4]) -> __m256i { _mm256_loadu_si256(words.as_ptr().cast()) }
        fn add(a: __m256i, b: __m256i) -> __m256i { _mm256_add_epi64(a, b) }
        fn sub(a: __m256i, b: __m256i) -> __m256i { _mm256_sub_epi64(a, b) }
        fn and(a: __m256i, b: __m256i) -> __m256i { _mm256_and_si256(a, b) }
        fn or(a: __m256i, b: __m256i) -> __m256i { _mm256_or_si256(a, b) }
        fn xor(a: __m256i, b: __m256i) -> __m256i { _mm256_xor_si256(a, b) }
        fn shl<const BITS: i32>(a: __m256i) -> __m256i { _mm256_slli_epi64::<BITS>(a) }
        fn shr<const BITS: i32>(a: __m256i) -> __m256i { _mm256_srli_epi64::<BITS>(a) }
        fn shl_by(a: __m256i, bits: u32) -> __m256i { _mm256_sllv_epi64(a, _mm256_set1_epi64x(i64::from(bits))) }
        fn shr_by(a: __m256i, bits: u32) -> __m256i { _mm256_srlv_epi64(a, _mm256_set1_epi64x(i64::from(bits))) }
        fn mul(a: __m256i, b: __m256i) -> __m256i { _mm256_mul_epu32(a, b) }
        fn blend(mask: __m256i, yes: __m256i, no: __m256i) -> __m256i { _mm256_blendv_epi8(no, yes, mask) }
    }

    fn run<W: Work>(self, work: W) -> W::Output {
        #[target_feature(enable = "avx2,bmi2")]
        fn inside<W: Work>(work: W) -> W::Output {
            work.run()
        }
        // SAFETY: `detect` found AVX2 and BMI2.
        unsafe { inside(work) }
    }

    #[inline(always)]
    fn store(self, vector: __m256i) -> [u64; 4] {
        let mut words = [0; 4];
        // SAFETY: `words` has room for one vector, and `self` exists only where the instruction does.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), vector) };
        words
    }

    #[inline(always)]
    fn transpose(self, [a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
        // SAFETY: `self` exists only where these instructions do.
        unsafe {
            let (even_ab, odd_ab) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
            let (even_cd, odd_cd) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
            [
                _mm256_permute2x128_si256::<0x20>(even_ab, even_cd),
                _mm256_permute2x128_si256::<0x20>(odd_ab, odd_cd),
                _mm256_permute2x128_si256::<0x31>(even_ab, even_cd),
                _mm256_permute2x128_si256::<0x31>(odd_ab, odd_cd),
            ]
        }
    }

    /// `vpermd` looks among 8 numbers of 32 bits by the low three bits of the index; three bits choose among eight such looks.
    /// The upper half of each lane looks at entry 0, and is cleared.
    #[inline(always)]
    fn look_up(self, table: &[u32; 64], index: __m256i) -> __m256i {
        let (parts, _) = table.as_chunks::<8>();
        // SAFETY: `self` exists only where `detect` found these instructions; they read the references only.
        unsafe {
            let among = |at: usize| {
                let part = _mm256_loadu_si256(parts[at].as_ptr().cast());
                _mm256_castsi256_pd(_mm256_permutevar8x32_epi32(part, index))
            };
            // A blend looks at the highest bit of each lane.
            let bit_3 = _mm256_castsi256_pd(_mm256_slli_epi64::<60>(index));
            let bit_4 = _mm256_castsi256_pd(_mm256_slli_epi64::<59>(index));
            let bit_5 = _mm256_castsi256_pd(_mm256_slli_epi64::<58>(index));
            let pair = |at: usize| _mm256_blendv_pd(among(at), among(at + 1), bit_3);
            let low = _mm256_blendv_pd(pair(0), pair(2), bit_4);
            let high = _mm256_blendv_pd(pair(4), pair(6), bit_4);
            let found = _mm256_castpd_si256(_mm256_blendv_pd(low, high, bit_5));
            _mm256_and_si256(found, _mm256_set1_epi64x(0xffff_ffff))
        }
    }
}
