//! Memory that held secrets.

/// Overwrites all that a vector has room for.
pub(crate) fn wipe<T: Copy>(vector: &mut Vec<T>, with: T) {
    vector.clear();
    vector.resize(vector.capacity(), with);
    // Whoever looks at it might read it, as far as the compiler knows: so the writing cannot be left out.
    std::hint::black_box(vector.as_mut_slice());
}
