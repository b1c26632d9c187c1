//! Every kernel counts as the definition does, for every row count and around every block edge.

use alloc::vec;
use alloc::vec::Vec;

use super::Kernel;

/// A fixed stream of words in which runs of zeros and ones occur too: counts meet their extremes.
fn words(seed: u64, n: usize) -> Vec<u64> {
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

fn mismatches(a: &[u64], b: &[u64]) -> u32 {
    let bits = |x: &u64| (0..64).filter(|i| x >> i & 1 == 1).count() as u32;
    a.iter().zip(b).map(|(a, b)| bits(&(a ^ b))).sum()
}

/// Word counts around the vector widths (4, 8) and the byte accumulators' flush (31, 4 * 31).
const WORDS: [usize; 18] = [
    1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 30, 31, 32, 62, 63, 124, 125,
];

#[test]
fn a_tile_counts_mismatches_and_writes_nothing_else() {
    for kernel in Kernel::available() {
        for n in WORDS {
            let weights: Vec<Vec<u64>> =
                (0..kernel.nr()).map(|j| words(j as u64 + 77, n)).collect();
            let panel: Vec<u64> = (0..n)
                .flat_map(|w| weights.iter().map(move |row| row[w]))
                .collect();
            for rows in 1..=kernel.mr() {
                let a: Vec<Vec<u64>> = (0..rows).map(|r| words(r as u64 * 3 + 5, n)).collect();
                let a: Vec<&[u64]> = a.iter().map(Vec::as_slice).collect();
                let guard = 0xDEAD_BEEF;
                let mut counts = vec![guard; rows * kernel.nr() + 16];
                kernel.tile(&a, &panel, &mut counts[8..8 + rows * kernel.nr()]);
                for (i, &count) in counts[8..8 + rows * kernel.nr()].iter().enumerate() {
                    let (r, j) = (i / kernel.nr(), i % kernel.nr());
                    assert_eq!(
                        count,
                        mismatches(a[r], &weights[j]),
                        "{kernel:?} {n} {r} {j}"
                    );
                }
                let outside = counts[..8].iter().chain(&counts[8 + rows * kernel.nr()..]);
                assert!(
                    outside.into_iter().all(|&c| c == guard),
                    "{kernel:?} {n} {rows}"
                );
            }
        }
    }
}

#[test]
fn a_count_of_two_rows_is_the_number_of_mismatches() {
    for kernel in Kernel::available() {
        for n in WORDS {
            let (a, b) = (words(1, n), words(2, n));
            assert_eq!(kernel.count(&a, &b), mismatches(&a, &b), "{kernel:?} {n}");
            let (zeros, ones) = (vec![0; n], vec![u64::MAX; n]);
            assert_eq!(kernel.count(&zeros, &ones), 64 * n as u32, "{kernel:?} {n}");
        }
    }
}
