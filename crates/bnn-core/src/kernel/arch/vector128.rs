//! The kernel for vectors of 128 bits, generic over the instruction set.
//!
//! Byte lanes are neurons. Two rows of activations together are looked up in tables
//! ([`nibble_tables`]): a lookup and an addition are 2 x 4 x 16 products. A last row without a
//! partner has no other to share the tables with: each of its bytes is broadcast to all lanes,
//! XORed with the weights and counted, which is three instructions for 8 x 16 products.
//!
//! - Block: pairs of rows as in [`nibble_tables`], then the words of the odd row.
//! - Panel: as in [`nibble_tables`].

use super::nibble_tables::{
    self, GROUPS_PER_BYTES, GROUPS_PER_U16S, PAIR_WORDS, WEIGHT_WORDS, fill_panel, finish, groups,
    panel_words, widen,
};
use crate::kernel::micro_kernel::{Block, BlockLayout, MicroKernel, Multiply};
use crate::kernel::sums::{NR, Sums};

/// Pairs of rows in a tile: 8 counters and the 12 nibbles of a group fit 32 registers with room for
/// the loads that are under way. With more pairs compilers spill.
const PAIRS: usize = 2;
/// Vectors of neurons in a panel.
const VECTORS: usize = NR / 16;
/// Words of a row before bytes are widened: `3 * 64 <= 255`.
const WORDS_PER_BYTES: usize = 3;
/// Words before 16-bit counters are widened: `1023 * 64 <= 65535`. A multiple of
/// [`WORDS_PER_BYTES`].
const WORDS_PER_U16S: usize = 1023;
/// Steps of a count before its 16-bit counters are summed up: `1024 * 16 <= 65535`.
const STEPS_PER_SUM: usize = 1024;

/// 16 bytes in a register.
pub(super) trait Vector: Copy {
    fn splat(byte: u8) -> Self;
    fn load(words: &[u64; 2]) -> Self;
    fn xor(self, other: Self) -> Self;
    /// Modulo 256, as is all arithmetic on bytes below.
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn times_16(self) -> Self;
    /// The low four bits of each byte.
    fn low(self) -> Self;
    /// The high four bits of each byte, divided by 16.
    fn high(self) -> Self;
    /// The entries of a table at `places`, which are less than 16.
    fn look_up(self, places: Self) -> Self;
    /// The ones in each byte.
    fn count_ones(self) -> Self;
    /// Adds each byte to the sum at its place.
    fn add_to(self, sums: &mut [u16; 16]);
    /// Adds both bytes of each 16-bit lane to the lane of `sums`.
    fn add_pairs_to(self, sums: Self) -> Self;
    /// The sum of all 16-bit lanes.
    fn sum_pairs(self) -> u32;
}

pub(super) const fn micro_kernel(multiply: Multiply) -> MicroKernel {
    MicroKernel {
        mr: 2 * PAIRS,
        // Tables take 16 times the bytes of the bits: more rows would leave the cache.
        block_rows: 32,
        block: Some(BlockLayout {
            words: block_words,
            fill: fill_block,
        }),
        panel_words,
        fill_panel,
        multiply,
        lay_out_on_the_way: true,
    }
}

fn block_words(rows: usize, words: usize) -> usize {
    rows / 2 * groups(words) * PAIR_WORDS + rows % 2 * words
}

fn fill_block(rows: &[u64], words: usize, block: &mut [u64]) {
    let odd = rows.len() / words % 2 * words;
    let (pairs, odd_row) = rows.split_at(rows.len() - odd);
    let (tables, last) = block.split_at_mut(block.len() - odd);
    nibble_tables::fill_pairs::<PAIRS>(pairs, words, tables);
    last.copy_from_slice(odd_row);
}

/// See [`Multiply`].
#[inline(always)]
pub(super) fn multiply<V: Vector>(block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
    let (pair_sums, odd_sums) = sums.as_chunks_mut::<2>();
    let odd_words = odd_sums.len() * block.words;
    let (tables, odd_row) = block
        .layout
        .split_at(block.layout.len().saturating_sub(odd_words));
    let (groups, _) = panel.as_chunks::<WEIGHT_WORDS>();
    let tiles = tables.chunks(PAIRS * groups.len() * PAIR_WORDS);
    for (tables, sums) in tiles.zip(pair_sums.chunks_mut(PAIRS)) {
        let (tables, _) = tables.as_chunks();
        match sums.len() {
            1 => pairs_tile::<V, 1>(tables, groups, block.k, sums),
            _ => pairs_tile::<V, PAIRS>(tables, groups, block.k, sums),
        }
    }
    for sums in odd_sums {
        let (words_of_k, _) = panel.as_chunks();
        let (row, _) = bytemuck::cast_slice(odd_row).as_chunks();
        row_tile::<V>(row, words_of_k, block.k, sums);
    }
}

/// Sums of `P` pairs of rows.
fn pairs_tile<V: Vector, const P: usize>(
    tables: &[[u64; PAIR_WORDS]],
    panel: &[[u64; WEIGHT_WORDS]],
    k: u32,
    sums: &mut [[Sums; 2]],
) {
    let (tables, _) = tables.as_chunks::<P>();
    let mut counts = [[[0_u32; NR]; 2]; P];
    let blocks = tables.chunks(GROUPS_PER_U16S);
    for (tables, panel) in blocks.zip(panel.chunks(GROUPS_PER_U16S)) {
        let mut halves = [[[0_u16; NR]; 2]; P];
        let steps = tables.chunks(GROUPS_PER_BYTES);
        for (tables, panel) in steps.zip(panel.chunks(GROUPS_PER_BYTES)) {
            let mut both = [[V::splat(0); VECTORS]; P];
            let mut second = both;
            for (tables, weights) in tables.iter().zip(panel) {
                look_up_group(tables, weights, &mut both, &mut second);
            }
            for ((halves, both), second) in halves.iter_mut().zip(both).zip(second) {
                let first = core::array::from_fn(|v| both[v].sub(second[v].times_16()));
                add_bytes(first, &mut halves[0]);
                add_bytes(second, &mut halves[1]);
            }
        }
        widen(
            halves.as_flattened().as_flattened(),
            counts.as_flattened_mut().as_flattened_mut(),
        );
    }
    let sums = sums.as_flattened_mut().iter_mut();
    for (sums, counts) in sums.zip(counts.as_flattened()) {
        finish(counts, k, sums);
    }
}

/// Counts a group of k. `second` gains the counts of the second rows, `both` gains those of the
/// first and 16 times those of the second, modulo 256.
#[inline(always)]
fn look_up_group<V: Vector, const P: usize>(
    tables: &[[u64; PAIR_WORDS]; P],
    weights: &[u64; WEIGHT_WORDS],
    both: &mut [[V; VECTORS]; P],
    second: &mut [[V; VECTORS]; P],
) {
    let (weights, _) = weights.as_chunks::<2>();
    // The `i`th nibbles of k.
    let places = |i: usize| -> [V; VECTORS] {
        core::array::from_fn(|v| {
            let bytes = V::load(&weights[VECTORS * (i / 2) + v]);
            match i % 2 {
                0 => bytes.low(),
                _ => bytes.high(),
            }
        })
    };
    for three in 0..2 {
        let at = [3 * three, 3 * three + 1, 3 * three + 2];
        let places = at.map(places);
        for ((tables, both), second) in tables.iter().zip(&mut *both).zip(&mut *second) {
            let (tables, _) = tables.as_chunks::<2>();
            let tables = at.map(|i| V::load(&tables[i]));
            for v in 0..VECTORS {
                let found = |i: usize| tables[i].look_up(places[i][v]);
                let found = found(0).add(found(1)).add(found(2));
                both[v] = both[v].add(found);
                second[v] = second[v].add(found.high());
            }
        }
    }
}

/// Sums of one row. `panel` has a word of k of all neurons.
fn row_tile<V: Vector>(row: &[[u8; 8]], panel: &[[u64; NR]], k: u32, sums: &mut Sums) {
    let mut counts = [0_u32; NR];
    let blocks = row.chunks(WORDS_PER_U16S);
    for (row, panel) in blocks.zip(panel.chunks(WORDS_PER_U16S)) {
        let mut halves = [0_u16; NR];
        let steps = row.chunks(WORDS_PER_BYTES);
        for (row, panel) in steps.zip(panel.chunks(WORDS_PER_BYTES)) {
            let mut bytes = [V::splat(0); VECTORS];
            for (word, weights) in row.iter().zip(panel) {
                let (weights, _) = weights.as_chunks::<2>();
                for (b, byte) in word.iter().enumerate() {
                    let byte = V::splat(*byte);
                    for (v, count) in bytes.iter_mut().enumerate() {
                        let weights = V::load(&weights[VECTORS * b + v]);
                        *count = count.add(byte.xor(weights).count_ones());
                    }
                }
            }
            add_bytes(bytes, &mut halves);
        }
        widen(&halves, &mut counts);
    }
    finish(&counts, k, sums);
}

#[inline(always)]
fn add_bytes<V: Vector>(bytes: [V; VECTORS], sums: &mut [u16; NR]) {
    let (sums, _) = sums.as_chunks_mut();
    for (bytes, sums) in bytes.into_iter().zip(sums) {
        bytes.add_to(sums);
    }
}

/// `popcount(a ^ b)` of two rows, two vectors at a time.
#[inline(always)]
pub(super) fn count<V: Vector>(a: &[u64], b: &[u64]) -> u32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let mut sum = 0;
    for (a, b) in a.chunks(STEPS_PER_SUM).zip(b.chunks(STEPS_PER_SUM)) {
        let mut pairs = [V::splat(0); 2];
        for (a, b) in a.iter().zip(b) {
            let ((a, _), (b, _)) = (a.as_chunks(), b.as_chunks());
            for ((pairs, a), b) in pairs.iter_mut().zip(a).zip(b) {
                let ones = V::load(a).xor(V::load(b)).count_ones();
                *pairs = ones.add_pairs_to(*pairs);
            }
        }
        sum += pairs[0].sum_pairs() + pairs[1].sum_pairs();
    }
    sum + super::portable::multiply::count(a_rest, b_rest)
}
