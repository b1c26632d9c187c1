//! x86-64 with AVX2, by table lookups over output neurons.
//!
//! The byte lanes of a vector are 32 neurons. For four bits of an activation row, a 16-entry table
//! tells in how many of them each possible nibble of weights differs; one `vpshufb` looks up all 32
//! neurons, one `vpaddb` adds. There is no XOR, no population count and no sum across lanes. (The
//! table per nibble is that of Mula, Kurz and Lemire, "Faster population counts using AVX2
//! instructions", arXiv 1611.07612, with the XOR folded into it.)
//!
//! An entry serves *two* rows: the low nibble counts for the first, the high nibble for the second. So a
//! lookup is 2 x 4 x 32 products. A block holds these tables ready-made, to be loaded one after the
//! other; a single row is paired with a row of zeros whose counts are dropped.
//!
//! - Block: tiles of up to 4 pairs of rows, `[3 bytes of k][pair][6 nibbles][16]`.
//! - Panel: `[byte of k][neuron]`.
//!
//! Both are filled up to whole groups of 3 bytes of k with zeros, which do not differ.

use core::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_add_epi8, _mm256_add_epi16, _mm256_and_si256, _mm256_avg_epu8,
    _mm256_broadcastsi128_si256, _mm256_castsi256_si128, _mm256_cvtepu8_epi16,
    _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_set1_epi8, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_srli_epi16, _mm256_storeu_si256,
    _mm256_sub_epi8,
};

use super::{cpu_has, endings_avx2, portable};
use crate::kernel::{Block, Isa, Kernel, Layout, NR, Sums};

/// Pairs of rows in a tile: their counters, the nibbles and the temporaries fill the 16 registers.
const PAIRS: usize = 4;

/// Bytes of k in a group, which is 6 lookups: a nibble of a table entry counts up to 4, so three of
/// them may be added before the nibbles are parted (`3 * 4 <= 15`), and two such sums make a group.
const GROUP: usize = 3;
/// Words of one pair's tables for a group: 6 tables of 16 bytes.
const PAIR_WORDS: usize = 2 * GROUP * 2;
/// Words of the weights of a group.
const WEIGHT_WORDS: usize = GROUP * NR / 8;
/// Groups before bytes are widened: a byte counter gains at most 24 per group, `10 * 24 <= 255`.
const GROUPS_PER_BYTES: usize = 10;
/// Groups before 16-bit counters are widened: `2730 * 24 <= 65535`. A multiple of the above.
const GROUPS_PER_U16S: usize = 2730;

pub(crate) static KERNEL: Kernel = Kernel {
    isa: Isa::Avx2,
    supported: || cpu_has!("avx2", "popcnt"),
    layout: Layout {
        mr: 2 * PAIRS,
        // Tables take 16 times the bytes of the bits: more rows would leave the cache.
        block_rows: 32,
        block_words: |rows, words| rows.div_ceil(2) * groups(words) * PAIR_WORDS,
        fill_block,
        panel_words: |words| groups(words) * WEIGHT_WORDS,
        fill_panel,
        // SAFETY: a `Kernel` is handed out only after `supported`.
        multiply: |block, panel, sums| unsafe { multiply(block, panel, sums) },
        lighter: None,
    },
    endings: &endings_avx2::ENDINGS,
    // SAFETY: as above.
    count: |a, b| unsafe { count(a, b) },
};

fn groups(words: usize) -> usize {
    (8 * words).div_ceil(GROUP)
}

/// `TABLES[a][w]`, 16 entries `w` in two words: in how many bits `w` differs from the low nibble of
/// `a`, and in the entry's high nibble from the high nibble of `a`.
static TABLES: [[u64; 2]; 256] = {
    let mut tables = [[0; 2]; 256];
    let mut i = 0_usize;
    while i < 256 * 16 {
        let (a, w) = (i / 16, i % 16);
        let entry = ((a & 15) ^ w).count_ones() | ((a >> 4) ^ w).count_ones() << 4;
        tables[a][w / 8] |= (entry as u64) << (8 * (w % 8));
        i += 1;
    }
    tables
};

fn fill_block(rows: &[u64], words: usize, block: &mut [u64]) {
    let tiles = rows.chunks(2 * PAIRS * words);
    let places = block.chunks_mut(PAIRS * groups(words) * PAIR_WORDS);
    for (rows, tile) in tiles.zip(places) {
        let pairs = rows.len().div_ceil(2 * words);
        for (p, pair) in rows.chunks(2 * words).enumerate() {
            let (first, second) = pair.split_at(words);
            let bytes = |w: usize| {
                let of = |row: &[u64]| row.get(w).copied().unwrap_or(0).to_le_bytes();
                (of(first), of(second))
            };
            let (tables, _) = tile.as_chunks_mut::<PAIR_WORDS>();
            let tables = tables.iter_mut().skip(p).step_by(pairs);
            let (mut w, mut at) = (0, 0);
            let (mut a, mut b) = bytes(0);
            for group in tables {
                let (group, _) = group.as_chunks_mut::<4>();
                for nibbles in group {
                    if at == 8 {
                        (w, at) = (w + 1, 0);
                        (a, b) = bytes(w);
                    }
                    let (a, b) = (a[at], b[at]);
                    let low = TABLES[usize::from(a & 15 | b << 4)];
                    let high = TABLES[usize::from(a >> 4 | b & 0xF0)];
                    *nibbles = [low[0], low[1], high[0], high[1]];
                    at += 1;
                }
            }
        }
    }
}

fn fill_panel(rows: &[u64], words: usize, panel: &mut [u64]) {
    let (bytes_of_k, _) = panel.as_chunks_mut::<{ NR / 8 }>();
    for (b, lanes) in bytes_of_k.iter_mut().enumerate() {
        let mut neurons = [0_u8; NR];
        for (byte, row) in neurons.iter_mut().zip(rows.chunks_exact(words)) {
            *byte = row
                .get(b / 8)
                .map_or(0, |word| (word >> (8 * (b % 8))) as u8);
        }
        let (eights, _) = neurons.as_chunks::<8>();
        for (lane, eight) in lanes.iter_mut().zip(eights) {
            *lane = u64::from_le_bytes(*eight);
        }
    }
}

#[target_feature(enable = "avx2")]
fn multiply(block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
    let (panel, _) = panel.as_chunks::<WEIGHT_WORDS>();
    let tiles = block.layout.chunks(PAIRS * panel.len() * PAIR_WORDS);
    for (tables, sums) in tiles.zip(sums.chunks_mut(2 * PAIRS)) {
        let (tables, _) = tables.as_chunks::<PAIR_WORDS>();
        match sums.len() {
            1 | 2 => tile::<1>(tables, panel, block.k, sums),
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
    let mut counts = [[[0_u32; NR]; 2]; P];
    let blocks = tables.chunks(GROUPS_PER_U16S);
    for (tables, panel) in blocks.zip(panel.chunks(GROUPS_PER_U16S)) {
        let mut halves = [[[0_u16; NR]; 2]; P];
        let steps = tables.chunks(GROUPS_PER_BYTES);
        for (tables, panel) in steps.zip(panel.chunks(GROUPS_PER_BYTES)) {
            let mut both = [_mm256_setzero_si256(); P];
            let mut second = [_mm256_setzero_si256(); P];
            for (tables, weights) in tables.iter().zip(panel) {
                look_up(tables, weights, &mut both, &mut second);
            }
            for ((halves, both), second) in halves.iter_mut().zip(both).zip(second) {
                add_bytes(_mm256_sub_epi8(both, times_16(second)), &mut halves[0]);
                add_bytes(second, &mut halves[1]);
            }
        }
        let halves = halves.as_flattened().as_flattened();
        for (count, half) in counts
            .as_flattened_mut()
            .as_flattened_mut()
            .iter_mut()
            .zip(halves)
        {
            *count += u32::from(*half);
        }
    }
    for (sums, counts) in sums.iter_mut().zip(counts.as_flattened()) {
        for (sum, count) in sums.0.iter_mut().zip(counts) {
            *sum = k.wrapping_sub(count << 1).cast_signed();
        }
    }
}

/// Counts a group of k. `second` gains the counts of the second rows, `both` gains those of the first
/// and 16 times those of the second, modulo 256.
#[inline]
#[target_feature(enable = "avx2")]
fn look_up<const P: usize>(
    tables: &[[u64; PAIR_WORDS]; P],
    weights: &[u64; WEIGHT_WORDS],
    both: &mut [__m256i; P],
    second: &mut [__m256i; P],
) {
    let (low, high) = (
        _mm256_set1_epi8(0x0F),
        _mm256_set1_epi8(0xF0_u8.cast_signed()),
    );
    let (weights, _) = weights.as_chunks::<4>();
    let mut nibbles = [[_mm256_setzero_si256(); 2]; GROUP];
    for (nibbles, weights) in nibbles.iter_mut().zip(weights) {
        let bytes = load(weights);
        *nibbles = [
            _mm256_and_si256(bytes, low),
            _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), low),
        ];
    }
    let nibbles = nibbles.as_flattened();
    for ((tables, both), second) in tables.iter().zip(both).zip(second) {
        let (tables, _) = tables.as_chunks::<2>();
        let mut threes = [_mm256_setzero_si256(); 2];
        for (i, three) in threes.iter_mut().enumerate() {
            let entry = |j: usize| (&tables[3 * i + j], nibbles[3 * i + j]);
            let ((t0, n0), (t1, n1), (t2, n2)) = (entry(0), entry(1), entry(2));
            *three = _mm256_add_epi8(
                _mm256_add_epi8(
                    _mm256_shuffle_epi8(broadcast(t0), n0),
                    _mm256_shuffle_epi8(broadcast(t1), n1),
                ),
                _mm256_shuffle_epi8(broadcast(t2), n2),
            );
        }
        *both = _mm256_add_epi8(*both, _mm256_add_epi8(threes[0], threes[1]));
        // Of two multiples of 16 the average is exact, a multiple of 8; so no bit crosses a byte when
        // it is divided by 8.
        let eights = _mm256_avg_epu8(
            _mm256_and_si256(threes[0], high),
            _mm256_and_si256(threes[1], high),
        );
        *second = _mm256_add_epi8(*second, _mm256_srli_epi16::<3>(eights));
    }
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
fn broadcast(table: &[u64; 2]) -> __m256i {
    // SAFETY: the array is 16 readable bytes, and the load wants no alignment.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(words: &[u64; 4]) -> __m256i {
    // SAFETY: the array is 32 readable bytes, and the load wants no alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

/// Canonical rows have no lanes of neurons; the scalar count serves them.
#[target_feature(enable = "avx2,popcnt")]
fn count(a: &[u64], b: &[u64]) -> u32 {
    portable::count(a, b)
}
