//! Counting mismatches in plain Rust on 32-bit cores without a population count.
//!
//! On these cores, a count by bit tricks takes some ten instructions for 32 bits. Full adders are
//! cheaper: five operations turn three words into the parity and the carry of each bit, so eight
//! words shrink to five, two of weight 1 and three of weight 2, before any bit is counted. (R. D.
//! Harley's carry-save adder as D. Seal used it, in H. S. Warren, "Hacker's Delight", chapter 5.) A
//! fourth adder would gain nothing, and carries kept from one block to the next, as is often done,
//! would not fit the registers.
//!
//! Eight words take 63 operations to count. Loads, XOR, the sum and the loop take some 22 more if
//! the registers also hold a block of the row (RISC-V).

use core::ops::Range;

/// Words of 32 bits in a block.
const BLOCK: usize = 8;

/// See [`Kernel::dot_rows`](crate::kernel::Kernel::dot_rows).
pub(in crate::kernel::arch) fn dot_rows(row: &[u64], others: &[u64], k: i32, sums: &mut [i32]) {
    // Either half of a word is a word; which comes first does not matter to a count.
    let row: &[u32] = bytemuck::cast_slice(row);
    let others: &[u32] = bytemuck::cast_slice(others);
    if row.len().saturating_mul(sums.len()) > others.len() {
        return;
    }
    let (blocks, tail) = row.as_chunks::<BLOCK>();
    if let ([block], []) = (blocks, tail) {
        // The block stays in registers while the rows stream by.
        for (sum, other) in sums.iter_mut().zip(others.as_chunks().0) {
            *sum = k.wrapping_sub((count_block(block, other) << 1).cast_signed());
        }
        return;
    }
    sums.fill(k);
    subtract_mismatches(row, others, 0..row.len(), sums);
}

/// Subtracts from each sum twice the number of bits in which `row` and a row of the same length in
/// `others` differ in their `part`: words of 32 bits. By arithmetic, see
/// [`Kernel::counts_by_arithmetic`](crate::kernel::Kernel::counts_by_arithmetic).
pub(crate) fn subtract_mismatches(
    row: &[u32],
    others: &[u32],
    part: Range<usize>,
    sums: &mut [i32],
) {
    let (stride, mut at) = (row.len(), part.start);
    // One part of the row at a time, with that part of all other rows.
    let (blocks, tail) = row.get(part).unwrap_or_default().as_chunks::<BLOCK>();
    for block in blocks {
        subtract(others, at, stride, sums, |other| count_block(block, other));
        at += BLOCK;
    }
    let (pairs, tail) = tail.as_chunks();
    for [x, y] in pairs {
        subtract(others, at, stride, sums, |[other_x, other_y]| {
            count_pair(x ^ other_x, y ^ other_y)
        });
        at += 2;
    }
    if let [x] = tail {
        subtract(others, at, stride, sums, |[other]| count_pair(x ^ other, 0));
    }
}

/// Subtracts twice the `count` of `N` words of each row from its sum: the words from `at` on, in
/// rows of `stride` words.
#[inline(always)]
fn subtract<const N: usize>(
    others: &[u32],
    at: usize,
    stride: usize,
    sums: &mut [i32],
    count: impl Fn(&[u32; N]) -> u32,
) {
    if stride == 0 {
        return;
    }
    for (sum, other) in sums.iter_mut().zip(others.chunks_exact(stride)) {
        let Some(other) = other.get(at..).and_then(<[u32]>::first_chunk) else {
            return;
        };
        *sum = sum.wrapping_sub((count(other) << 1).cast_signed());
    }
}

#[inline(always)]
fn count_block(a: &[u32; BLOCK], b: &[u32; BLOCK]) -> u32 {
    let differing = |i: usize| a[i] ^ b[i];
    let (ones, carry0) = full_adder(differing(0), differing(1), differing(2));
    let (ones, carry1) = full_adder(ones, differing(3), differing(4));
    let (ones, carry2) = full_adder(ones, differing(5), differing(6));
    let ones = add_nibbles(count_nibbles(ones) + count_nibbles(differing(7)));
    let twos = add_nibbles(count_triples(carry0, carry1, carry2));
    // The top byte of each product is the sum of its four bytes, at most 64 and 96. The first is
    // halved and added to the second, with one bit after the binary point; below that, the parts in
    // the third byte are at most 24 + 72, so nothing carries.
    ((ones.wrapping_mul(0x0101_0101) >> 1) + twos.wrapping_mul(0x0101_0101)) >> 23
}

/// The number of ones in two words.
#[inline(always)]
fn count_pair(x: u32, y: u32) -> u32 {
    add_bytes(add_nibbles(count_nibbles(x) + count_nibbles(y)))
}

/// The sum of three bits at each place: its low bit, and the carry, which is worth two.
#[inline(always)]
fn full_adder(a: u32, b: u32, c: u32) -> (u32, u32) {
    let either = a ^ b;
    (either ^ c, (a & b) | (either & c))
}

/// The number of ones in each nibble.
#[inline(always)]
fn count_nibbles(x: u32) -> u32 {
    add_pairs(x - ((x >> 1) & 0x5555_5555))
}

/// The number of ones in each nibble of three words, at most 12: pairs of bits of the first two
/// have room for a bit of the third.
#[inline(always)]
fn count_triples(a: u32, b: u32, c: u32) -> u32 {
    let even = a - ((a >> 1) & 0x5555_5555) + (c & 0x5555_5555);
    let odd = b - ((b >> 1) & 0x5555_5555) + ((c >> 1) & 0x5555_5555);
    add_pairs(even) + add_pairs(odd)
}

/// The sum of the two pairs of bits of each nibble.
#[inline(always)]
fn add_pairs(x: u32) -> u32 {
    (x & 0x3333_3333) + ((x >> 2) & 0x3333_3333)
}

/// The sum of the two nibbles of each byte.
#[inline(always)]
fn add_nibbles(x: u32) -> u32 {
    (x & 0x0F0F_0F0F) + ((x >> 4) & 0x0F0F_0F0F)
}

/// The sum of the four bytes, at most 255.
#[inline(always)]
fn add_bytes(x: u32) -> u32 {
    x.wrapping_mul(0x0101_0101) >> 24
}

#[cfg(test)]
mod laws;
