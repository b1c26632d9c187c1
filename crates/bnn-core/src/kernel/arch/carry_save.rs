//! The count of mismatches in plain Rust for 32-bit cores without a population count.
//!
//! There a count by bit tricks takes some ten instructions for 32 bits. Full adders are cheaper: five
//! operations make of three words the parity and the carry of each bit, so eight words shrink to four
//! (one of them untouched) before any bit is counted. (R. D. Harley's carry-save adder as D. Seal used
//! it, in H. S. Warren, "Hacker's Delight", chapter 5.) Carries are not kept from one block of eight to
//! the next, as is often done: the additional words do not fit the registers of these cores.

/// Words of 64 bits in a block, which are eight of 32.
const BLOCK: usize = 4;

/// `popcount(a ^ b)` over rows of equal length.
pub(super) fn count(a: &[u64], b: &[u64]) -> u32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<BLOCK>(), b.as_chunks::<BLOCK>());
    let blocks: u32 = a.iter().zip(b).map(|(a, b)| count_block(a, b)).sum();
    let rest = a_rest.iter().zip(b_rest);
    blocks + rest.map(|(a, b)| (a ^ b).count_ones()).sum::<u32>()
}

fn count_block(a: &[u64; BLOCK], b: &[u64; BLOCK]) -> u32 {
    // Either half is a word; which comes first does not matter to a count.
    let differing = |i: usize| {
        let word = a[i] ^ b[i];
        (word as u32, (word >> 32) as u32)
    };
    let ((x0, x1), (x2, x3)) = (differing(0), differing(1));
    let ((x4, x5), (x6, x7)) = (differing(2), differing(3));
    let (ones, carry0) = full_adder(x0, x1, x2);
    let (ones, carry1) = full_adder(ones, x3, x4);
    let (ones, carry2) = full_adder(ones, x5, x6);
    let (twos, fours) = full_adder(carry0, carry1, carry2);
    // 4 bits hold 4 + 4 and 4 + 2 * 4.
    let low = count_nibbles(ones) + count_nibbles(x7);
    let high = count_nibbles(twos) + 2 * count_nibbles(fours);
    // A byte is a count of the eight bits at its place in eight words: at most 64.
    let bytes = add_nibbles(low) + 2 * add_nibbles(high);
    let pairs = (bytes & 0x00FF_00FF) + ((bytes >> 8) & 0x00FF_00FF);
    (pairs & 0xFFFF) + (pairs >> 16)
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
    use super::count;

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
