//! Reproducible numbers for tests.

use alloc::vec::Vec;

/// `n` integers of both signs, the same for the same seed.
pub(crate) fn noise(seed: u64, n: usize) -> Vec<i32> {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            (x >> 32) as i32
        })
        .collect()
}
