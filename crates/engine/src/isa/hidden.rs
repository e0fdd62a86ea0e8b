//! Words of which the compiler does not know where they come from.
#![allow(unsafe_code, reason = "only an instruction that it cannot look into hides a word from the compiler")]

/// The word. Of a mask that came from a comparison the compiler would know that it has two values, and could branch instead of masking.
#[inline(always)]
pub(crate) fn hidden(word: u64) -> u64 {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let mut hidden = word;
        // SAFETY: it is no instruction at all.
        unsafe { std::arch::asm!("/* {0} */", inout(reg) hidden, options(pure, nomem, nostack, preserves_flags)) };
        hidden
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    std::hint::black_box(word)
}
