//! Words whose bits follow no pattern.

/// The word at a place of the stream of a seed (splitmix64 of Steele et al.).
#[must_use]
pub const fn noise(seed: u32, at: usize) -> u64 {
    let mut x = ((seed as u64) << 32 | at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ x >> 31
}

/// The first words of the stream.
#[must_use]
pub const fn noise_words<const LEN: usize>(seed: u32) -> [u64; LEN] {
    let mut words = [0; LEN];
    let mut i = 0;
    while i < LEN {
        words[i] = noise(seed, i);
        i += 1;
    }
    words
}
