//! Both units on plain words.

use super::{Work, madd52::Madd52, mul32::Mul32};

/// `LANES` lanes of plain words. Not in constant time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Emulated;

const LOW_52: u64 = (1 << 52) - 1;

fn each<const N: usize>(operation: impl Fn(usize) -> u64) -> [u64; N] {
    std::array::from_fn(operation)
}

/// What both units have.
macro_rules! common {
    ($lanes:literal, $bits:ty) => {
        type Vector = [u64; $lanes];

        fn run<W: Work>(self, work: W) -> W::Output {
            work.run()
        }
        fn splat(self, word: u64) -> Self::Vector {
            [word; $lanes]
        }
        fn load(self, words: &[u64; $lanes]) -> Self::Vector {
            *words
        }
        fn store(self, vector: Self::Vector) -> [u64; $lanes] {
            vector
        }
        fn transpose(self, rows: [Self::Vector; $lanes]) -> [Self::Vector; $lanes] {
            std::array::from_fn(|lane| each(|row| rows[row][lane]))
        }
        fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            each(|lane| a[lane].wrapping_add(b[lane]))
        }
        fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            each(|lane| a[lane].wrapping_sub(b[lane]))
        }
        fn and(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            each(|lane| a[lane] & b[lane])
        }
        fn or(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            each(|lane| a[lane] | b[lane])
        }
        fn xor(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            each(|lane| a[lane] ^ b[lane])
        }
        fn shl<const BITS: $bits>(self, a: Self::Vector) -> Self::Vector {
            each(|lane| a[lane] << BITS)
        }
        fn shr<const BITS: $bits>(self, a: Self::Vector) -> Self::Vector {
            each(|lane| a[lane] >> BITS)
        }
        fn shl_by(self, a: Self::Vector, bits: u32) -> Self::Vector {
            each(|lane| a[lane].checked_shl(bits).unwrap_or(0))
        }
        fn shr_by(self, a: Self::Vector, bits: u32) -> Self::Vector {
            each(|lane| a[lane].checked_shr(bits).unwrap_or(0))
        }
        fn blend(self, mask: Self::Vector, yes: Self::Vector, no: Self::Vector) -> Self::Vector {
            each(|lane| (yes[lane] & mask[lane]) | (no[lane] & !mask[lane]))
        }
    };
}

impl Madd52 for Emulated {
    common!(8, u32);

    fn load_half(self, words: &[u64; 4]) -> Self::Vector {
        each(|lane| words.get(lane).copied().unwrap_or(0))
    }
    fn sar<const BITS: u32>(self, a: Self::Vector) -> Self::Vector {
        each(|lane| (a[lane].cast_signed() >> BITS).cast_unsigned())
    }
    fn madd_low(self, sum: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        each(|lane| sum[lane].wrapping_add((a[lane] & LOW_52).wrapping_mul(b[lane] & LOW_52) & LOW_52))
    }
    fn madd_high(self, sum: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        let high = |a: u64, b: u64| ((u128::from(a & LOW_52) * u128::from(b & LOW_52)) >> 52) as u64;
        each(|lane| sum[lane].wrapping_add(high(a[lane], b[lane])))
    }
    fn look_up(self, table: &[u64; 64], index: Self::Vector) -> Self::Vector {
        each(|lane| table[index[lane] as usize & 63])
    }
}

impl Mul32 for Emulated {
    common!(4, i32);

    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        each(|lane| (a[lane] & 0xffff_ffff) * (b[lane] & 0xffff_ffff))
    }
    fn look_up(self, table: &[u32; 64], index: Self::Vector) -> Self::Vector {
        each(|lane| u64::from(table[index[lane] as usize & 63]))
    }
}
