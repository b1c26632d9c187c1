//! Lays weights out by byte of k: the layout of [`nibble_tables`], whose code is the definition, by
//! transposing 16 x 16 bytes in each half of the registers. Products with weights in canonical rows
//! lay them out anew in each call, so it has to be fast.

use core::arch::x86_64::{
    __m128i, __m256i, _MM_HINT_T1, _mm_loadu_si128, _mm_prefetch, _mm256_castsi128_si256,
    _mm256_inserti128_si256, _mm256_storeu_si256, _mm256_unpackhi_epi8, _mm256_unpacklo_epi8,
};
use core::array;

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
    let (pairs, odd) = used.as_chunks_mut::<HALF>();
    for (p, lines) in pairs.iter_mut().enumerate() {
        prefetch_next(rows, NR * (words + 2 * p));
        let vectors: [_; HALF] = array::from_fn(|r| {
            // SAFETY: there are NR = 2 * HALF rows of `words` words; a pair has 2 * HALF lines of
            // 8 a word, so that the words 2 * p and 2 * p + 1 of a row exist.
            unsafe {
                let low = rows.as_ptr().add(r * words + 2 * p);
                load_halves(low.cast(), low.add(HALF * words).cast())
            }
        });
        store(vectors, lines);
    }
    if !odd.is_empty() {
        let last = |r: usize| rows.get((r + 1) * words - 1).map_or([0, 0], |w| [*w, 0]);
        let vectors: [_; HALF] = array::from_fn(|r| {
            let [low, high] = [last(r), last(r + HALF)];
            // SAFETY: both arrays are 16 readable bytes.
            unsafe { load_halves(low.as_ptr().cast(), high.as_ptr().cast()) }
        });
        store(vectors, odd);
    }
}

/// Asks for what the next panel reads while this one reads the `2 * NR` words that lie `ahead`
/// words before: the many short rows do not look like a stream to the CPU.
#[inline]
#[target_feature(enable = "avx2")]
fn prefetch_next(rows: &[u64], ahead: usize) {
    let next = rows.as_ptr().wrapping_add(ahead);
    for line in (0..2 * NR).step_by(8) {
        _mm_prefetch::<_MM_HINT_T1>(next.wrapping_add(line).cast());
    }
}

/// Stores the bytes of 32 rows by byte of k; an odd word at the end of the rows has half as many
/// lines.
#[inline]
#[target_feature(enable = "avx2")]
fn store(rows: [__m256i; HALF], lines: &mut [[u64; LINE]]) {
    for (line, vector) in lines.iter_mut().zip(transpose(rows)) {
        // SAFETY: the array is 32 writable bytes, and the store wants no alignment.
        unsafe { _mm256_storeu_si256(line.as_mut_ptr().cast(), vector) };
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
///
/// # Safety
/// Both are 16 readable bytes.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_halves(low: *const __m128i, high: *const __m128i) -> __m256i {
    // SAFETY: as promised; the loads want no alignment.
    let [low, high] = unsafe { [_mm_loadu_si128(low), _mm_loadu_si128(high)] };
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
}

const _: () = assert!(NR == 2 * HALF);
