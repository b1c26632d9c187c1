//! The layouts of both sides of a product of `f32` with signs on the tiles of AMX-BF16.
//!
//! - Left side, 32 rows by some terms: `[step of 32 terms][part][2 tiles][16 rows][32 terms]`.
//! - Right side, 32 columns by these terms: `[step][2 tiles][16][16 columns][2]`; a tile's row
//!   holds two terms of each column, side by side.

use core::arch::x86_64::{
    __m512, __m512i, _CMP_UNORD_Q, _mm512_and_si512, _mm512_castpd_ps, _mm512_castps_pd,
    _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_cmplt_epu32_mask,
    _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_blend_epi16, _mm512_mask_or_epi32,
    _mm512_maskz_sub_ps, _mm512_or_si512, _mm512_permutex2var_epi16, _mm512_set1_epi16,
    _mm512_set1_epi32, _mm512_setzero_ps, _mm512_shuffle_f32x4, _mm512_srli_epi32,
    _mm512_storeu_ps, _mm512_storeu_si512, _mm512_unpackhi_pd, _mm512_unpackhi_ps,
    _mm512_unpacklo_pd, _mm512_unpacklo_ps, _pdep_u32,
};

use super::tiles::TILE;
use crate::kernel::f32_operands::{F32Right, F32Rows};
use crate::shape::row_words;

/// Rows and columns of the sums that are computed together.
pub(super) const SIDE: usize = 2 * TILE;
/// Terms that one instruction takes.
pub(super) const TERMS: usize = 32;
/// Parts that an `f32` is cut into.
pub(super) const PARTS: usize = 3;
/// Words of two tiles of bfloat16.
pub(super) const PAIR: usize = 2 * TILE * 8;
/// Steps of 32 terms that are laid out together: the left side's 24 KiB leave half of an L1 cache
/// to the rest. (6 and 8 steps were slower.)
pub(super) const STEPS: usize = 4;

pub(super) type Row = [u64; 8];

/// Lays out up to 32 rows; missing rows become zeros. Returns how many parts are needed: 1 if all
/// numbers are bfloat16.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn fill_left(
    a: &F32Rows<'_>,
    first_row: usize,
    first_term: usize,
    terms: usize,
    left: &mut [u64],
) -> usize {
    let steps = terms.div_ceil(TERMS);
    let mut blocks = [[[0.0_f32; TERMS]; TILE]; 2 * STEPS];
    let mut exact = true;
    for (i, block) in blocks.iter_mut().take(2 * steps).enumerate() {
        let row = first_row + i % 2 * TILE;
        let rows = a.rows.saturating_sub(row).min(TILE);
        let done = i / 2 * TERMS;
        take_block(
            a,
            row,
            rows,
            first_term + done,
            (terms - done).min(TERMS),
            block,
        );
        exact &= block
            .as_flattened()
            .iter()
            .fold(0, |all, x| all | x.to_bits())
            & 0xFFFF
            == 0;
    }
    let parts = if exact { 1 } else { PARTS };
    let (rows, _) = left.as_chunks_mut::<8>();
    for (step, blocks) in blocks.chunks_exact(2).take(steps).enumerate() {
        for (i, x) in blocks.as_flattened().iter().enumerate() {
            for (part, y) in split(x).iter().take(parts).enumerate() {
                if let Some(row) = rows.get_mut((step * parts + part) * SIDE + i) {
                    store(*y, row);
                }
            }
        }
    }
    parts
}

/// Copies some terms of some rows to a block of zeros.
#[target_feature(enable = "avx512f")]
fn take_block(
    a: &F32Rows<'_>,
    row: usize,
    rows: usize,
    term: usize,
    terms: usize,
    block: &mut [[f32; TERMS]; TILE],
) {
    let lines = a.data.chunks(a.stride);
    if a.across && rows == TILE && terms == TERMS {
        let mut squares = [[[0.0; TILE]; TILE]; 2];
        let places = squares.as_flattened_mut().iter_mut();
        for (to, from) in places.zip(lines.skip(term)) {
            if let Some(from) = from.get(row..).and_then(<[f32]>::first_chunk) {
                *to = *from;
            }
        }
        for (i, square) in squares.iter().enumerate() {
            transpose(square, i, block);
        }
    } else if a.across {
        for (l, from) in lines.skip(term).take(terms).enumerate() {
            let from = from.get(row..row + rows).unwrap_or_default();
            block
                .iter_mut()
                .zip(from)
                .for_each(|(to, from)| to[l] = *from);
        }
    } else {
        for (to, from) in block.iter_mut().zip(lines.skip(row).take(rows)) {
            let from = from.get(term..term + terms).unwrap_or_default();
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    }
}

/// The columns of a square: neighbours change places within 2 x 2, 4 x 4, 8 x 8 and 16 x 16.
#[inline]
#[target_feature(enable = "avx512f")]
fn columns(square: &[[f32; TILE]; TILE]) -> [__m512; TILE] {
    let rows: [__m512; TILE] = core::array::from_fn(|i| load(&square[i]));
    // Vector 4 * g + j: of rows 4 * g..4 * g + 4 the elements j, j + 4, j + 8, j + 12.
    let mut fours = [_mm512_setzero_ps(); TILE];
    for (four, rows) in fours.chunks_exact_mut(4).zip(rows.chunks_exact(4)) {
        let pair = |a, b| {
            let (low, high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            [_mm512_castps_pd(low), _mm512_castps_pd(high)]
        };
        let ([a, b], [c, d]) = (pair(rows[0], rows[1]), pair(rows[2], rows[3]));
        four[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
        four[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
        four[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
        four[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
    let mut columns = [_mm512_setzero_ps(); TILE];
    for j in 0..4 {
        let [a, b, c, d] = [fours[j], fours[j + 4], fours[j + 8], fours[j + 12]];
        // Quarters 0 and 2, then 1 and 3, of two vectors each.
        let (ab_even, cd_even) = (
            _mm512_shuffle_f32x4::<0x88>(a, b),
            _mm512_shuffle_f32x4::<0x88>(c, d),
        );
        let (ab_odd, cd_odd) = (
            _mm512_shuffle_f32x4::<0xDD>(a, b),
            _mm512_shuffle_f32x4::<0xDD>(c, d),
        );
        columns[j] = _mm512_shuffle_f32x4::<0x88>(ab_even, cd_even);
        columns[j + 4] = _mm512_shuffle_f32x4::<0x88>(ab_odd, cd_odd);
        columns[j + 8] = _mm512_shuffle_f32x4::<0xDD>(ab_even, cd_even);
        columns[j + 12] = _mm512_shuffle_f32x4::<0xDD>(ab_odd, cd_odd);
    }
    columns
}

/// Three bfloat16 of each number, which add up to it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn split(x: &[f32; TERMS]) -> [__m512i; PARTS] {
    let (halves, _) = x.as_chunks::<16>();
    let [a, b] = [cut(load(&halves[0])), cut(load(&halves[1]))];
    let upper = load_row(&UPPER);
    let join = |i: usize| _mm512_permutex2var_epi16(a[i], upper, b[i]);
    [join(0), join(1), join(2)]
}

/// Places of the upper 16 bits of each 32 in two vectors.
const UPPER: Row = {
    let mut places = [0; 8];
    let mut i = 0;
    while i < 32 {
        places[i / 4] |= (2 * i as u64 + 1) << (16 * (i % 4));
        i += 1;
    }
    places
};

/// Three parts of each number in the upper halves of the lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn cut(x: __m512) -> [__m512i; PARTS] {
    let upper = _mm512_set1_epi32(0xFFFF_0000_u32.cast_signed());
    let infinity = _mm512_set1_epi32(0x7F80_0000);
    let magnitude = _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7FFF_FFFF));
    // Infinity less infinity would be NaN.
    let finite = _mm512_cmplt_epu32_mask(magnitude, infinity);
    let head = _mm512_and_si512(_mm512_castps_si512(x), upper);
    let rest = _mm512_maskz_sub_ps(finite, x, _mm512_castsi512_ps(head));
    let middle = _mm512_and_si512(_mm512_castps_si512(rest), upper);
    let last = _mm512_maskz_sub_ps(finite, rest, _mm512_castsi512_ps(middle));
    // A NaN whose upper bits are those of infinity has to stay one.
    let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
    let quiet = _mm512_set1_epi32(0x7FC0_0000);
    let head = _mm512_mask_or_epi32(head, nan, head, quiet);
    [head, middle, _mm512_castps_si512(last)]
}

/// Lays out some terms of up to 32 columns. Missing columns and terms become finite numbers; the
/// left side has zeros for those terms.
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
pub(super) fn fill_right(
    b: F32Right<'_>,
    first_term: usize,
    terms: usize,
    col: usize,
    pair: &mut [u64],
) {
    let (lines, _) = pair.as_chunks_mut::<8>();
    match b {
        F32Right::Signs(bits) => {
            let per_row = row_words(bits.cols());
            let from = first_term * per_row + col / 64;
            // For two terms at a time, the words that hold these columns.
            let mut words = bits
                .words()
                .get(from..)
                .unwrap_or_default()
                .chunks(2 * per_row);
            let columns = |word: Option<&u64>| word.map_or(0, |word| word >> (col % 64)) as u32;
            for tiles in lines.chunks_exact_mut(SIDE) {
                let (left, right) = tiles.split_at_mut(TILE);
                for (left, right) in left.iter_mut().zip(right) {
                    let two = words.next().unwrap_or_default();
                    let (even, odd) = (columns(two.first()), columns(two.get(per_row)));
                    store(signs(even, odd), left);
                    store(signs(even >> TILE, odd >> TILE), right);
                }
            }
        }
        F32Right::Bf16Exact(x) => {
            let from = first_term * x.cols;
            let used = x.data.get(from..from + terms * x.cols).unwrap_or_default();
            let mut rows = used.chunks(x.cols);
            for tiles in lines.chunks_exact_mut(SIDE) {
                let (left, right) = tiles.split_at_mut(TILE);
                for (left, right) in left.iter_mut().zip(right) {
                    let [even, odd] = [0; 2].map(|_| rows.next().unwrap_or_default());
                    store(bf16_pairs(even, odd, col), left);
                    store(bf16_pairs(even, odd, col + TILE), right);
                }
            }
        }
    }
}

/// The columns of a square to the first (0) or second (1) halves of rows.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(square: &[[f32; TILE]; TILE], half: usize, block: &mut [[f32; TERMS]; TILE]) {
    let columns = columns(square);
    for (row, column) in block.iter_mut().zip(&columns) {
        let (halves, _) = row.as_chunks_mut::<TILE>();
        if let Some(to) = halves.get_mut(half) {
            // SAFETY: the array is 64 writable bytes, and the store wants no alignment.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), *column) };
        }
    }
}

/// The lanes of those of two terms side by side that exist.
#[inline]
fn lane_mask(first: bool, second: bool) -> u32 {
    (u32::from(first) * 0x5555_5555) | (u32::from(second) * 0xAAAA_AAAA)
}

/// The signs of 16 columns, two terms of each side by side.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
fn signs(even: u32, odd: u32) -> __m512i {
    let plus = _pdep_u32(even, lane_mask(true, false)) | _pdep_u32(odd, lane_mask(false, true));
    let (one, minus_one) = (
        _mm512_set1_epi16(0x3F80),
        _mm512_set1_epi16(0xBF80_u16.cast_signed()),
    );
    _mm512_mask_blend_epi16(plus, minus_one, one)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn bf16_pairs(even: &[f32], odd: &[f32], col: usize) -> __m512i {
    let lower = _mm512_srli_epi32::<16>(_mm512_castps_si512(sixteen(even, col)));
    _mm512_or_si512(lower, _mm512_castps_si512(sixteen(odd, col)))
}

/// 16 numbers of a row; zeros after its end.
#[inline]
#[target_feature(enable = "avx512f")]
fn sixteen(row: &[f32], col: usize) -> __m512 {
    let rest = row.get(col..).unwrap_or_default();
    match rest.first_chunk::<TILE>() {
        Some(x) => load(x),
        None => {
            let mut x = [0.0; TILE];
            x.iter_mut().zip(rest).for_each(|(x, y)| *x = *y);
            load(&x)
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(x: &[f32; 16]) -> __m512 {
    // SAFETY: the array is 64 readable bytes, and the load wants no alignment.
    unsafe { _mm512_loadu_ps(x.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_row(row: &Row) -> __m512i {
    // SAFETY: the array is 64 readable bytes, and the load wants no alignment.
    unsafe { _mm512_loadu_si512(row.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(vector: __m512i, row: &mut Row) {
    // SAFETY: the array is 64 writable bytes, and the store wants no alignment.
    unsafe { _mm512_storeu_si512(row.as_mut_ptr().cast(), vector) };
}
