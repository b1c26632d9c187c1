//! Products of `f32` with signs by tables, five signs a lookup: the 32 signed sums of a group fill
//! two vectors, and `vpermt2ps` chooses among them for 16 columns. A lookup and an addition stand
//! for 80 multiplications and additions, of which a fused multiply-add does 16.

use core::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mul_ps,
    _mm512_permutex2var_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_srli_epi32, _mm512_storeu_ps, _mm512_sub_ps,
};

use super::super::f32_signs::{Group, TileOperands, by_vectors, entry_signs, group_of, lay_out};
use crate::kernel::f32_operands::F32Rows;
use crate::kernel::sign_tables::{
    LINE, Line, PANEL_COLS, PANEL_LINES, SignTables, SumsMut, TABLE_ROWS, Tables,
};

/// Terms of a group.
const GROUP: usize = 5;
/// Groups in a word.
const WORD_GROUPS: usize = 6;
/// Sums of a table.
const ENTRIES: usize = 1 << GROUP;
/// Lines of a table.
const LINES: usize = ENTRIES / LINE;

/// For kernels whose `supported` asks for AVX-512 F.
pub(in super::super) static SIGN_TABLES: SignTables = SignTables {
    supported: || true,
    group: GROUP,
    word_groups: WORD_GROUPS,
    table_lines: TABLE_ROWS * LINES,
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX-512 F.
    fill: |rows, tables| unsafe { fill(rows, tables) },
    // SAFETY: as for `fill`.
    lay_out: |signs, words| unsafe { lay_out_words(signs, words) },
    // SAFETY: as for `fill`.
    multiply: |tables, panel, sums| unsafe { multiply(tables, panel, sums) },
};

#[target_feature(enable = "avx512f")]
fn fill(rows: &F32Rows<'_>, tables: &mut [Line<f32>]) {
    let whole = Group::of_rows(rows);
    let (groups, _) = tables.as_chunks_mut::<{ TABLE_ROWS * LINES }>();
    for (i, tables) in groups.iter_mut().enumerate() {
        let copy;
        let group = match whole {
            Some(group) if (i + 1) * GROUP <= rows.depth => group.moved(i * GROUP),
            _ => {
                copy = group_of::<GROUP>(rows, i * GROUP);
                Group::of_copy(&copy)
            }
        };
        let (tables, _) = tables.as_chunks_mut::<LINES>();
        for (r, [minus, plus]) in tables.iter_mut().enumerate() {
            // SAFETY: there are tables of 4 rows; all terms of the group exist in `rows`, or it is
            // a copy.
            let [a, b, c, d, e] = unsafe { group.row(r) };
            let e = _mm512_set1_ps(e);
            let mut sums = _mm512_mul_ps(_mm512_set1_ps(a), load(&SIGNS[0]));
            sums = _mm512_fmadd_ps(_mm512_set1_ps(b), load(&SIGNS[1]), sums);
            sums = _mm512_fmadd_ps(_mm512_set1_ps(c), load(&SIGNS[2]), sums);
            sums = _mm512_fmadd_ps(_mm512_set1_ps(d), load(&SIGNS[3]), sums);
            store(_mm512_sub_ps(sums, e), minus);
            store(_mm512_add_ps(sums, e), plus);
        }
    }
}

/// The signs of the first four terms in the entries of half a table.
const SIGNS: [Line<f32>; GROUP - 1] = {
    let [a, b, c, d] = entry_signs();
    [Line(a), Line(b), Line(c), Line(d)]
};

#[target_feature(enable = "avx512f")]
fn lay_out_words(signs: &mut [u64; 64], words: &mut [Line<u32>; 2 * PANEL_LINES]) {
    lay_out::<{ GROUP * WORD_GROUPS }>(signs, words, |word| word);
}

#[target_feature(enable = "avx512f")]
fn multiply(tables: &Tables<'_>, panel: &[Line<u32>], sums: &mut SumsMut<'_>) {
    macro_rules! tiles {
        ($operands:ident, $rows:ident, $vectors:ident, $($r:literal, $v:literal;)+) => {
            match ($rows, $vectors) {
                // SAFETY: `by_vectors` hands out operands that reach as far as a tile of this size
                // does.
                $(($r, $v) => unsafe { tile::<$r, $v>($operands) },)+
                _ => {}
            }
        };
    }
    by_vectors::<ENTRIES, LINE>(
        WORD_GROUPS,
        tables,
        panel,
        sums,
        |operands, rows, vectors| {
            tiles!(operands, rows, vectors,
            1, 1; 1, 2; 1, 3; 1, 4; 2, 1; 2, 2; 2, 3; 2, 4;
            3, 1; 3, 2; 3, 3; 3, 4; 4, 1; 4, 2; 4, 3; 4, 4;);
        },
    );
}

/// Adds the products of `R` rows with `V` vectors of columns to their sums. 4 x 4 sums, 4 vectors
/// of signs, a table and the temporaries fit the 32 registers.
///
/// # Safety
/// The operands reach as far as [`by_vectors`] says for `R` rows and `V` vectors of 16 columns.
#[target_feature(enable = "avx512f")]
unsafe fn tile<const R: usize, const V: usize>(operands: &TileOperands) {
    let &TileOperands {
        tables,
        groups,
        panel,
        sums,
        stride,
        begin,
    } = operands;
    let sums_at = |r: usize, v: usize| sums.wrapping_add(r * stride + v * LINE);
    let mut totals = [[_mm512_setzero_ps(); V]; R];
    if !begin {
        for (r, totals) in totals.iter_mut().enumerate() {
            for (v, total) in totals.iter_mut().enumerate() {
                // SAFETY: row `r` has `V` vectors of sums.
                *total = unsafe { _mm512_loadu_ps(sums_at(r, v)) };
            }
        }
    }
    for first in (0..groups).step_by(WORD_GROUPS) {
        let mut signs = [_mm512_setzero_si512(); V];
        for (v, signs) in signs.iter_mut().enumerate() {
            let at = panel.wrapping_add(first / WORD_GROUPS * PANEL_COLS + v * LINE);
            // SAFETY: a panel has 64 words for every 6 groups or fewer.
            *signs = unsafe { _mm512_loadu_si512(at.cast()) };
        }
        for group in first..groups.min(first + WORD_GROUPS) {
            for (r, totals) in totals.iter_mut().enumerate() {
                let at = tables.wrapping_add((group * TABLE_ROWS + r) * ENTRIES);
                // SAFETY: every group has the tables of `R` rows, 32 sums each.
                let minus = unsafe { _mm512_loadu_ps(at) };
                // SAFETY: as for the first half.
                let plus = unsafe { _mm512_loadu_ps(at.wrapping_add(LINE)) };
                for (total, signs) in totals.iter_mut().zip(signs) {
                    let chosen = _mm512_permutex2var_ps(minus, signs, plus);
                    *total = _mm512_add_ps(*total, chosen);
                }
            }
            for signs in &mut signs {
                *signs = _mm512_srli_epi32::<{ GROUP as u32 }>(*signs);
            }
        }
    }
    for (r, totals) in totals.iter().enumerate() {
        for (v, total) in totals.iter().enumerate() {
            // SAFETY: as for the loads.
            unsafe { _mm512_storeu_ps(sums_at(r, v), *total) };
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(line: &Line<f32>) -> __m512 {
    // SAFETY: the array is 64 readable bytes, and the load wants no alignment.
    unsafe { _mm512_loadu_ps(line.0.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(vector: __m512, line: &mut Line<f32>) {
    // SAFETY: the array is 64 writable bytes, and the store wants no alignment.
    unsafe { _mm512_storeu_ps(line.0.as_mut_ptr(), vector) };
}
