//! Every kernel sums as the definition does, for every row count and around every block edge.

use alloc::vec;
use alloc::vec::Vec;

use super::stream as words;
use crate::kernel::micro_kernel::Block;
use crate::kernel::{Kernel, NR, Sums};

fn mismatches(a: &[u64], b: &[u64]) -> u32 {
    let bits = |x: &u64| (0..64).filter(|i| x >> i & 1 == 1).count() as u32;
    a.iter().zip(b).map(|(a, b)| bits(&(a ^ b))).sum()
}

/// Word counts around the vector widths (2, 4, 8), the blocks of k (16), and what byte and 16-bit
/// counters can hold (30 bytes and 1020 words).
const WORDS: [usize; 20] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 63, 1019, 1020, 1023, 1024, 2049,
];

/// Runs `multiply` between guard words and returns its sums.
fn guarded(rows: usize, multiply: impl FnOnce(&mut [Sums])) -> Vec<Sums> {
    const GUARD: Sums = Sums([0x5EED; NR]);
    let mut sums = vec![GUARD; rows + 2];
    multiply(&mut sums[1..=rows]);
    assert!(
        sums[0] == GUARD && sums[rows + 1] == GUARD,
        "written outside"
    );
    sums[1..=rows].to_vec()
}

/// The sums that `kernel` gives for rows of `a` against up to `NR` rows of `w`, `n` words each.
fn multiply(kernel: &Kernel, a: &[u64], w: &[u64], n: usize) -> Vec<Sums> {
    let rows = a.len() / n;
    // A layout is written whole, whatever was there before.
    let mut panel = vec![u64::MAX; kernel.panel_words(n)];
    kernel.fill_panel(w, n, &mut panel);
    let mut layout = vec![u64::MAX; kernel.block_words(rows, n)];
    let layout = kernel.fill_block(a, n, &mut layout);
    let k = 64 * n as u32;
    let block = Block {
        layout,
        rows,
        words: n,
        k,
    };
    guarded(rows, |sums| kernel.multiply(block, &panel, sums))
}

#[test]
fn a_block_and_a_panel_give_their_sums_and_nothing_else() {
    for kernel in Kernel::available() {
        for n in WORDS {
            // All row counts of a tile and around two of them, where that is quick.
            let most = if n > 63 {
                kernel.mr() + 1
            } else {
                2 * kernel.mr() + 1
            };
            for rows in (1..=most).filter(|rows| n <= 17 || rows % 4 != 2) {
                for weights in [1, NR - 1, NR] {
                    let (a, w) = (words(rows as u64 + 5, rows * n), words(77, weights * n));
                    let sums = multiply(kernel, &a, &w, n);
                    for (a, sums) in a.chunks(n).zip(sums) {
                        for (w, sum) in w.chunks(n).zip(sums.0) {
                            let expected = 64 * n as i32 - 2 * mismatches(a, w) as i32;
                            assert_eq!(sum, expected, "{kernel:?}, {n} words, {rows} rows");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn the_counters_hold_the_extremes() {
    for kernel in Kernel::available() {
        for n in [1, 30, 64, 1020, 1100, 2100] {
            // Three rows: some kernels take two of them together.
            for (a, w, sign) in [(0, u64::MAX, -1), (0, 0, 1), (u64::MAX, u64::MAX, 1)] {
                let sums = multiply(kernel, &vec![a; 3 * n], &vec![w; NR * n], n);
                let expected = sign * 64 * n as i32;
                assert!(
                    sums.iter()
                        .flat_map(|sums| &sums.0)
                        .all(|&sum| sum == expected),
                    "{kernel:?} {n}"
                );
            }
        }
    }
}

#[test]
fn products_of_a_row_with_others_are_k_less_twice_the_mismatches() {
    for kernel in Kernel::available() {
        // A kernel's 16-bit counters may hold 4096 words.
        for n in WORDS.into_iter().chain([4096, 4100, 8197]) {
            let (a, b) = (words(1, n), words(2, n));
            let (zeros, ones) = (vec![0; n], vec![u64::MAX; n]);
            let k = 64 * n as i32 - 9;
            let mut sums = [7; 2];
            kernel.dot_rows(&a, &[&b[..], &a].concat(), k, &mut sums);
            let expected = k - 2 * mismatches(&a, &b).cast_signed();
            assert_eq!(sums, [expected, k], "{kernel:?} {n}");
            kernel.dot_rows(&zeros, &ones, 0, &mut sums[..1]);
            assert_eq!(sums[0], -128 * n as i32, "{kernel:?} {n}");
        }
    }
}
