//! Carry-save counters count as plain popcounts do.

use super::{dot_rows, subtract_mismatches};

/// Words whose bits follow no pattern (a multiplicative hash of their place).
fn word(i: usize) -> u64 {
    let x = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x ^ x >> 29
}

fn dot(a: &[u64], b: &[u64], k: i32) -> i32 {
    let mut sum = [7];
    dot_rows(a, b, k, &mut sum);
    sum[0]
}

fn mismatches(a: &[u64], b: &[u64]) -> i32 {
    let bits = |x: u64| (0..64).filter(|i| x >> i & 1 == 1).count() as i32;
    a.iter().zip(b).map(|(a, b)| bits(a ^ b)).sum()
}

#[test]
fn a_sum_is_k_less_twice_the_mismatches_for_every_length() {
    let a: [u64; 200] = core::array::from_fn(word);
    let b: [u64; 200] = core::array::from_fn(|i| word(i + 1000));
    for n in 0..=a.len() {
        let (a, b) = (&a[..n], &b[..n]);
        let k = 64 * n as i32 - 9;
        assert_eq!(dot(a, b, k), k - 2 * mismatches(a, b), "{n} words");
    }
}

#[test]
fn rows_that_follow_each_other_are_multiplied_each() {
    let words: [u64; 60] = core::array::from_fn(word);
    for n in 1..=12 {
        let (row, others) = words.split_at(n);
        let rows = others.len() / n;
        let mut sums = [7; 64];
        dot_rows(row, others, 100, &mut sums[..rows]);
        for (sum, other) in sums.iter().zip(others.chunks_exact(n)) {
            assert_eq!(*sum, 100 - 2 * mismatches(row, other), "{n} words");
        }
        assert!(sums[rows..].iter().all(|&sum| sum == 7), "{n} words");
        // If a row is missing, nothing is written.
        let mut sums = [7; 64];
        dot_rows(row, others, 100, &mut sums[..=rows]);
        assert_eq!(sums, [7; 64], "{n} words");
    }
}

#[test]
fn every_bit_of_a_block_counts_once_and_all_of_them_fit() {
    let zeros = [0; 8];
    // Rows of one block take another path than longer ones.
    for zeros in [&zeros[..4], &zeros] {
        for i in 0..zeros.len() * 64 {
            let mut one = [0; 8];
            one[i / 64] = 1 << (i % 64);
            assert_eq!(dot(&one[..zeros.len()], zeros, 0), -2, "bit {i}");
        }
        let ones = [u64::MAX; 8];
        let all = -2 * 64 * zeros.len() as i32;
        assert_eq!(dot(&ones[..zeros.len()], zeros, 0), all);
    }
}

#[test]
fn a_part_of_each_row_is_subtracted_and_nothing_else() {
    let words: [u64; 60] = core::array::from_fn(word);
    let (row, others) = words.split_at(12);
    let [row, others]: [&[u32]; 2] = [row, others].map(bytemuck::cast_slice);
    for start in 0..=row.len() {
        for end in start..=row.len() {
            let mut sums = [5; 4];
            subtract_mismatches(row, others, start..end, &mut sums);
            for (sum, other) in sums.iter().zip(others.chunks(row.len())) {
                let pairs = row.iter().zip(other).take(end).skip(start);
                let count: u32 = pairs.map(|(a, b)| (a ^ b).count_ones()).sum();
                assert_eq!(*sum, 5 - 2 * count as i32, "{start}..{end}");
            }
        }
    }
}
