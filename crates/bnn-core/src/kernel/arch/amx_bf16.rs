//! Products of `f32` with signs on the tiles of AMX-BF16: 8192 products in 16 cycles, 16 times what two multipliers
//! for 512 bits of `f32` do. An `f32` is the sum of three bfloat16, its upper 8 significant bits, the 8 below and
//! the 8 below those, so a third of that remains, and the products with +-1 are exact.
//!
//! - Left side, 32 rows by up to [`STEPS`] * 32 terms, in the L1 cache: `[step][part][2 tiles][16 rows][32 terms]`.
//! - Right side, those terms by up to [`COLS`] columns, in L2: `[pair of tiles][step][2 tiles][16][16 columns][2]`;
//!   a tile's row holds two terms of each column, one beside the other.
//!
//! Output tiles of 32 x 32 are loaded and stored once for every [`STEPS`] * 32 terms.

use core::arch::asm;
use core::arch::x86_64::{
    __cpuid_count, __m512, __m512i, _CMP_UNORD_Q, _mm512_and_si512, _mm512_castpd_ps,
    _mm512_castps_pd, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cmp_ps_mask,
    _mm512_cmplt_epu32_mask, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_blend_epi16,
    _mm512_mask_or_epi32, _mm512_maskz_sub_ps, _mm512_or_si512, _mm512_permutex2var_epi16,
    _mm512_set1_epi16, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_shuffle_f32x4,
    _mm512_srli_epi32, _mm512_storeu_ps, _mm512_storeu_si512, _mm512_unpackhi_pd,
    _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps, _pdep_u32,
};
use std::cell::Cell;
use std::sync::OnceLock;

use super::amx::Tiles;
use crate::aligned::AlignedWords;
use crate::f32_product::{F32Right, F32Rows};
use crate::shape::row_words;

/// Rows or columns of a tile of sums.
const TILE: usize = 16;
/// Rows and columns of the sums that are made together.
const SIDE: usize = 2 * TILE;
/// Terms that one instruction takes.
const TERMS: usize = 32;
/// Parts that an `f32` is cut into.
const PARTS: usize = 3;
/// Words of two tiles of bfloat16.
const PAIR: usize = 2 * TILE * 8;
/// Instructions' terms between loading and storing the sums: the left side's 24 KiB leave half of L1 to the rest.
const STEPS: usize = 4;
/// Columns of the right side that are laid out together: 256 KiB.
const COLS: usize = 1024;

type Row = [u64; 8];
type Sums = [[f32; SIDE]; SIDE];

/// Whether the tiles multiply bfloat16, where there are tiles. Asked once: a virtual machine takes its time to answer.
pub(super) fn supported() -> bool {
    static SUPPORTED: OnceLock<bool> = OnceLock::new();
    *SUPPORTED.get_or_init(|| __cpuid_count(7, 0).edx >> 22 & 1 == 1)
}

thread_local! {
    /// Both sides of the last product, laid out: fresh memory would cost more than filling it.
    static ROOM: Cell<Option<(AlignedWords, AlignedWords)>> = const { Cell::new(None) };
}

/// `out = a · b`. Sizes fit each other.
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
pub(super) fn multiply(a: F32Rows<'_>, b: F32Right<'_>, out: &mut [f32]) {
    let (mut left, mut right) = ROOM.take().unwrap_or_else(|| {
        (
            AlignedWords::zeros(STEPS * PARTS * PAIR),
            AlignedWords::zeros(STEPS * COLS / SIDE * PAIR),
        )
    });
    let (_, cols) = b.shape();
    let tiles = Tiles::configure();
    for first_term in (0..a.depth).step_by(STEPS * TERMS) {
        let terms = (a.depth - first_term).min(STEPS * TERMS);
        let steps = terms.div_ceil(TERMS);
        for first_col in (0..cols).step_by(COLS) {
            let width = (cols - first_col).min(COLS);
            let used = width.div_ceil(SIDE) * steps * PAIR;
            let right = right.words_mut().get_mut(..used).unwrap_or_default();
            for (i, pair) in right.chunks_exact_mut(steps * PAIR).enumerate() {
                fill_right(b, first_term, terms, first_col + i * SIDE, pair);
            }
            for first_row in (0..a.rows).step_by(SIDE) {
                let parts = fill_left(&a, first_row, first_term, terms, left.words_mut());
                for (i, right) in right.chunks_exact(steps * PAIR).enumerate() {
                    let place = Place {
                        stride: cols,
                        row: first_row,
                        rows: (a.rows - first_row).min(SIDE),
                        col: first_col + i * SIDE,
                        begin: first_term == 0,
                    };
                    place.add(&tiles, left.words(), parts, right, out);
                }
            }
        }
    }
    drop(tiles);
    ROOM.set(Some((left, right)));
}

/// Where 32 x 32 sums lie in the output.
struct Place {
    /// Columns of the output.
    stride: usize,
    row: usize,
    /// Rows that are there.
    rows: usize,
    col: usize,
    /// Whether the sums begin at 0.
    begin: bool,
}

impl Place {
    fn add(&self, tiles: &Tiles, left: &[u64], parts: usize, right: &[u64], out: &mut [f32]) {
        let at = self.row * self.stride + self.col;
        let cols = (self.stride - self.col).min(SIDE);
        let out = out.get_mut(at..).unwrap_or_default();
        if self.rows == SIDE && cols == SIDE {
            add_products(tiles, left, parts, right, out, self.stride, self.begin);
            return;
        }
        let mut sums: Sums = [[0.0; SIDE]; SIDE];
        let rows = || out.chunks(self.stride).take(self.rows);
        if !self.begin {
            for (sums, out) in sums.iter_mut().zip(rows()) {
                sums.iter_mut()
                    .zip(out)
                    .take(cols)
                    .for_each(|(s, x)| *s = *x);
            }
        }
        add_products(
            tiles,
            left,
            parts,
            right,
            sums.as_flattened_mut(),
            SIDE,
            self.begin,
        );
        for (sums, out) in sums.iter().zip(out.chunks_mut(self.stride).take(self.rows)) {
            out.iter_mut()
                .zip(sums)
                .take(cols)
                .for_each(|(x, s)| *x = *s);
        }
    }
}

/// Adds the products of a laid out left side, of which `parts` parts are not zero, with a pair of tiles of the
/// right side to 32 rows of 32 sums, `stride` apart, or to zeros where they `begin`.
fn add_products(
    tiles: &Tiles,
    left: &[u64],
    parts: usize,
    right: &[u64],
    sums: &mut [f32],
    stride: usize,
    begin: bool,
) {
    let steps = right.len() / PAIR;
    let reach = (SIDE - 1) * stride + SIDE;
    if steps == 0 || parts == 0 || left.len() < steps * parts * PAIR || sums.len() < reach {
        return;
    }
    let below = sums.as_mut_ptr().wrapping_add(TILE * stride);
    // SAFETY: `steps` times, 2 tiles of 1 KiB of `right` are read, and `parts` times as many of `left`; both are
    // there, as checked. Of 32 rows of `sums`, `stride` elements apart, 32 elements each are read and written, which are
    // there too. All tiles are 16 x 64 bytes while `tiles` lives.
    unsafe {
        asm!(
            "test {part:e}, {part:e}",
            "jnz 4f",
            "tileloadd tmm0, [{c} + {stride}*1]",
            "tileloadd tmm1, [{c} + {stride}*1 + 64]",
            "tileloadd tmm2, [{d} + {stride}*1]",
            "tileloadd tmm3, [{d} + {stride}*1 + 64]",
            "jmp 2f",
            "4:",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            "tileloadd tmm6, [{b} + {row}*1]",
            "tileloadd tmm7, [{b} + {row}*1 + 1024]",
            "mov {part:e}, {parts:e}",
            "3:",
            "tileloadd tmm4, [{a} + {row}*1]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{a} + {row}*1 + 1024]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {a}, 2048",
            "dec {part:e}",
            "jnz 3b",
            "add {b}, 2048",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{c} + {stride}*1], tmm0",
            "tilestored [{c} + {stride}*1 + 64], tmm1",
            "tilestored [{d} + {stride}*1], tmm2",
            "tilestored [{d} + {stride}*1 + 64], tmm3",
            c = in(reg) sums.as_mut_ptr(),
            d = in(reg) below,
            stride = in(reg) stride * size_of::<f32>(),
            a = inout(reg) left.as_ptr() => _,
            b = inout(reg) right.as_ptr() => _,
            steps = inout(reg) steps => _,
            parts = in(reg) parts,
            part = inout(reg) usize::from(begin) => _,
            row = in(reg) 64_usize,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
    let _ = tiles;
}

/// Lays out up to 32 rows; zeros stand for what is missing. Returns how many parts are needed: 1 where all numbers
/// are bfloat16.
#[target_feature(enable = "avx512f,avx512bw")]
fn fill_left(
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

/// Some terms of some rows to a block of zeros.
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
            let turned = transpose(square);
            for (row, turned) in block.iter_mut().zip(&turned) {
                let (halves, _) = row.as_chunks_mut::<TILE>();
                // SAFETY: the array is 64 writable bytes, and the store wants no alignment.
                unsafe { _mm512_storeu_ps(halves[i].as_mut_ptr(), *turned) };
            }
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
fn transpose(square: &[[f32; TILE]; TILE]) -> [__m512; TILE] {
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

/// Three bfloat16 of each number, that add up to it.
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

/// Lays out some terms of up to 32 columns. What stands for columns and terms that are missing is finite; the left
/// side has zeros for those terms.
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
fn fill_right(b: F32Right<'_>, first_term: usize, terms: usize, col: usize, pair: &mut [u64]) {
    let (lines, _) = pair.as_chunks_mut::<8>();
    match b {
        F32Right::Signs(bits) => {
            let per_row = row_words(bits.cols());
            let from = first_term * per_row + col / 64;
            // Of two terms at a time the words that hold these columns.
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
        F32Right::Narrow(x) => {
            let from = first_term * x.cols;
            let used = x.data.get(from..from + terms * x.cols).unwrap_or_default();
            let mut rows = used.chunks(x.cols);
            for tiles in lines.chunks_exact_mut(SIDE) {
                let (left, right) = tiles.split_at_mut(TILE);
                for (left, right) in left.iter_mut().zip(right) {
                    let [even, odd] = [0; 2].map(|_| rows.next().unwrap_or_default());
                    store(narrow(even, odd, col), left);
                    store(narrow(even, odd, col + TILE), right);
                }
            }
        }
    }
}

/// The signs of 16 columns, two terms of each beside one another.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
fn signs(even: u32, odd: u32) -> __m512i {
    let plus = _pdep_u32(even, 0x5555_5555) | _pdep_u32(odd, 0xAAAA_AAAA);
    let (one, minus_one) = (
        _mm512_set1_epi16(0x3F80),
        _mm512_set1_epi16(0xBF80_u16.cast_signed()),
    );
    _mm512_mask_blend_epi16(plus, minus_one, one)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn narrow(even: &[f32], odd: &[f32], col: usize) -> __m512i {
    let lower = _mm512_srli_epi32::<16>(_mm512_castps_si512(sixteen(even, col)));
    _mm512_or_si512(lower, _mm512_castps_si512(sixteen(odd, col)))
}

/// 16 numbers of a row, or fewer and zeros.
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
    // SAFETY: as above.
    unsafe { _mm512_loadu_si512(row.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(vector: __m512i, row: &mut Row) {
    // SAFETY: the array is 64 writable bytes, and the store wants no alignment.
    unsafe { _mm512_storeu_si512(row.as_mut_ptr().cast(), vector) };
}
