//! The calls into the archive, and the symbols that it wants from others.

use std::{ffi::c_int, process::abort, ptr};

use crate::{Absent, LANES, Scalar};

/// Proof that [`load`] found that the library can run here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linked(());

/// `MBX_ALGO_EC_NIST_P256` of `crypto_mb/cpu_features.h`.
const P256: u32 = 5;

/// What one call reads and writes in each of its lanes.
type Lanes<T> = [T; LANES];

// SAFETY: these are the declarations of crypto_mb/ec_nistp256.h and cpu_features.h: `const` arrays of eight pointers are
// passed as pointers to the first, int64u is u64, mbx_status is u32, and an enum is an unsigned int.
unsafe extern "C" {
    safe fn mbx_is_crypto_mb_applicable(cpu_features: u64) -> c_int;
    safe fn mbx_get_algo_info(algorithm: u32) -> u64;
    fn mbx_nistp256_ecdsa_sign_mb8(
        r: *const Lanes<*mut u8>,
        s: *const Lanes<*mut u8>,
        digests: *const Lanes<*const u8>,
        nonces: *const Lanes<*const u64>,
        keys: *const Lanes<*const u64>,
        buffer: *mut u8,
    ) -> u32;
    fn mbx_nistp256_ecdsa_verify_mb8(
        r: *const Lanes<*const u8>,
        s: *const Lanes<*const u8>,
        digests: *const Lanes<*const u8>,
        x: *const Lanes<*const u64>,
        y: *const Lanes<*const u64>,
        z: *const Lanes<*const u64>,
        buffer: *mut u8,
    ) -> u32;
}

pub(crate) fn load() -> Result<Linked, Absent> {
    // 0 means "ask the processor". A mask of widths is told for an algorithm that can run: 8 lanes are wanted.
    if mbx_is_crypto_mb_applicable(0) != 0 && mbx_get_algo_info(P256) & LANES as u64 != 0 {
        Ok(Linked(()))
    } else {
        Err(Absent::Processor)
    }
}

/// Four bits of status for each lane.
pub(crate) fn sign(
    _: Linked,
    out: &mut Lanes<[u8; 64]>,
    digests: Lanes<&[u8; 32]>,
    nonces: &Lanes<Scalar>,
    key: &Scalar,
) -> u32 {
    let halves = out.each_mut().map(|signature| {
        let (r, s) = signature.split_at_mut(32);
        (r.as_mut_ptr(), s.as_mut_ptr())
    });
    let (r, s) = (halves.map(|(r, _)| r), halves.map(|(_, s)| s));
    let digests = digests.map(|digest| digest.as_ptr());
    let nonces = nonces.each_ref().map(|nonce| nonce.words.as_ptr());
    let keys = [key.words.as_ptr(); LANES];
    // SAFETY: each array holds eight pointers: to 32 bytes that are ours to write and do not overlap (r, s), to 32 bytes
    // (digests) and to four words (nonces, keys), all of which live until the call returns. The scratch buffer may be null.
    unsafe { mbx_nistp256_ecdsa_sign_mb8(&r, &s, &digests, &nonces, &keys, ptr::null_mut()) }
}

/// Four bits of status for each lane; 0 is a valid signature.
pub(crate) fn verify(
    _: Linked,
    signatures: Lanes<(&[u8; 32], &[u8; 32])>,
    digests: Lanes<&[u8; 32]>,
    x: &[u64; 4],
    y: &[u64; 4],
) -> u32 {
    let (r, s) = (signatures.map(|(r, _)| r.as_ptr()), signatures.map(|(_, s)| s.as_ptr()));
    let digests = digests.map(|digest| digest.as_ptr());
    let (x, y) = ([x.as_ptr(); LANES], [y.as_ptr(); LANES]);
    // SAFETY: each array holds eight pointers, to 32 bytes (r, s, digests) or four words (x, y), which are only read and
    // live until the call returns. No z means affine coordinates, and the scratch buffer may be null.
    unsafe { mbx_nistp256_ecdsa_verify_mb8(&r, &s, &digests, &x, &y, ptr::null(), ptr::null_mut()) }
}

/// The archive refers to five functions of OpenSSL in entry points that take OpenSSL's numbers. None of them is called, so
/// these are never reached.
macro_rules! not_called {
    ($($name:ident)*) => {
        $(
            // SAFETY: no other library of the program exports this name: aws-lc's have a prefix.
            #[unsafe(no_mangle)]
            extern "C" fn $name() {
                abort()
            }
        )*
    };
}

not_called! { BN_bin2bn BN_bn2lebinpad BN_is_word BN_num_bits ECDSA_SIG_get0 }
