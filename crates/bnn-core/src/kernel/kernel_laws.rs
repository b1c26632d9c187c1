//! Every kernel sums as the definition does, for every row count and around every block edge.

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

/// Word counts around the vector widths (4, 8) and around what byte and 16-bit sums can hold (3,
/// 1020 words).
const WORDS: [usize; 16] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 63, 1019, 1020, 1021, 2041,
];

/// Weight rows of one panel, and the panel.
fn panel(kernel: &Kernel, n: usize) -> (Vec<Vec<u64>>, Vec<u64>) {
    let weights: Vec<Vec<u64>> = (0..kernel.nr()).map(|j| words(j as u64 + 77, n)).collect();
    let interleaved = (0..n).flat_map(|w| weights.iter().map(move |row| row[w]));
    let mut panel: Vec<u64> = interleaved.collect();
    panel
        .chunks_mut(kernel.nr())
        .for_each(|group| kernel.arrange(group));
    (weights, panel)
}

/// Runs a tile between guard words and returns its sums.
fn guarded(len: usize, tile: impl FnOnce(&mut [i32])) -> Vec<i32> {
    const GUARD: i32 = 0x5EED;
    let mut sums = vec![GUARD; len + 16];
    tile(&mut sums[8..8 + len]);
    let outside = sums[..8].iter().chain(&sums[8 + len..]);
    assert!(outside.into_iter().all(|&s| s == GUARD), "written outside");
    sums[8..8 + len].to_vec()
}

#[test]
fn a_tile_of_signs_sums_and_writes_nothing_else() {
    for kernel in Kernel::available() {
        for n in WORDS {
            let (weights, panel) = panel(kernel, n);
            for rows in 1..=kernel.mr() {
                let a: Vec<Vec<u64>> = (0..rows).map(|r| words(r as u64 * 3 + 5, n)).collect();
                let a: Vec<&[u64]> = a.iter().map(Vec::as_slice).collect();
                let k = 64 * n as u32;
                let len = rows * kernel.nr();
                let sums = guarded(len, |sums| kernel.signs(&a, &panel, k, sums));
                for (i, &sum) in sums.iter().enumerate() {
                    let (r, j) = (i / kernel.nr(), i % kernel.nr());
                    let expected = k as i32 - 2 * mismatches(a[r], &weights[j]) as i32;
                    assert_eq!(sum, expected, "{kernel:?} {n} {r} {j}");
                }
            }
        }
    }
}

#[test]
fn a_tile_of_planes_weighs_them_and_writes_nothing_else() {
    for kernel in Kernel::available() {
        for n in WORDS {
            let (weights, panel) = panel(kernel, n);
            for depth in 1..=8 {
                let zero = vec![0; n];
                let planes: Vec<Vec<u64>> = (0..depth).map(|b| words(b as u64 + 9, n)).collect();
                let rows: Vec<&[u64]> = [&zero]
                    .into_iter()
                    .chain(&planes)
                    .map(Vec::as_slice)
                    .collect();
                let sums = guarded(kernel.nr(), |sums| kernel.planes(&rows, &panel, sums));
                for (sum, weights) in sums.into_iter().zip(&weights) {
                    let c = |row| mismatches(row, weights) as i32;
                    let weighed: i32 = (0..depth).map(|b| c(&planes[b]) << b).sum();
                    let expected = ((1 << depth) - 1) * c(&zero) - weighed;
                    assert_eq!(sum, expected, "{kernel:?} {n} {depth}");
                }
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
