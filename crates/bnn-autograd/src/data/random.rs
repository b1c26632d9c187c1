//! Random streams that depend on nothing but numbers the caller can name, so that a resumed run,
//! another batch order or another thread count draws the same values.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// What a stream is for; different purposes never share draws.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Shuffle,
    /// Augmentation of the sample with this index.
    Augment(usize),
    /// Which samples are for testing.
    Split,
}

/// The stream of one purpose in one epoch.
pub(super) fn stream(seed: u64, epoch: u64, purpose: Purpose) -> Xoshiro256PlusPlus {
    let (tag, index) = match purpose {
        Purpose::Shuffle => (0, 0),
        Purpose::Augment(index) => (1, index as u64),
        Purpose::Split => (2, 0),
    };
    let key = [epoch, tag, index]
        .into_iter()
        .fold(mix(seed), |key, word| mix(key ^ word));
    Xoshiro256PlusPlus::seed_from_u64(key)
}

/// A number from `0..bound` by multiply-shift (Lemire 2019, arXiv 1805.10941). Without the
/// rejection step no value is off its fair share by more than `bound / 2^64`, which no data set can
/// tell.
pub(super) fn below(rng: &mut Xoshiro256PlusPlus, bound: usize) -> usize {
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

/// A number evenly distributed in `[0, 1)`; 53 random bits.
pub(super) fn unit(rng: &mut Xoshiro256PlusPlus) -> f64 {
    (rng.next_u64() >> 11) as f64 * f64::EPSILON / 2.0
}

/// A permutation of `0..n` (Fisher-Yates).
pub(super) fn permutation(n: usize, mut rng: Xoshiro256PlusPlus) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last, below(&mut rng, last + 1));
    }
    order
}

/// One step of SplitMix64 (Steele, Lea, Flood 2014): a bijection whose every output bit depends
/// on every input bit.
fn mix(word: u64) -> u64 {
    let z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn seeds_epochs_and_purposes_that_are_near_have_streams_that_are_not() {
        let mut firsts = HashSet::new();
        for seed in 0..8 {
            for epoch in 0..8 {
                firsts.insert(stream(seed, epoch, Purpose::Shuffle).next_u64());
                firsts.insert(stream(seed, epoch, Purpose::Split).next_u64());
                for index in 0..8 {
                    firsts.insert(stream(seed, epoch, Purpose::Augment(index)).next_u64());
                }
            }
        }
        assert_eq!(firsts.len(), 8 * 8 * 10);
    }

    #[test]
    fn draws_stay_below_their_bound_and_reach_every_value_evenly() {
        let mut rng = stream(1, 2, Purpose::Shuffle);
        for bound in [1, 2, 3, 10, 63, 65] {
            let mut counts = vec![0_usize; bound];
            (0..bound * 1000).for_each(|_| counts[below(&mut rng, bound)] += 1);
            // Mean 1000, standard deviation under 32: 200 is more than six of them.
            assert!(
                counts.iter().all(|&count| count.abs_diff(1000) < 200),
                "{counts:?}"
            );
        }
    }
}
