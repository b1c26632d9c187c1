//! Lays weights out by byte of k: the layout of [`nibble_tables`], whose code is the definition, by
//! transposing 16 x 16 bytes in each half of the registers. Products with weights in canonical rows
//! lay them out anew in each call, so it has to be fast.

use core::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_castsi128_si256, _mm256_inserti128_si256,
    _mm256_setzero_si256, _mm256_storeu_si256, _mm256_unpackhi_epi8, _mm256_unpacklo_epi8,
};

use crate::kernel::arch::nibble_tables;
use crate::kernel::sums::NR;

/// Rows in half of a vector, and bytes of two words.
const HALF: usize = 16;
/// Words of the bytes of all rows at one byte of k.
const LINE: usize = NR / 8;

/// Lays out up to `NR` rows; missing rows become zeros.
#[target_feature(enable = "avx2")]
pub(super) fn fill_panel(rows: &[u64], words: usize, panel: &mut [u64]) {
    if rows.len() < NR * words {
        return nibble_tables::fill_panel(rows, words, panel);
    }
    let (lines, _) = panel.as_chunks_mut::<LINE>();
    let (used, rest) = lines.split_at_mut(lines.len().min(8 * words));
    rest.fill([0; LINE]);
    let mut pairs: [&[[u64; 2]]; NR] = [&[]; NR];
    let mut last = [[0, 0]; NR];
    for ((row, pairs), last) in rows.chunks_exact(words).zip(&mut pairs).zip(&mut last) {
        let (whole, odd) = row.as_chunks();
        *pairs = whole;
        last[0] = odd.first().copied().unwrap_or(0);
    }
    for (p, lines) in used.chunks_mut(HALF).enumerate() {
        let mut vectors = [_mm256_setzero_si256(); HALF];
        for (r, vector) in vectors.iter_mut().enumerate() {
            let low = pairs[r].get(p).unwrap_or(&last[r]);
            let high = pairs[r + HALF].get(p).unwrap_or(&last[r + HALF]);
            *vector = load_halves(low, high);
        }
        // An odd word at the end of the rows has half as many lines.
        for (line, vector) in lines.iter_mut().zip(transpose(vectors)) {
            // SAFETY: the array is 32 writable bytes, and the store wants no alignment.
            unsafe { _mm256_storeu_si256(line.as_mut_ptr().cast(), vector) };
        }
    }
}

/// Byte `b` of row `r` becomes byte `r` of row `b`, in each half by itself. The place of a byte is
/// a number of eight bits, four of the row and four of the column; interleaving the first eight
/// rows with the last eight rotates it by one bit.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(mut rows: [__m256i; HALF]) -> [__m256i; HALF] {
    for _ in 0..4 {
        let (first, second) = rows.split_at(HALF / 2);
        let mut mixed = rows;
        for ((pair, a), b) in mixed.chunks_exact_mut(2).zip(first).zip(second) {
            pair[0] = _mm256_unpacklo_epi8(*a, *b);
            pair[1] = _mm256_unpackhi_epi8(*a, *b);
        }
        rows = mixed;
    }
    rows
}

/// Two words of one row and two of another.
#[inline]
#[target_feature(enable = "avx2")]
fn load_halves(low: &[u64; 2], high: &[u64; 2]) -> __m256i {
    // SAFETY: each array is 16 readable bytes, and the loads want no alignment.
    let [low, high] = unsafe {
        [
            _mm_loadu_si128(low.as_ptr().cast()),
            _mm_loadu_si128(high.as_ptr().cast()),
        ]
    };
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
}

const _: () = assert!(NR == 2 * HALF);
