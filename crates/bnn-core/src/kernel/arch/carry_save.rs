//! The count of mismatches in plain Rust for 32-bit cores without a population count.
//!
//! There a count by bit tricks takes some ten instructions for 32 bits. Full adders are cheaper: five
//! operations make of three words the parity and the carry of each bit, so eight words shrink to four
//! (one of them untouched) before any bit is counted. (R. D. Harley's carry-save adder as D. Seal used
//! it, in H. S. Warren, "Hacker's Delight", chapter 5.) Carries are not kept from one block of eight to
//! the next, as is often done: the additional words do not fit the registers of these cores.

/// Words of 32 bits in a block.
const BLOCK: usize = 8;

/// `popcount(a ^ b)` over rows of equal length.
#[cfg(any(feature = "alloc", test))]
pub(super) fn count(a: &[u64], b: &[u64]) -> u32 {
    let mut count = [0];
    count_rows(a, b, &mut count);
    count[0]
}

/// `counts[i] = popcount(row ^ other)` for the rows in `others`, which lie one after the other. A count
/// without a row keeps its value.
pub(super) fn count_rows(row: &[u64], others: &[u64], counts: &mut [u32]) {
    let (blocks, rest) = halves(row).as_chunks::<BLOCK>();
    // Halves of words come in pairs: at most three.
    let (pairs, _) = rest.as_chunks::<2>();
    // Taken from its begin, piece by piece: one address for all rows.
    let mut others = halves(others);
    for count in counts {
        let mut sum = 0;
        for block in blocks {
            let Some((other, rest)) = others.split_first_chunk() else {
                return;
            };
            sum += count_block(block, other);
            others = rest;
        }
        for [x, y] in pairs {
            let Some(([other_x, other_y], rest)) = others.split_first_chunk() else {
                return;
            };
            sum += count_pair(x ^ other_x, y ^ other_y);
            others = rest;
        }
        *count = sum;
    }
}

/// Either half of a word is a word; which comes first does not matter to a count.
fn halves(words: &[u64]) -> &[u32] {
    bytemuck::cast_slice(words)
}

#[inline(always)]
fn count_block(a: &[u32; BLOCK], b: &[u32; BLOCK]) -> u32 {
    let differing = |i: usize| a[i] ^ b[i];
    let (ones, carry0) = full_adder(differing(0), differing(1), differing(2));
    let (ones, carry1) = full_adder(ones, differing(3), differing(4));
    let (ones, carry2) = full_adder(ones, differing(5), differing(6));
    let (twos, fours) = full_adder(carry0, carry1, carry2);
    // 4 bits hold 4 + 4 and 4 + 2 * 4.
    let low = count_nibbles(ones) + count_nibbles(differing(7));
    let high = count_nibbles(twos) + 2 * count_nibbles(fours);
    // A byte is a count of the eight bits at its place in eight words: at most 64.
    add_bytes(add_nibbles(low) + 2 * add_nibbles(high))
}

/// The number of ones in two words.
#[inline(always)]
fn count_pair(x: u32, y: u32) -> u32 {
    add_bytes(add_nibbles(count_nibbles(x) + count_nibbles(y)))
}

/// The sum of three bits at each place: what stays there, and what is worth two.
#[inline(always)]
fn full_adder(a: u32, b: u32, c: u32) -> (u32, u32) {
    let either = a ^ b;
    (either ^ c, (a & b) | (either & c))
}

/// The number of ones in each nibble.
#[inline(always)]
fn count_nibbles(x: u32) -> u32 {
    let pairs = x - ((x >> 1) & 0x5555_5555);
    (pairs & 0x3333_3333) + ((pairs >> 2) & 0x3333_3333)
}

/// The sum of the two nibbles of each byte.
#[inline(always)]
fn add_nibbles(x: u32) -> u32 {
    (x & 0x0F0F_0F0F) + ((x >> 4) & 0x0F0F_0F0F)
}

/// The sum of the four bytes, each of which is at most 127.
#[inline(always)]
fn add_bytes(x: u32) -> u32 {
    let pairs = (x & 0x00FF_00FF) + ((x >> 8) & 0x00FF_00FF);
    pairs.wrapping_mul(0x0001_0001) >> 16
}

#[cfg(feature = "alloc")]
mod packed {
    use super::super::scalar;
    use super::count;
    use crate::kernel::{Block, Layout, Sums};

    /// Rows as they are: one row against one weight row fills the registers.
    pub(in super::super) const LAYOUT: Layout = Layout {
        mr: 1,
        block_rows: 64,
        block: None,
        panel_words: scalar::panel_words,
        fill_panel: scalar::fill_panel::<1>,
        multiply,
        lighter: None,
    };

    fn multiply(block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
        for (row, sums) in block.layout.chunks_exact(block.words).zip(sums) {
            for (sum, weights) in sums.0.iter_mut().zip(panel.chunks_exact(block.words)) {
                *sum = block.k.wrapping_sub(count(row, weights) << 1).cast_signed();
            }
        }
    }
}
#[cfg(feature = "alloc")]
pub(super) use packed::LAYOUT;

#[cfg(test)]
mod tests {
    use super::{count, count_rows};

    /// Words whose bits follow no pattern (a multiplicative hash of their place).
    fn word(i: usize) -> u64 {
        let x = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        x ^ x >> 29
    }

    #[test]
    fn a_count_is_the_number_of_mismatches_for_every_length() {
        let a: [u64; 200] = core::array::from_fn(word);
        let b: [u64; 200] = core::array::from_fn(|i| word(i + 1000));
        for n in 0..=a.len() {
            let (a, b) = (&a[..n], &b[..n]);
            let bits = |x: u64| (0..64).filter(|i| x >> i & 1 == 1).count() as u32;
            let mismatches = a.iter().zip(b).map(|(a, b)| bits(a ^ b)).sum();
            assert_eq!(count(a, b), mismatches, "{n} words");
            let mut counts = [7; 3];
            count_rows(a, b, &mut counts[..1]);
            assert_eq!(counts, [mismatches, 7, 7], "{n} words");
        }
    }

    #[test]
    fn rows_that_follow_each_other_are_counted_each() {
        let words: [u64; 60] = core::array::from_fn(word);
        for n in 1..=12 {
            let (row, others) = words.split_at(n);
            let rows = others.len() / n;
            let mut counts = [7; 64];
            count_rows(row, others, &mut counts);
            for (found, other) in counts.iter().zip(others.chunks_exact(n)) {
                assert_eq!(*found, count(row, other), "{n} words");
            }
            // A count without a row keeps its value.
            assert!(counts[rows..].iter().all(|&count| count == 7), "{n} words");
        }
    }

    #[test]
    fn every_bit_of_a_block_counts_once_and_all_of_them_fit() {
        let zeros = [0; 8];
        for i in 0..zeros.len() * 64 {
            let mut one = zeros;
            one[i / 64] = 1 << (i % 64);
            assert_eq!(count(&one, &zeros), 1, "bit {i}");
        }
        assert_eq!(count(&[u64::MAX; 8], &zeros), 8 * 64);
    }
}
