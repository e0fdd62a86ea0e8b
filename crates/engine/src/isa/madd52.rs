//! What AVX-512 IFMA gives: eight lanes that multiply numbers of 52 bits and add half of the product.

use super::Work;

/// Instructions on eight lanes of 64 bits.
pub(crate) trait Madd52: Copy + Send + Sync + 'static {
    /// Eight words.
    type Vector: Copy + Send + Sync;

    /// Runs `work`, compiled for this unit: what is inlined into it becomes instructions in line.
    fn run<W: Work>(self, work: W) -> W::Output;

    fn splat(self, word: u64) -> Self::Vector;
    fn load(self, words: &[u64; 8]) -> Self::Vector;
    /// Four words in the lower lanes, zeros in the others.
    fn load_half(self, words: &[u64; 4]) -> Self::Vector;
    fn store(self, vector: Self::Vector) -> [u64; 8];
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn and(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn or(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn xor(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Shifts to the left; zeros come in.
    fn shl<const BITS: u32>(self, a: Self::Vector) -> Self::Vector;
    /// Shifts to the right; zeros come in.
    fn shr<const BITS: u32>(self, a: Self::Vector) -> Self::Vector;
    /// Shifts to the right; the sign comes in.
    fn sar<const BITS: u32>(self, a: Self::Vector) -> Self::Vector;
    /// Shifts to the left by a public count; zero from 64 on.
    fn shl_by(self, a: Self::Vector, bits: u32) -> Self::Vector;
    /// Shifts to the right by a public count; zero from 64 on.
    fn shr_by(self, a: Self::Vector, bits: u32) -> Self::Vector;
    /// sum + the low 52 bits of a·b, of whose factors the low 52 bits count.
    fn madd_low(self, sum: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// sum + bits 52 to 103 of a·b, of whose factors the low 52 bits count.
    fn madd_high(self, sum: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Lane i of vector j becomes lane j of vector i.
    fn transpose(self, rows: [Self::Vector; 8]) -> [Self::Vector; 8];
    /// `table[index]` in each lane, for an index below 64, in constant time.
    fn look_up(self, table: &[u64; 64], index: Self::Vector) -> Self::Vector;
    /// `yes` in the lanes whose mask is all ones, `no` where it is 0.
    fn blend(self, mask: Self::Vector, yes: Self::Vector, no: Self::Vector) -> Self::Vector;
}
