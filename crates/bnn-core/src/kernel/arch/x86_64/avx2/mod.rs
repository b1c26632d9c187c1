//! x86-64 with AVX2, by table lookups over output neurons.
//!
//! The byte lanes of a vector are 32 neurons. For four bits of an activation row, a 16-entry table
//! holds in how many of them each possible nibble of weights differs; one `vpshufb` looks up all 32
//! neurons, one `vpaddb` adds. There is no XOR, no population count and no sum across lanes. (The
//! table per nibble is that of Mula, Kurz and Lemire, "Faster population counts using AVX2
//! instructions", arXiv 1611.07612, with the XOR folded into it.)
//!
//! An entry serves *two* rows, so a lookup is 2 x 4 x 32 products; `nibble_tables` has the layouts.

pub(super) mod epilogue;
mod f32_signs;
pub(super) mod pack;
mod panel;
mod window_bits;
pub(super) mod windows;

use core::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_add_epi8, _mm256_add_epi16, _mm256_and_si256, _mm256_avg_epu8,
    _mm256_broadcastsi128_si256, _mm256_castsi256_si128, _mm256_cvtepu8_epi16,
    _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_set1_epi8, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_srli_epi16, _mm256_storeu_si256,
    _mm256_sub_epi8,
};
use core::hint::black_box;

use bytemuck::Pod;

use super::cpu_has;
use crate::kernel::arch::nibble_tables::{
    GROUP, GROUPS_PER_BYTES, GROUPS_PER_U16S, PAIR_WORDS, WEIGHT_WORDS, fill_pairs, finish, groups,
    panel_words, widen,
};
use crate::kernel::arch::portable;
use crate::kernel::isa::Isa;
use crate::kernel::micro_kernel::{Block, BlockLayout, Functions, MicroKernel};
use crate::kernel::sums::{NR, Sums};
use crate::kernel::types::Kernel;

/// Pairs of rows in a tile: their counters, the nibbles and the temporaries fill the 16 registers.
const PAIRS: usize = 4;

pub(in crate::kernel) static KERNEL: Kernel = Kernel::new(
    Isa::Avx2,
    || cpu_has!("avx2", "popcnt"),
    Functions {
        micro_kernel: MicroKernel {
            mr: 2 * PAIRS,
            // Tables take 16 times the bytes of the bits: more rows would leave the cache.
            block_rows: 32,
            block: Some(BlockLayout {
                words: |rows, words| rows.div_ceil(2) * groups(words) * PAIR_WORDS,
                fill: fill_pairs::<PAIRS>,
            }),
            panel_words,
            // SAFETY: a `Kernel` is handed out only if `supported` has found the CPU's AVX2 and
            // `popcnt`.
            fill_panel: |rows, words, panel| unsafe { panel::fill_panel(rows, words, panel) },
            // SAFETY: a `Kernel` is handed out only if `supported` has found the CPU's AVX2 and
            // `popcnt`.
            multiply: |block, panel, sums| unsafe { multiply(block, panel, sums) },
            lay_out_on_the_way: true,
        },
        epilogues: &epilogue::EPILOGUES,
        // SAFETY: a `Kernel` is handed out only if `supported` has found the CPU's AVX2 and
        // `popcnt`.
        count: |a, b| unsafe { count(a, b) },
        packing: &pack::PACKING,
        windows: || &windows::WINDOWS,
    },
)
.with_sign_tables(&f32_signs::SIGN_TABLES);

#[target_feature(enable = "avx2")]
fn multiply(block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
    let (panel, _) = panel.as_chunks::<WEIGHT_WORDS>();
    let tiles = block.layout.chunks(PAIRS * panel.len() * PAIR_WORDS);
    for (tables, sums) in tiles.zip(sums.chunks_mut(2 * PAIRS)) {
        let (tables, _) = tables.as_chunks::<PAIR_WORDS>();
        match sums.len() {
            1 => lone(tables, panel, block.k, &mut sums[0]),
            2 => tile::<1>(tables, panel, block.k, sums),
            3 | 4 => tile::<2>(tables, panel, block.k, sums),
            5 | 6 => tile::<3>(tables, panel, block.k, sums),
            _ => tile::<4>(tables, panel, block.k, sums),
        }
    }
}

/// Sums of `P` pairs of rows, the second of the last pair perhaps missing.
#[target_feature(enable = "avx2")]
fn tile<const P: usize>(
    tables: &[[u64; PAIR_WORDS]],
    panel: &[[u64; WEIGHT_WORDS]],
    k: u32,
    sums: &mut [Sums],
) {
    let (tables, _) = tables.as_chunks::<P>();
    // If the compiler knew that the operands of the average below are even, it would replace that
    // one instruction by five.
    let high = black_box(_mm256_set1_epi8(0xF0_u8.cast_signed()));
    let mut counts = [[[0_u32; NR]; 2]; P];
    let blocks = tables.chunks(GROUPS_PER_U16S);
    for (tables, panel) in blocks.zip(panel.chunks(GROUPS_PER_U16S)) {
        let mut halves = [[[0_u16; NR]; 2]; P];
        let steps = tables.chunks(GROUPS_PER_BYTES);
        for (tables, panel) in steps.zip(panel.chunks(GROUPS_PER_BYTES)) {
            let mut both = [_mm256_setzero_si256(); P];
            let mut second = [_mm256_setzero_si256(); P];
            for (tables, weights) in tables.iter().zip(panel) {
                look_up(tables, weights, high, &mut both, &mut second);
            }
            for ((halves, both), second) in halves.iter_mut().zip(both).zip(second) {
                add_bytes(_mm256_sub_epi8(both, times_16(second)), &mut halves[0]);
                add_bytes(second, &mut halves[1]);
            }
        }
        widen(
            halves.as_flattened().as_flattened(),
            counts.as_flattened_mut().as_flattened_mut(),
        );
    }
    for (sums, counts) in sums.iter_mut().zip(counts.as_flattened()) {
        finish(counts, k, sums);
    }
}

/// Sums of a single row (m = 1): half the work, because no nibbles have to be separated.
#[target_feature(enable = "avx2")]
fn lone(tables: &[[u64; PAIR_WORDS]], panel: &[[u64; WEIGHT_WORDS]], k: u32, sums: &mut Sums) {
    let mut counts = [0_u32; NR];
    let blocks = tables.chunks(GROUPS_PER_U16S);
    for (tables, panel) in blocks.zip(panel.chunks(GROUPS_PER_U16S)) {
        let mut halves = [0_u16; NR];
        let steps = tables.chunks(GROUPS_PER_BYTES);
        for (tables, panel) in steps.zip(panel.chunks(GROUPS_PER_BYTES)) {
            let mut bytes = [_mm256_setzero_si256(); 2];
            for (tables, weights) in tables.iter().zip(panel) {
                let threes = threes(tables, &nibbles(weights));
                for (bytes, three) in bytes.iter_mut().zip(threes) {
                    *bytes = _mm256_add_epi8(*bytes, three);
                }
            }
            add_bytes(_mm256_add_epi8(bytes[0], bytes[1]), &mut halves);
        }
        widen(&halves, &mut counts);
    }
    finish(&counts, k, sums);
}

/// Counts a group of k. `second` gains the counts of the second rows, `both` gains those of the
/// first and 16 times those of the second, modulo 256. `high` is the mask of the high nibbles.
#[inline]
#[target_feature(enable = "avx2")]
fn look_up<const P: usize>(
    tables: &[[u64; PAIR_WORDS]; P],
    weights: &[u64; WEIGHT_WORDS],
    high: __m256i,
    both: &mut [__m256i; P],
    second: &mut [__m256i; P],
) {
    let nibbles = nibbles(weights);
    for ((tables, both), second) in tables.iter().zip(both).zip(second) {
        let [a, b] = threes(tables, &nibbles);
        *both = _mm256_add_epi8(*both, _mm256_add_epi8(a, b));
        // The average of two multiples of 16 is exact, a multiple of 8; so no bit crosses a byte
        // when it is divided by 8.
        let eights = _mm256_avg_epu8(_mm256_and_si256(a, high), _mm256_and_si256(b, high));
        *second = _mm256_add_epi8(*second, _mm256_srli_epi16::<3>(eights));
    }
}

/// The six nibbles of each neuron's weights in a group.
#[inline]
#[target_feature(enable = "avx2")]
fn nibbles(weights: &[u64; WEIGHT_WORDS]) -> [[__m256i; 2]; GROUP] {
    let low = _mm256_set1_epi8(0x0F);
    let (weights, _) = weights.as_chunks::<4>();
    let mut nibbles = [[_mm256_setzero_si256(); 2]; GROUP];
    for (nibbles, weights) in nibbles.iter_mut().zip(weights) {
        let bytes = load(weights);
        *nibbles = [
            _mm256_and_si256(bytes, low),
            _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), low),
        ];
    }
    nibbles
}

/// The sums of the first three lookups of a group and of the other three: nibbles of at most 12.
#[inline]
#[target_feature(enable = "avx2")]
fn threes(tables: &[u64; PAIR_WORDS], nibbles: &[[__m256i; 2]; GROUP]) -> [__m256i; 2] {
    let (tables, _) = tables.as_chunks::<2>();
    let nibbles = nibbles.as_flattened();
    let mut threes = [_mm256_setzero_si256(); 2];
    for (i, three) in threes.iter_mut().enumerate() {
        let (t, n) = (&tables[3 * i..3 * i + 3], &nibbles[3 * i..3 * i + 3]);
        *three = _mm256_add_epi8(
            _mm256_add_epi8(
                _mm256_shuffle_epi8(broadcast(&t[0]), n[0]),
                _mm256_shuffle_epi8(broadcast(&t[1]), n[1]),
            ),
            _mm256_shuffle_epi8(broadcast(&t[2]), n[2]),
        );
    }
    threes
}

/// 16 times each byte, modulo 256.
#[inline]
#[target_feature(enable = "avx2")]
fn times_16(x: __m256i) -> __m256i {
    let low = _mm256_and_si256(x, _mm256_set1_epi8(0x0F));
    _mm256_slli_epi16::<4>(low)
}

/// Adds bytes to the 16-bit sums of the same neurons.
#[inline]
#[target_feature(enable = "avx2")]
fn add_bytes(bytes: __m256i, sums: &mut [u16; NR]) {
    let (halves, _) = sums.as_chunks_mut::<16>();
    let wide = [
        _mm256_cvtepu8_epi16(_mm256_castsi256_si128(bytes)),
        _mm256_cvtepu8_epi16(_mm256_extracti128_si256::<1>(bytes)),
    ];
    for (half, wide) in halves.iter_mut().zip(wide) {
        let at = half.as_mut_ptr().cast();
        // SAFETY: the array is 32 readable and writable bytes; neither access wants an alignment.
        unsafe { _mm256_storeu_si256(at, _mm256_add_epi16(_mm256_loadu_si256(at), wide)) };
    }
}

/// A table, in both halves of a vector.
#[inline]
#[target_feature(enable = "avx2")]
fn broadcast<T: Pod, const N: usize>(table: &[T; N]) -> __m256i {
    const { assert!(2 * size_of::<[T; N]>() == size_of::<__m256i>()) };
    // SAFETY: the array is 16 readable bytes, and the load wants no alignment.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
}

#[inline]
#[target_feature(enable = "avx2")]
fn load<T: Pod, const N: usize>(numbers: &[T; N]) -> __m256i {
    const { assert!(size_of::<[T; N]>() == size_of::<__m256i>()) };
    // SAFETY: the array is 32 readable bytes, and the load wants no alignment.
    unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
}

/// Canonical rows have no lanes of neurons, so the scalar count serves them.
#[target_feature(enable = "avx2,popcnt")]
fn count(a: &[u64], b: &[u64]) -> u32 {
    portable::multiply::count(a, b)
}
