//! Products of bits on tiles of bytes.
//!
//! Weights become bytes `v` in {0, 2}, activations bytes `u` in {-1, +1}, and
//! `k - 2 * popcount(a ^ w) = k - 2 * popcount(a) + (sum of u * v)`:
//! only elements with a weight bit of 1 remain in the last sum, and bits after a row's end are 0 in
//! both. The sums start with the terms before the last one.
//!
//! - Block: tiles of 16 rows, `[word][row][64 bytes]`, the last tile filled up
//!   with rows of zeros; after them the `popcount(a)` of each row, an `i32` each.
//! - Byte `4 * (8 * h + s) + i` of a word's 64 bytes is its bit `32 * h + 8 * i + s`: the order in
//!   which rotations by `s` and one mask take single bits out of the bytes of each weight row's
//!   32-bit half `h`.

use core::arch::asm;
use core::arch::x86_64::{
    __m512i, _mm512_and_si512, _mm512_loadu_si512, _mm512_movm_epi8, _mm512_or_si512,
    _mm512_permutex2var_epi32, _mm512_permutexvar_epi8, _mm512_rorv_epi32, _mm512_set1_epi8,
    _mm512_set1_epi32, _mm512_storeu_si512,
};
use core::mem::MaybeUninit;

use super::super::avx512;
use super::tiles::{TILE, Tiles};
use crate::kernel::micro_kernel::Block;
use crate::kernel::sums::{NR, Sums};

/// Words of one tile of bytes.
const TILE_WORDS: usize = TILE * 8;
/// Most words of k whose weights are widened at once, to 20 KiB: while as much of activations
/// streams by, they stay in an L1 cache of 48 KiB. (16 words are 20 % slower, 4 words 10 %.)
const DEPTH: usize = 10;

pub(super) fn block_words(rows: usize, words: usize) -> usize {
    let rows = rows.next_multiple_of(TILE);
    rows * words * 8 + rows / 2
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
pub(super) fn fill_block(rows: &[u64], words: usize, block: &mut [u64]) {
    let count = rows.len() / words;
    let bytes = count.next_multiple_of(TILE) * words * 8;
    let (tiles, counts) = block.split_at_mut_checked(bytes).unwrap_or_default();
    let order = order();
    for (rows, tile) in rows
        .chunks(TILE * words)
        .zip(tiles.chunks_exact_mut(words * TILE_WORDS))
    {
        let (places, _) = tile.as_chunks_mut::<8>();
        let (places, _) = places.as_chunks_mut::<TILE>();
        // In the order of the tile, which is many times the size of the rows.
        for (w, places) in places.iter_mut().enumerate() {
            let mut words = rows.iter().skip(w).step_by(words);
            for place in places {
                match words.next() {
                    Some(word) => store(widen(*word, order), place),
                    // Missing rows become zeros; their sums are never read.
                    None => *place = [0; 8],
                }
            }
        }
    }
    counts.fill(0);
    for (r, row) in rows.chunks_exact(words).enumerate() {
        let ones: u32 = row.iter().map(|word| word.count_ones()).sum();
        if let Some(pair) = counts.get_mut(r / 2) {
            *pair |= u64::from(ones) << (32 * (r % 2));
        }
    }
}

/// The bits of a word as bytes -1 and +1, in the order of the weights.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn widen(word: u64, order: __m512i) -> __m512i {
    let minus = _mm512_permutexvar_epi8(order, _mm512_movm_epi8(!word));
    _mm512_or_si512(minus, _mm512_set1_epi8(1))
}

/// Which bit of a word each of its bytes is.
#[inline]
#[target_feature(enable = "avx512f")]
fn order() -> __m512i {
    const ORDER: [u64; 8] = {
        let mut order = [0; 8];
        let mut p = 0;
        while p < 64 {
            let (h, s, i) = (p / 32, p / 4 % 8, p % 4);
            order[p / 8] |= ((32 * h + 8 * i + s) as u64) << (8 * (p % 8));
            p += 1;
        }
        order
    };
    load(&ORDER)
}

#[target_feature(enable = "avx512f")]
pub(super) fn multiply(block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
    let bytes = block.rows.next_multiple_of(TILE) * block.words * 8;
    let (tiles, counts) = block.layout.split_at_checked(bytes).unwrap_or_default();
    let Some((first, second)) = panel.split_at_checked(avx512::W * block.words) else {
        return;
    };
    let (first, _) = first.as_chunks::<{ avx512::W }>();
    let (second, _) = second.as_chunks::<{ avx512::W }>();
    let whole = sums.len() / TILE * TILE;
    // Sums of a last tile that has rows missing.
    let mut rest = [Sums([0; NR]); TILE];
    for (r, sums) in sums.iter_mut().take(whole).chain(&mut rest).enumerate() {
        let ones = counts
            .get(r / 2)
            .map_or(0, |pair| (pair >> (32 * (r % 2))) as u32);
        begin(block.k.wrapping_sub(ones << 1), sums);
    }
    let registers = Tiles::configure();
    let mut weights: ExpandedWeights = [const { [MaybeUninit::uninit(); 2] }; DEPTH];
    let depth = block.words.div_ceil(block.words.div_ceil(DEPTH));
    let steps = first.chunks(depth).zip(second.chunks(depth));
    for (step, (first, second)) in steps.enumerate() {
        for ((first, second), pair) in first.iter().zip(second).zip(&mut weights) {
            expand(first, &mut pair[0]);
            expand(second, &mut pair[1]);
        }
        // Only words that are expanded can be multiplied.
        let words = first.len().min(second.len());
        let (whole, _) = sums.split_at_mut(whole);
        let places = whole
            .chunks_mut(TILE)
            .chain(core::iter::once(rest.as_mut_slice()));
        let (tiles, _) = tiles.as_chunks::<TILE_WORDS>();
        let mut rows = tiles.chunks_exact(block.words).zip(places);
        while let Some((a, sums_a)) = rows.next() {
            let a = a.get(step * depth..).unwrap_or_default();
            match rows.next() {
                Some((b, sums_b)) => {
                    let b = b.get(step * depth..).unwrap_or_default();
                    registers.two(words, [a, b], &weights, [sums_a, sums_b]);
                }
                None => registers.one(words, a, &weights, sums_a),
            }
        }
    }
    drop(registers);
    for (sums, rest) in sums.iter_mut().skip(whole).zip(rest) {
        *sums = rest;
    }
}

/// For each word of k, two tiles of bytes of 16 weight rows each.
type ExpandedWeights = [[MaybeUninit<WeightTile>; 2]; DEPTH];

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct WeightTile([[u64; 8]; TILE]);

/// A word of each of 16 weight rows to bytes 0 and 2: row `8 * h + s` of the tile holds, 4 bytes a
/// weight row, the bits `s` of the 4 bytes of its half `h`.
#[inline]
#[target_feature(enable = "avx512f")]
fn expand(words: &[u64; avx512::W], tile: &mut MaybeUninit<WeightTile>) {
    let (vectors, _) = words.as_chunks::<8>();
    let (a, b) = (load(&vectors[0]), load(&vectors[1]));
    let two = _mm512_set1_epi8(2);
    let at: *mut __m512i = tile.as_mut_ptr().cast();
    for (h, order) in [EVEN, ODD].iter().enumerate() {
        let half = _mm512_permutex2var_epi32(a, load(order), b);
        for s in 0..8 {
            // Bit s of each byte to bit 1.
            let bits = _mm512_rorv_epi32(half, _mm512_set1_epi32(s - 1));
            let row = 8 * h + s as usize;
            // SAFETY: row is less than 16, and the tile has 16 rows of 64 bytes.
            unsafe { _mm512_storeu_si512(at.add(row), _mm512_and_si512(bits, two)) };
        }
    }
}

/// The 32-bit halves of 16 words in two vectors.
const EVEN: [u64; 8] = halves(0);
const ODD: [u64; 8] = halves(1);

const fn halves(h: u64) -> [u64; 8] {
    let mut order = [0; 8];
    let mut i = 0;
    while i < 8 {
        let n = 4 * i as u64 + h;
        order[i] = n | (n + 2) << 32;
        i += 1;
    }
    order
}

/// Sets the value that all sums of a row start with.
#[inline]
#[target_feature(enable = "avx512f")]
fn begin(offset: u32, sums: &mut Sums) {
    let offset = _mm512_set1_epi32(offset.cast_signed());
    let (vectors, _) = sums.0.as_chunks_mut::<16>();
    for vector in vectors {
        // SAFETY: the array is 64 writable bytes, and the store wants no alignment.
        unsafe { _mm512_storeu_si512(vector.as_mut_ptr().cast(), offset) };
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(words: &[u64; 8]) -> __m512i {
    // SAFETY: the array is 64 readable bytes, and the load wants no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(vector: __m512i, words: &mut [u64; 8]) {
    // SAFETY: the array is 64 writable bytes, and the store wants no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), vector) };
}

impl Tiles {
    /// Adds the sums of 2 x 16 rows with 2 x 16 weight rows over `words` words of k, of which
    /// `weights` holds the expanded ones.
    fn two(
        &self,
        words: usize,
        rows: [&[[u64; TILE_WORDS]]; 2],
        weights: &ExpandedWeights,
        sums: [&mut [Sums]; 2],
    ) {
        let [a, b] = rows;
        let [sums_a, sums_b] = sums;
        let tiles_hold = a.len() >= words && b.len() >= words && weights.len() >= words;
        if words == 0 || !tiles_hold || sums_a.len() < TILE || sums_b.len() < TILE {
            return;
        }
        // SAFETY: the loop reads `words` tiles of 1 KiB of `a` and `b` and twice as many of
        // `weights`, which are there, as checked; `expand` has written those of `weights`. `sums_a`
        // and `sums_b` are 16 rows of 128 bytes each, of which the left and the right 64 are read
        // and written. All tiles are 16 x 64 bytes while `self` lives.
        unsafe {
            asm!(
                "tileloadd tmm0, [{ca} + {wide}*1]",
                "tileloadd tmm1, [{ca} + {wide}*1 + 64]",
                "tileloadd tmm2, [{cb} + {wide}*1]",
                "tileloadd tmm3, [{cb} + {wide}*1 + 64]",
                "2:",
                "tileloadd tmm6, [{w} + {row}*1]",
                "tileloadd tmm4, [{a} + {row}*1]",
                "tdpbsud tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{w} + {row}*1 + 1024]",
                "tdpbsud tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{b} + {row}*1]",
                "tdpbsud tmm2, tmm5, tmm6",
                "tdpbsud tmm3, tmm5, tmm7",
                "add {a}, 1024",
                "add {b}, 1024",
                "add {w}, 2048",
                "dec {words}",
                "jnz 2b",
                "tilestored [{ca} + {wide}*1], tmm0",
                "tilestored [{ca} + {wide}*1 + 64], tmm1",
                "tilestored [{cb} + {wide}*1], tmm2",
                "tilestored [{cb} + {wide}*1 + 64], tmm3",
                ca = in(reg) sums_a.as_mut_ptr(),
                cb = in(reg) sums_b.as_mut_ptr(),
                a = inout(reg) a.as_ptr() => _,
                b = inout(reg) b.as_ptr() => _,
                w = inout(reg) weights.as_ptr() => _,
                words = inout(reg) words => _,
                row = in(reg) 64_usize,
                wide = in(reg) size_of::<Sums>(),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    /// Adds the sums of the 16 rows of `a` alone.
    fn one(
        &self,
        words: usize,
        a: &[[u64; TILE_WORDS]],
        weights: &ExpandedWeights,
        sums: &mut [Sums],
    ) {
        if words == 0 || a.len() < words || weights.len() < words || sums.len() < TILE {
            return;
        }
        // SAFETY: the loop reads `words` tiles of 1 KiB of `a` and twice as many of `weights`,
        // which are there, as checked; `expand` has written those of `weights`. `sums` is 16 rows
        // of 128 bytes each, of which the left and the right 64 are read and written. All tiles
        // are 16 x 64 bytes while `self` lives.
        unsafe {
            asm!(
                "tileloadd tmm0, [{c} + {wide}*1]",
                "tileloadd tmm1, [{c} + {wide}*1 + 64]",
                "2:",
                "tileloadd tmm4, [{a} + {row}*1]",
                "tileloadd tmm6, [{w} + {row}*1]",
                "tileloadd tmm7, [{w} + {row}*1 + 1024]",
                "tdpbsud tmm0, tmm4, tmm6",
                "tdpbsud tmm1, tmm4, tmm7",
                "add {a}, 1024",
                "add {w}, 2048",
                "dec {words}",
                "jnz 2b",
                "tilestored [{c} + {wide}*1], tmm0",
                "tilestored [{c} + {wide}*1 + 64], tmm1",
                c = in(reg) sums.as_mut_ptr(),
                a = inout(reg) a.as_ptr() => _,
                w = inout(reg) weights.as_ptr() => _,
                words = inout(reg) words => _,
                row = in(reg) 64_usize,
                wide = in(reg) size_of::<Sums>(),
                out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}
