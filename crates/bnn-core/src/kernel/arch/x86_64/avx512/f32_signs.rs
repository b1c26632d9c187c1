//! Products of `f32` with signs by tables, five signs a lookup: `vpermps` chooses among the 16 sums
//! `e ± a ± b ± c ± d` for 16 columns, and a fused multiply-add with the sign of `e` adds them. The
//! two stand for 80 multiplications and additions, of which a fused multiply-add does 16.

use core::arch::x86_64::{
    __m512, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_permutexvar_ps, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_setzero_si512, _mm512_slli_epi32, _mm512_srli_epi32,
    _mm512_storeu_ps, _mm512_ternarylogic_epi32,
};

use super::super::f32_signs::{
    Group, TileOperands, by_vectors, entry_signs, group_of, lay_out, relative,
};
use crate::kernel::f32_operands::F32Rows;
use crate::kernel::sign_tables::{
    CacheLine, LINE, PANEL_COLS, PANEL_LINES, SignTables, SumsMut, TABLE_ROWS, Tables,
};

/// Terms of a group.
const GROUP: usize = 5;
/// Groups in a word.
const WORD_GROUPS: usize = 6;
/// Sums of a table: of two that differ by the sign alone there is one. They fill a line.
const ENTRIES: usize = 1 << (GROUP - 1);
/// Vectors of columns in a tile.
const VECTORS: usize = 2;

/// The functions for products by tables of kernels whose `supported` asks for AVX-512 F.
pub(in super::super) static SIGN_TABLES: SignTables = SignTables {
    supported: || true,
    group: GROUP,
    word_groups: WORD_GROUPS,
    table_lines: TABLE_ROWS * ENTRIES / LINE,
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX-512 F.
    fill: |rows, tables| unsafe { fill(rows, tables) },
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX-512 F.
    lay_out: |signs, words| unsafe { lay_out_words(signs, words) },
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX-512 F.
    multiply: |tables, panel, sums| unsafe { multiply(tables, panel, sums) },
};

#[target_feature(enable = "avx512f")]
fn fill(rows: &F32Rows<'_>, tables: &mut [CacheLine<f32>]) {
    let whole = Group::of_rows(rows);
    let (groups, _) = tables.as_chunks_mut::<TABLE_ROWS>();
    for (i, tables) in groups.iter_mut().enumerate() {
        let copy;
        let group = match whole {
            Some(group) if (i + 1) * GROUP <= rows.depth => group.moved(i * GROUP),
            _ => {
                copy = group_of::<GROUP>(rows, i * GROUP);
                Group::of_copy(&copy)
            }
        };
        for (r, table) in tables.iter_mut().enumerate() {
            // SAFETY: `r` is one of the rows; all terms of the group exist in `rows`, or it is a
            // copy.
            let [a, b, c, d, e] = unsafe { group.row(r) };
            let mut sums = _mm512_set1_ps(e);
            sums = _mm512_fmadd_ps(_mm512_set1_ps(a), load(&SIGNS[0]), sums);
            sums = _mm512_fmadd_ps(_mm512_set1_ps(b), load(&SIGNS[1]), sums);
            sums = _mm512_fmadd_ps(_mm512_set1_ps(c), load(&SIGNS[2]), sums);
            sums = _mm512_fmadd_ps(_mm512_set1_ps(d), load(&SIGNS[3]), sums);
            store(sums, table);
        }
    }
}

/// The signs of the first four terms in the entries of a table, where the fifth is positive.
const SIGNS: [CacheLine<f32>; GROUP - 1] = {
    let [a, b, c, d] = entry_signs();
    [CacheLine(a), CacheLine(b), CacheLine(c), CacheLine(d)]
};

#[target_feature(enable = "avx512f")]
fn lay_out_words(signs: &mut [u64; 64], words: &mut [CacheLine<u32>; 2 * PANEL_LINES]) {
    lay_out::<{ GROUP * WORD_GROUPS }>(signs, words, relative::<GROUP, WORD_GROUPS>);
}

#[target_feature(enable = "avx512f")]
fn multiply(tables: &Tables<'_>, panel: &[CacheLine<u32>], sums: &mut SumsMut<'_>) {
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
            for first in (0..vectors).step_by(VECTORS) {
                let part = &TileOperands {
                    panel: operands.panel.wrapping_add(first * LINE),
                    sums: operands.sums.wrapping_add(first * LINE),
                    ..*operands
                };
                let here = VECTORS.min(vectors - first);
                tiles!(part, rows, here, 1, 1; 1, 2; 2, 1; 2, 2; 3, 1; 3, 2; 4, 1; 4, 2;
                    5, 1; 5, 2; 6, 1; 6, 2; 7, 1; 7, 2; 8, 1; 8, 2;);
            }
        },
    );
}

/// `a & b | c`, as a table of the three bits.
const AND_OR: i32 = 0xEA;

/// Adds the products of `R` rows with `V` vectors of columns to their sums. 8 x 2 sums, the vectors
/// of signs, a table and the temporaries fit the 32 registers; with fewer rows and more vectors
/// more work on signs would be shared by fewer lookups.
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
    let one = _mm512_castps_si512(_mm512_set1_ps(1.0));
    let minus_zero = _mm512_set1_epi32(i32::MIN);
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
        let mut words = [_mm512_setzero_si512(); V];
        for (v, words) in words.iter_mut().enumerate() {
            let at = panel.wrapping_add(first / WORD_GROUPS * PANEL_COLS + v * LINE);
            // SAFETY: a panel has 64 words for every 6 groups or fewer.
            *words = unsafe { _mm512_loadu_si512(at.cast()) };
        }
        for group in first..groups.min(first + WORD_GROUPS) {
            // -1 or +1: the fifth sign of the group.
            let mut signs = [_mm512_setzero_ps(); V];
            for (signs, words) in signs.iter_mut().zip(words) {
                let fifth = _mm512_slli_epi32::<{ 31 - (GROUP as u32 - 1) }>(words);
                *signs = _mm512_castsi512_ps(_mm512_ternarylogic_epi32::<AND_OR>(
                    fifth, minus_zero, one,
                ));
            }
            for (r, totals) in totals.iter_mut().enumerate() {
                let at = tables.wrapping_add((group * TABLE_ROWS + r) * ENTRIES);
                // SAFETY: every group has the tables of `R` rows, 16 sums each.
                let table = unsafe { _mm512_loadu_ps(at) };
                for ((total, words), signs) in totals.iter_mut().zip(words).zip(signs) {
                    // By the lowest four bits.
                    let chosen = _mm512_permutexvar_ps(words, table);
                    *total = _mm512_fmadd_ps(chosen, signs, *total);
                }
            }
            for words in &mut words {
                *words = _mm512_srli_epi32::<{ GROUP as u32 }>(*words);
            }
        }
    }
    for (r, totals) in totals.iter().enumerate() {
        for (v, total) in totals.iter().enumerate() {
            // SAFETY: row `r` has `V` vectors of sums.
            unsafe { _mm512_storeu_ps(sums_at(r, v), *total) };
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(line: &CacheLine<f32>) -> __m512 {
    // SAFETY: the array is 64 readable bytes, and the load wants no alignment.
    unsafe { _mm512_loadu_ps(line.0.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(vector: __m512, line: &mut CacheLine<f32>) {
    // SAFETY: the array is 64 writable bytes, and the store wants no alignment.
    unsafe { _mm512_storeu_ps(line.0.as_mut_ptr(), vector) };
}
