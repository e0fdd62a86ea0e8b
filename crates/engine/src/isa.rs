//! The vector instructions that the engine's fields are written in, and the same on plain words.
//!
//! A value of a unit's type is the proof that its instructions are there, so every operation is safe to call. The emulations run
//! every line of the fields on every machine; they are for tests, since they read tables at secret addresses.

#[cfg(feature = "emulation")]
mod emulated;
mod hidden;
mod madd52;
mod mul32;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

/// Safe methods of a unit for instructions: its value exists only where they do. Whoever uses this allows `unsafe_code`.
#[cfg(target_arch = "x86_64")]
macro_rules! instructions {
    ($(fn $name:ident $(<const $bits:ident: $kind:ty>)? ($($argument:ident: $type:ty),*) -> $result:ty { $call:expr })*) => {
        $(
            #[inline(always)]
            fn $name $(<const $bits: $kind>)? (self, $($argument: $type),*) -> $result {
                // SAFETY: `self` exists only where `detect` found these instructions; they touch no memory but the references.
                unsafe { $call }
            }
        )*
    };
}
#[cfg(target_arch = "x86_64")]
use instructions;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512Ifma;
#[cfg(feature = "emulation")]
pub(crate) use emulated::Emulated;
pub(crate) use hidden::hidden;
pub(crate) use madd52::Madd52;
pub(crate) use mul32::Mul32;

/// What a unit runs: `run` is inlined into a function that is compiled for the unit.
pub(crate) trait Work {
    type Output;

    /// Always inlined, and so is all that is to become instructions of the unit. Closures that are given to iterators are not: within them, each
    /// instruction would be a call.
    fn run(self) -> Self::Output;
}
