//! Lays weights out in strips of 16 rows, interleaved by word: the layout of [`scalar`], whose code
//! is the definition, by transposing 8 x 8 words in registers. Products with weights in canonical
//! rows lay them out anew in each call, so it has to be fast.

use core::arch::x86_64::{
    __m512i, _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_storeu_si512,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

use super::{LANES, W, load_vector};
use crate::kernel::arch::scalar;
use crate::kernel::sums::NR;

/// Interleaves up to `NR` rows; missing rows become zeros.
#[target_feature(enable = "avx512f")]
pub(in crate::kernel::arch::x86_64) fn fill_panel(rows: &[u64], words: usize, panel: &mut [u64]) {
    if rows.len() < NR * words {
        return scalar::fill_panel::<W>(rows, words, panel);
    }
    let whole = words / LANES * LANES;
    for (rows, strip) in rows
        .chunks_exact(W * words)
        .zip(panel.chunks_exact_mut(W * words))
    {
        let (strip, _) = strip.as_chunks_mut::<W>();
        let (groups, rest) = strip.split_at_mut(whole);
        let (groups, _) = groups.as_chunks_mut::<LANES>();
        transpose_rows(rows, words, groups);
        for (r, row) in rows.chunks_exact(words).enumerate() {
            let words = row.get(whole..).unwrap_or_default();
            for (place, word) in rest.iter_mut().zip(words) {
                place[r] = *word;
            }
        }
    }
}

/// Writes the words of the rows of a strip, as far as they are whole groups of eight, in the order
/// in which they lie there.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose_rows(rows: &[u64], words: usize, groups: &mut [[[u64; W]; LANES]]) {
    let mut lines: [&[[u64; LANES]]; W] = [&[]; W];
    for (line, row) in lines.iter_mut().zip(rows.chunks_exact(words)) {
        let (chunks, _) = row.as_chunks();
        // No more than there are groups, so that the loop below does not check it.
        *line = chunks.get(..groups.len()).unwrap_or_default();
    }
    let (halves, _) = lines.as_chunks::<LANES>();
    for (g, group) in groups.iter_mut().enumerate() {
        for (half, lines) in halves.iter().enumerate() {
            let mut vectors = [_mm512_setzero_si512(); LANES];
            for (vector, line) in vectors.iter_mut().zip(lines) {
                if let Some(words) = line.get(g) {
                    *vector = load_vector(words);
                }
            }
            for (place, vector) in group.iter_mut().zip(transpose(vectors)) {
                let (halves, _) = place.as_chunks_mut::<LANES>();
                if let Some(to) = halves.get_mut(half) {
                    // SAFETY: the array is 64 writable bytes, and the store wants no alignment.
                    unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), vector) };
                }
            }
        }
    }
}

/// Word `w` of row `r` becomes word `r` of row `w`: pairs of rows by word, then lanes of two words.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: [__m512i; LANES]) -> [__m512i; LANES] {
    /// The even lanes of two vectors, and the odd ones.
    const EVEN: i32 = 0b10_00_10_00;
    const ODD: i32 = 0b11_01_11_01;
    let [a, b, c, d, e, f, g, h] = rows;
    let low = [
        _mm512_unpacklo_epi64(a, b),
        _mm512_unpacklo_epi64(c, d),
        _mm512_unpacklo_epi64(e, f),
        _mm512_unpacklo_epi64(g, h),
    ];
    let high = [
        _mm512_unpackhi_epi64(a, b),
        _mm512_unpackhi_epi64(c, d),
        _mm512_unpackhi_epi64(e, f),
        _mm512_unpackhi_epi64(g, h),
    ];
    let mut columns = rows;
    // `low` has the words 0, 2, 4, 6 in its lanes, `high` the others.
    for (first, [a, b, c, d]) in [low, high].into_iter().enumerate() {
        let even = [
            _mm512_shuffle_i64x2::<EVEN>(a, b),
            _mm512_shuffle_i64x2::<EVEN>(c, d),
        ];
        let odd = [
            _mm512_shuffle_i64x2::<ODD>(a, b),
            _mm512_shuffle_i64x2::<ODD>(c, d),
        ];
        columns[first] = _mm512_shuffle_i64x2::<EVEN>(even[0], even[1]);
        columns[first + 2] = _mm512_shuffle_i64x2::<EVEN>(odd[0], odd[1]);
        columns[first + 4] = _mm512_shuffle_i64x2::<ODD>(even[0], even[1]);
        columns[first + 6] = _mm512_shuffle_i64x2::<ODD>(odd[0], odd[1]);
    }
    columns
}
