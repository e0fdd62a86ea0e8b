//! Memory that held secrets.

/// Overwrites all that a vector has room for.
pub(crate) fn wipe<T: Copy>(vector: &mut Vec<T>, with: T) {
    vector.clear();
    vector.resize(vector.capacity(), with);
    // Whoever looks at it might read it, as far as the compiler knows: so the writing cannot be left out.
    std::hint::black_box(vector.as_mut_slice());
}

/// Makes room in a vector, which is empty afterwards if it had too little. One that grows by itself leaves a copy of what it held in memory
/// that is free.
pub(crate) fn make_room<T: Copy>(vector: &mut Vec<T>, room: usize, with: T) {
    if vector.capacity() < room {
        wipe(vector, with);
        *vector = Vec::with_capacity(room);
    }
}
