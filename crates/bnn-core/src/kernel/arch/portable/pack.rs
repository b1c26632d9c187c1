//! Packing in plain Rust, in forms that compilers turn into vector instructions if the target has
//! them.

use crate::bits::gather;
use crate::kernel::packing::Packing;
use crate::shape::{WORD, row_words};

pub(in crate::kernel) static PACKING: Packing = Packing {
    f32: |x, bits| pack(x, bits, |x| x >= 0.0),
    f64: |x, bits| pack(x, bits, |x| x >= 0.0),
    i8: |x, bits| pack(x, bits, |x| x >= 0),
    at_least: |x, threshold, bits| pack(x, bits, |x| x >= threshold),
    split,
    unpack_f32: |bits, x| unpack(bits, x, 1.0, -1.0),
    unpack_f64: |bits, x| unpack(bits, x, 1.0, -1.0),
    unpack_i8: |bits, x| unpack(bits, x, 1, -1),
    transpose: transpose::<2>,
};

/// Packs one row: bit 1 where `plus` holds.
#[inline(always)]
pub(crate) fn pack<T: Copy>(x: &[T], bits: &mut [u64], plus: impl Fn(T) -> bool) {
    for (word, x) in bits.iter_mut().zip(x.chunks(WORD)) {
        // First a byte per element, which compilers turn into vector comparisons, then bytes to
        // bits.
        let mut bytes = [0_u8; WORD];
        for (byte, x) in bytes.iter_mut().zip(x) {
            *byte = u8::from(plus(*x));
        }
        *word = gather(&bytes);
    }
}

fn split(x: &[u8], planes: &mut [u64]) {
    let per_plane = size_of::<u64>() * row_words(x.len());
    planes.fill(0);
    // Words are little-endian: element `j` is bit `j % 8` of byte `j / 8`.
    let planes: &mut [u8] = bytemuck::cast_slice_mut(planes);
    for (i, group) in x.chunks(8).enumerate() {
        let mut bytes = [0; 8];
        for (byte, x) in bytes.iter_mut().zip(group) {
            *byte = *x;
        }
        let mut at = i;
        for bits in transpose_8(bytes) {
            if let Some(byte) = planes.get_mut(at) {
                *byte = bits;
            }
            at += per_plane;
        }
    }
}

/// Bit `b` of byte `j` goes to bit `j` of byte `b` (Hacker's Delight, 7-3).
fn transpose_8(bytes: [u8; 8]) -> [u8; 8] {
    let mut word = u64::from_le_bytes(bytes);
    word = swap_bits::<7>(word, 0x00AA_00AA_00AA_00AA);
    word = swap_bits::<14>(word, 0x0000_CCCC_0000_CCCC);
    word = swap_bits::<28>(word, 0x0000_0000_F0F0_F0F0);
    word.to_le_bytes()
}

/// Swaps the bits in `mask` with those `SHIFT` above them.
#[inline(always)]
fn swap_bits<const SHIFT: u32>(word: u64, mask: u64) -> u64 {
    let swap = (word ^ word >> SHIFT) & mask;
    word ^ swap ^ swap << SHIFT
}

/// Writes `plus` or `minus` for every bit of a row.
#[inline(always)]
pub(crate) fn unpack<T: Copy>(bits: &[u64], x: &mut [T], plus: T, minus: T) {
    for (x, word) in x.chunks_mut(WORD).zip(bits) {
        let bytes = word.to_le_bytes();
        let (eights, rest) = x.as_chunks_mut::<8>();
        let tail = bytes.get(eights.len()).copied().unwrap_or_default();
        for (eight, byte) in eights.iter_mut().zip(bytes) {
            write_eight(eight, byte, plus, minus);
        }
        let mut last = [minus; 8];
        write_eight(&mut last, tail, plus, minus);
        for (x, last) in rest.iter_mut().zip(last) {
            *x = last;
        }
    }
}

#[inline(always)]
fn write_eight<T: Copy>(x: &mut [T; 8], byte: u8, plus: T, minus: T) {
    for (j, x) in x.iter_mut().enumerate() {
        *x = if byte & (1 << j) != 0 { plus } else { minus };
    }
}

/// Transposes blocks of 64 x 64 bits, `LANES` blocks of one column at a time, so that each step is
/// the same for `LANES` words, which are neighbours in the output.
#[inline(always)]
pub(in crate::kernel::arch) fn transpose<const LANES: usize>(
    from: &[u64],
    from_words: usize,
    to: &mut [u64],
    to_words: usize,
) {
    for (group, from) in from.chunks(LANES * WORD * from_words).enumerate() {
        let first = group * LANES;
        // Along a row of blocks, so that cache lines stay in the cache until all of their words are
        // read.
        for (block_col, to) in to.chunks_mut(WORD * to_words).enumerate() {
            let mut blocks = [[0; LANES]; WORD];
            for (lane, from) in from.chunks(WORD * from_words).enumerate() {
                let words = from.iter().skip(block_col).step_by(from_words);
                for (block, word) in blocks.iter_mut().zip(words) {
                    block[lane] = *word;
                }
            }
            transpose_64(&mut blocks);
            for (to, block) in to.chunks_exact_mut(to_words).zip(&blocks) {
                let to = to.get_mut(first..).unwrap_or_default();
                match to.first_chunk_mut() {
                    Some(to) => *to = *block,
                    None => to.iter_mut().zip(block).for_each(|(to, word)| *to = *word),
                }
            }
        }
    }
}

/// Transposes blocks of 64 x 64 bits in place: in each lane, bit `j` of word `i` becomes bit `i` of
/// word `j` (Hacker's Delight, 7-3). Two of its six steps at a time, to load and store half as
/// often.
#[inline(always)]
pub(in crate::kernel::arch) fn transpose_64<const LANES: usize>(blocks: &mut [[u64; LANES]; WORD]) {
    swap_twice::<LANES, 16>(blocks);
    swap_twice::<LANES, 4>(blocks);
    swap_twice::<LANES, 1>(blocks);
}

/// The steps of `2 * ROWS` and of `ROWS` bits and words.
#[inline(always)]
fn swap_twice<const LANES: usize, const ROWS: usize>(words: &mut [[u64; LANES]; WORD]) {
    for words in words.chunks_exact_mut(4 * ROWS) {
        let (low, high) = words.split_at_mut(2 * ROWS);
        let ((a, b), (c, d)) = (low.split_at_mut(ROWS), high.split_at_mut(ROWS));
        for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
            for lane in 0..LANES {
                let (a, b, c, d) = (&mut a[lane], &mut b[lane], &mut c[lane], &mut d[lane]);
                swap_blocks(2 * ROWS, a, c);
                swap_blocks(2 * ROWS, b, d);
                swap_blocks(ROWS, a, b);
                swap_blocks(ROWS, c, d);
            }
        }
    }
}

/// Swaps the upper half of every `2 * bits` bits of `first` with the lower half of those of
/// `second`.
#[inline(always)]
fn swap_blocks(bits: usize, first: &mut u64, second: &mut u64) {
    let mask = u64::MAX / ((1 << bits) + 1);
    let swap = (*first >> bits ^ *second) & mask;
    *first ^= swap << bits;
    *second ^= swap;
}
