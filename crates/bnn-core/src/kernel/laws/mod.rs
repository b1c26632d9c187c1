//! Every kernel computes as the definitions do.

mod loops;
mod packing;
mod products;
mod windows;

use alloc::vec::Vec;

/// A fixed stream of words in which runs of zeros and ones occur too: counts meet their extremes.
fn stream(seed: u64, n: usize) -> Vec<u64> {
    let mut x = seed | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x
    };
    (0..n)
        .map(|_| match next() % 4 {
            0 => 0,
            1 => u64::MAX,
            _ => next(),
        })
        .collect()
}
