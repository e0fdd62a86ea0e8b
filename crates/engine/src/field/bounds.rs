//! The bounds of limbs and sizes that the heads of the fields' files list: asserted in tests of this crate and in debug builds.

#[cfg(test)]
thread_local! {
    /// Whether this thread asserts bounds: not where a fault is planted, which the check has to find.
    pub(crate) static ASSERTED: std::cell::Cell<bool> = const { std::cell::Cell::new(true) };
}

/// Whether bounds are asserted in this build.
pub(crate) const IN_THIS_BUILD: bool = cfg!(any(test, debug_assertions));

/// Whether each lane of an element has limbs below 2^`limb_bits`, and a size of `hundredths`/100 at most. `lanes[limb][lane]` are its limbs of
/// `radix` bits.
pub(crate) fn hold<const LIMBS: usize, const LANES: usize>(
    lanes: &[[u64; LANES]; LIMBS],
    radix: usize,
    limb_bits: u32,
    hundredths: u128,
) -> bool {
    #[cfg(test)]
    if !ASSERTED.get() {
        return true;
    }
    (0..LANES).all(|lane| {
        // What the highest limb is when all limbs below have been carried.
        let top = lanes.iter().fold(0, |carry, limb| u128::from(limb[lane]) + (carry >> radix));
        let one = 1_u128 << (256 - radix * (LIMBS - 1));
        lanes.iter().all(|limb| limb[lane] >> limb_bits == 0) && top * 100 <= hundredths * one
    })
}
