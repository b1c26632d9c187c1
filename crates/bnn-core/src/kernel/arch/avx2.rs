//! x86-64 with AVX2, by table lookups over output neurons.
//!
//! The byte lanes of a vector are 32 neurons. For four bits of an activation row, a 16-entry table
//! holds how many of them differ from each possible nibble of weights; one `vpshufb` looks up all 32
//! neurons, one `vpaddb` adds. There is no XOR, no population count and no sum across lanes, and a
//! single row (m = 1) is as fast per row as several. (The table per nibble is that of Mula, Kurz and
//! Lemire, "Faster population counts using AVX2 instructions", arXiv 1611.07612, with the XOR folded
//! into it.)
//!
//! A panel is 64 neurons. For every word of k it holds 8 times 64 bytes: byte `b` of each neuron.

use core::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_add_epi8, _mm256_add_epi16, _mm256_and_si256,
    _mm256_broadcastsi128_si256, _mm256_castsi256_si128, _mm256_cvtepu8_epi16,
    _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_set1_epi8, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_storeu_si256,
};

use super::{by_rows, cpu_has, portable, scalar};
use crate::kernel::{Isa, Kernel};

/// Neurons in a vector of bytes.
const LANES: usize = 32;
const VECTORS: usize = 2;
const NR: usize = VECTORS * LANES;

/// A byte lane gains at most 4 per lookup, 16 lookups per word: `3 * 16 * 4 <= 255`.
const WORDS_PER_BYTES: usize = 3;
/// A 16-bit lane gains at most 64 per word: `1020 * 64 <= 65535`. A multiple of the above.
const WORDS_PER_U16S: usize = 1020;

pub(crate) static KERNEL: Kernel = Kernel {
    isa: Isa::Avx2,
    supported: || cpu_has!("avx2", "popcnt"),
    // 4 x 2 sums, 2 x 2 vectors of nibbles, a table and a mask fit the 16 registers.
    mr: 4,
    nr: NR,
    arrange,
    // SAFETY: a `Kernel` is handed out only after `supported`.
    signs: |rows, panel, k, sums| unsafe { signs(rows, panel, k, sums) },
    // SAFETY: as above.
    planes: |rows, panel, sums| unsafe { planes(rows, panel, sums) },
    // SAFETY: as above.
    count: |a, b| unsafe { count(a, b) },
    packing: &super::pack_avx2::PACKING,
};

/// `DIFFERENT[a][w]`: in how many of their four bits two nibbles differ.
static DIFFERENT: [[u8; 16]; 16] = {
    let mut table = [[0; 16]; 16];
    let mut i = 0;
    while i < 256 {
        table[i / 16][i % 16] = ((i / 16) ^ (i % 16)).count_ones() as u8;
        i += 1;
    }
    table
};

/// One word of each of the panel's neurons, to bytes `[8][64]`.
fn arrange(words: &mut [u64]) {
    let mut bytes = [[0_u8; NR]; 8];
    for (j, word) in words.iter().enumerate().take(NR) {
        for (bytes, byte) in bytes.iter_mut().zip(word.to_le_bytes()) {
            bytes[j] = byte;
        }
    }
    let (eights, _) = bytes.as_flattened().as_chunks::<8>();
    for (word, eight) in words.iter_mut().zip(eights) {
        *word = u64::from_le_bytes(*eight);
    }
}

#[target_feature(enable = "avx2,popcnt")]
fn signs(rows: &[&[u64]], panel: &[u64], k: u32, sums: &mut [i32]) {
    by_rows!(rows, 1, 2, 3, 4 => signs_of(panel, k, sums));
}

#[target_feature(enable = "avx2,popcnt")]
fn signs_of<const MR: usize>(rows: &[&[u64]; MR], panel: &[u64], k: u32, sums: &mut [i32]) {
    scalar::weigh_signs(&mismatches(rows, panel), k, sums);
}

#[target_feature(enable = "avx2,popcnt")]
fn planes(rows: &[&[u64]], panel: &[u64], sums: &mut [i32]) {
    let mut totals = [0; NR];
    for (r, row) in rows.iter().enumerate() {
        let [counts] = mismatches(&[row], panel);
        scalar::weigh_plane(&mut totals, counts, r, rows.len() - 1);
    }
    scalar::store(totals, sums);
}

/// `popcount(rows[r] ^ weights[j])`.
#[target_feature(enable = "avx2,popcnt")]
fn mismatches<const MR: usize>(rows: &[&[u64]; MR], panel: &[u64]) -> [[u32; NR]; MR] {
    let (panel, _) = panel.as_chunks::<NR>();
    let mut counts = [[0_u32; NR]; MR];
    let Some(rows) = scalar::same_length(rows, panel.len()) else {
        return counts;
    };
    for (block, panel) in panel.chunks(WORDS_PER_U16S).enumerate() {
        let first = block * WORDS_PER_U16S;
        let mut sums = [[0_u16; NR]; MR];
        for (step, panel) in panel.chunks(WORDS_PER_BYTES).enumerate() {
            let first = first + step * WORDS_PER_BYTES;
            let mut bytes = [[_mm256_setzero_si256(); VECTORS]; MR];
            for (w, weights) in panel.iter().enumerate() {
                let words = rows.map(|row| row[first + w]);
                look_up(words, weights, &mut bytes);
            }
            for (sums, bytes) in sums.iter_mut().zip(bytes) {
                add_bytes(bytes, sums);
            }
        }
        for (count, sum) in counts
            .as_flattened_mut()
            .iter_mut()
            .zip(sums.as_flattened())
        {
            *count += u32::from(*sum);
        }
    }
    counts
}

/// Adds, per row and neuron, in how many bits a word of activations and a word of weights differ.
#[inline]
#[target_feature(enable = "avx2")]
fn look_up<const MR: usize>(
    words: [u64; MR],
    weights: &[u64; NR],
    bytes: &mut [[__m256i; VECTORS]; MR],
) {
    let nibble = _mm256_set1_epi8(0x0F);
    let (vectors, _) = weights.as_chunks::<4>();
    let (bytes_of_k, _) = vectors.as_chunks::<VECTORS>();
    for (b, vectors) in bytes_of_k.iter().enumerate() {
        let weights = [load(&vectors[0]), load(&vectors[1])];
        let mut low = weights;
        let mut high = weights;
        for (low, high) in low.iter_mut().zip(&mut high) {
            *high = _mm256_and_si256(_mm256_srli_epi16::<4>(*high), nibble);
            *low = _mm256_and_si256(*low, nibble);
        }
        for (bytes, word) in bytes.iter_mut().zip(words) {
            let byte = word >> (8 * b);
            let (first, second) = (table(byte), table(byte >> 4));
            for v in 0..VECTORS {
                bytes[v] = _mm256_add_epi8(bytes[v], _mm256_shuffle_epi8(first, low[v]));
                bytes[v] = _mm256_add_epi8(bytes[v], _mm256_shuffle_epi8(second, high[v]));
            }
        }
    }
}

/// The table for the lowest nibble of `bits`, in both halves of a vector.
#[inline]
#[target_feature(enable = "avx2")]
fn table(bits: u64) -> __m256i {
    let table = &DIFFERENT[(bits & 15) as usize];
    // SAFETY: the array is 16 readable bytes, and the load wants no alignment.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
}

/// Adds bytes to the 16-bit sums of the same neurons.
#[inline]
#[target_feature(enable = "avx2")]
fn add_bytes(bytes: [__m256i; VECTORS], sums: &mut [u16; NR]) {
    let (halves, _) = sums.as_chunks_mut::<16>();
    let (pairs, _) = halves.as_chunks_mut::<2>();
    for ([low, high], bytes) in pairs.iter_mut().zip(bytes) {
        add_half(_mm256_cvtepu8_epi16(_mm256_castsi256_si128(bytes)), low);
        add_half(
            _mm256_cvtepu8_epi16(_mm256_extracti128_si256::<1>(bytes)),
            high,
        );
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_half(x: __m256i, sums: &mut [u16; 16]) {
    let at = sums.as_mut_ptr().cast();
    // SAFETY: the array is 32 readable and writable bytes; neither access wants an alignment.
    unsafe { _mm256_storeu_si256(at, _mm256_add_epi16(_mm256_loadu_si256(at), x)) };
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
