//! What AVX2 gives: four lanes that multiply numbers of 32 bits.

use super::Work;

/// Instructions on four lanes of 64 bits.
pub(crate) trait Mul32: Copy + Send + Sync + 'static {
    /// Four words.
    type Vector: Copy + Send + Sync;

    /// Runs `work`, compiled for this unit: what is inlined into it becomes instructions in line.
    fn run<W: Work>(self, work: W) -> W::Output;

    fn splat(self, word: u64) -> Self::Vector;
    fn load(self, words: &[u64; 4]) -> Self::Vector;
    fn store(self, vector: Self::Vector) -> [u64; 4];
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn and(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn or(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn xor(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Shifts to the left; zeros come in.
    fn shl<const BITS: i32>(self, a: Self::Vector) -> Self::Vector;
    /// Shifts to the right; zeros come in.
    fn shr<const BITS: i32>(self, a: Self::Vector) -> Self::Vector;
    /// Shifts to the left by a public count; zero from 64 on.
    fn shl_by(self, a: Self::Vector, bits: u32) -> Self::Vector;
    /// Shifts to the right by a public count; zero from 64 on.
    fn shr_by(self, a: Self::Vector, bits: u32) -> Self::Vector;
    /// The product of the low 32 bits of each factor.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Lane i of vector j becomes lane j of vector i.
    fn transpose(self, rows: [Self::Vector; 4]) -> [Self::Vector; 4];
    /// `table[index]` in each lane, for an index below 64, in constant time.
    fn look_up(self, table: &[u32; 64], index: Self::Vector) -> Self::Vector;
    /// `yes` in the lanes whose mask is all ones, `no` where it is 0.
    fn blend(self, mask: Self::Vector, yes: Self::Vector, no: Self::Vector) -> Self::Vector;
}
