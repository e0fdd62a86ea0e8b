//! Where a secret becomes public.
//!
//! A test runs the signing code under valgrind's memcheck with keys and nonces marked as undefined: it then reports every branch and every
//! address that depends on them. What is said here to be public is marked as defined again.

#[cfg(feature = "valgrind")]
pub use memcheck::{public, secret};

/// A word that depends on secrets but tells nothing of them: whether a case met that no random nonce leads to.
#[inline(always)]
pub(crate) fn word(word: u64) -> u64 {
    #[cfg(feature = "valgrind")]
    {
        let mut words = [word];
        public(&mut words);
        std::hint::black_box(words[0])
    }
    #[cfg(not(feature = "valgrind"))]
    word
}

/// Requests to memcheck, as valgrind.h and memcheck.h have them. Outside valgrind they do nothing.
#[cfg(all(feature = "valgrind", target_arch = "x86_64"))]
mod memcheck {
    #![allow(unsafe_code, reason = "the requests are instructions that only valgrind knows")]

    const MAKE_MEM_UNDEFINED: u64 = 0x4d43_0001;
    const MAKE_MEM_DEFINED: u64 = 0x4d43_0002;
    const RUNNING_ON_VALGRIND: u64 = 0x1001;

    /// Marks as secret: memcheck reports every branch and every address that depends on it. Gives whether there is a memcheck.
    pub fn secret<T: Copy>(of: &mut [T]) -> bool {
        request(MAKE_MEM_UNDEFINED, of);
        request::<u8>(RUNNING_ON_VALGRIND, &mut []) != 0
    }

    /// Marks as public again.
    pub fn public<T: Copy>(of: &mut [T]) {
        request(MAKE_MEM_DEFINED, of);
    }

    fn request<T: Copy>(request: u64, of: &mut [T]) -> u64 {
        let arguments = [request, of.as_mut_ptr().expose_provenance() as u64, size_of_val(of) as u64, 0, 0, 0];
        let mut result = 0_u64;
        // SAFETY: the rotations leave `rdi` as it was, and exchanging `rbx` with itself does nothing; valgrind puts a number into `rdx`.
        // The memory keeps its values, but is said to be read and written.
        unsafe {
            std::arch::asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") arguments.as_ptr(),
                inout("rdx") result,
                options(nostack),
            );
        }
        result
    }
}
