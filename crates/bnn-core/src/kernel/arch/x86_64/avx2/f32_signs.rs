//! Products of `f32` with signs by tables, four signs a lookup: `vpermps` chooses among the eight
//! sums `d ± a ± b ± c` for eight columns, and a fused multiply-add with the sign of `d` adds them.
//! The two stand for 32 multiplications and additions, of which a fused multiply-add does eight.

use core::arch::x86_64::{
    __m256, _mm256_and_si256, _mm256_castsi256_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_or_ps, _mm256_permutevar8x32_ps, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_setzero_si256, _mm256_slli_epi32, _mm256_srli_epi32,
    _mm256_storeu_ps,
};

use super::super::cpu_has;
use super::super::f32_signs::{
    Group, TileOperands, by_vectors, entry_signs, group_of, lay_out, relative,
};
use crate::kernel::f32_operands::F32Rows;
use crate::kernel::sign_tables::{
    CacheLine, LINE, PANEL_COLS, PANEL_LINES, SignTables, SumsMut, TABLE_ROWS, Tables,
};

/// Terms of a group.
const GROUP: usize = 4;
/// Groups in a word.
const WORD_GROUPS: usize = 8;
/// Sums of a table: of two that differ by the sign alone there is one.
const ENTRIES: usize = 1 << (GROUP - 1);
/// Columns in a vector.
const LANES: usize = 8;
/// Vectors of columns in a tile of `rows` rows: as many as stay in the registers, and enough
/// independent sums to hide the latency of additions.
const fn tile_vectors(rows: usize) -> usize {
    if rows > 3 { 1 } else { 2 }
}

/// The functions for products by tables of kernels whose `supported` asks for AVX2.
pub(super) static SIGN_TABLES: SignTables = SignTables {
    supported: || cpu_has!("fma"),
    group: GROUP,
    word_groups: WORD_GROUPS,
    table_lines: TABLE_ROWS * ENTRIES / LINE,
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2, and its `SignTables`
    // only if there is FMA.
    fill: |rows, tables| unsafe { fill(rows, tables) },
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2, and its `SignTables`
    // only if there is FMA.
    lay_out: |signs, words| unsafe { lay_out_words(signs, words) },
    // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2, and its `SignTables`
    // only if there is FMA.
    multiply: |tables, panel, sums| unsafe { multiply(tables, panel, sums) },
};

#[target_feature(enable = "avx2,fma")]
fn fill(rows: &F32Rows<'_>, tables: &mut [CacheLine<f32>]) {
    let whole = Group::of_rows(rows);
    let (groups, _) = tables.as_chunks_mut::<{ TABLE_ROWS * ENTRIES / LINE }>();
    for (i, tables) in groups.iter_mut().enumerate() {
        let copy;
        let group = match whole {
            Some(group) if (i + 1) * GROUP <= rows.depth => group.moved(i * GROUP),
            _ => {
                copy = group_of::<GROUP>(rows, i * GROUP);
                Group::of_copy(&copy)
            }
        };
        for r in 0..TABLE_ROWS {
            // SAFETY: `r` is one of the rows; all terms of the group exist in `rows`, or it is a
            // copy.
            let [a, b, c, d] = unsafe { group.row(r) };
            let mut sums = _mm256_set1_ps(d);
            sums = _mm256_fmadd_ps(_mm256_set1_ps(a), load(&SIGNS[0]), sums);
            sums = _mm256_fmadd_ps(_mm256_set1_ps(b), load(&SIGNS[1]), sums);
            sums = _mm256_fmadd_ps(_mm256_set1_ps(c), load(&SIGNS[2]), sums);
            let (halves, _) = tables[r / 2].0.as_chunks_mut();
            store(sums, &mut halves[r % 2]);
        }
    }
}

/// The signs of the first three terms in the entries of a table, where the fourth is positive.
const SIGNS: [[f32; ENTRIES]; GROUP - 1] = entry_signs();

#[target_feature(enable = "avx2,fma")]
fn lay_out_words(signs: &mut [u64; 64], words: &mut [CacheLine<u32>; 2 * PANEL_LINES]) {
    lay_out::<{ GROUP * WORD_GROUPS }>(signs, words, relative::<GROUP, WORD_GROUPS>);
}

#[target_feature(enable = "avx2,fma")]
fn multiply(tables: &Tables<'_>, panel: &[CacheLine<u32>], sums: &mut SumsMut<'_>) {
    macro_rules! tiles {
        ($operands:ident, $rows:ident, $vectors:ident, $($r:literal, $v:literal;)+) => {
            match ($rows, $vectors) {
                // SAFETY: `by_vectors` hands out operands that reach as far as tiles of this size
                // do.
                $(($r, $v) => unsafe { tile::<$r, $v>($operands) },)+
                _ => {}
            }
        };
    }
    by_vectors::<ENTRIES, LANES>(
        WORD_GROUPS,
        tables,
        panel,
        sums,
        |operands, rows, vectors| {
            let most = tile_vectors(rows);
            for first in (0..vectors).step_by(most) {
                let part = &TileOperands {
                    panel: operands.panel.wrapping_add(first * LANES),
                    sums: operands.sums.wrapping_add(first * LANES),
                    ..*operands
                };
                let here = most.min(vectors - first);
                tiles!(part, rows, here, 1, 1; 1, 2; 2, 1; 2, 2; 3, 1; 3, 2;
                    4, 1; 5, 1; 6, 1; 7, 1; 8, 1;);
            }
        },
    );
}

/// Adds the products of `R` rows with `V` vectors of columns to their sums. 8 x 1 sums, a vector
/// each of entries and of signs and the temporaries fit the 16 registers; 4 x 2 sums, as the
/// compiler orders the loads of their tables, do not, and take twice as long.
///
/// # Safety
/// The operands reach as far as [`by_vectors`] says for `R` rows and `V` vectors of 8 columns.
#[target_feature(enable = "avx2,fma")]
unsafe fn tile<const R: usize, const V: usize>(operands: &TileOperands) {
    let &TileOperands {
        tables,
        groups,
        panel,
        sums,
        stride,
        begin,
    } = operands;
    let sums_at = |r: usize, v: usize| sums.wrapping_add(r * stride + v * LANES);
    let (one, minus_zero) = (_mm256_set1_ps(1.0), _mm256_set1_epi32(i32::MIN));
    let mut totals = [[_mm256_setzero_ps(); V]; R];
    if !begin {
        for (r, totals) in totals.iter_mut().enumerate() {
            for (v, total) in totals.iter_mut().enumerate() {
                // SAFETY: row `r` has `V` vectors of sums.
                *total = unsafe { _mm256_loadu_ps(sums_at(r, v)) };
            }
        }
    }
    for first in (0..groups).step_by(WORD_GROUPS) {
        let mut words = [_mm256_setzero_si256(); V];
        for (v, words) in words.iter_mut().enumerate() {
            let at = panel.wrapping_add(first / WORD_GROUPS * PANEL_COLS + v * LANES);
            // SAFETY: a panel has 64 words for every 8 groups or fewer.
            *words = unsafe { _mm256_loadu_si256(at.cast()) };
        }
        for group in first..groups.min(first + WORD_GROUPS) {
            // -1 or +1: the fourth sign of the group.
            let mut signs = [one; V];
            for (signs, words) in signs.iter_mut().zip(words) {
                let negative = _mm256_and_si256(
                    _mm256_slli_epi32::<{ 31 - (GROUP as i32 - 1) }>(words),
                    minus_zero,
                );
                *signs = _mm256_or_ps(_mm256_castsi256_ps(negative), one);
            }
            for (r, totals) in totals.iter_mut().enumerate() {
                let at = tables.wrapping_add((group * TABLE_ROWS + r) * ENTRIES);
                // SAFETY: every group has the tables of `R` rows, 8 sums each.
                let table = unsafe { _mm256_loadu_ps(at) };
                for ((total, words), signs) in totals.iter_mut().zip(words).zip(signs) {
                    // By the lowest three bits.
                    let chosen = _mm256_permutevar8x32_ps(table, words);
                    *total = _mm256_fmadd_ps(chosen, signs, *total);
                }
            }
            for words in &mut words {
                *words = _mm256_srli_epi32::<{ GROUP as i32 }>(*words);
            }
        }
    }
    for (r, totals) in totals.iter().enumerate() {
        for (v, total) in totals.iter().enumerate() {
            // SAFETY: row `r` has `V` vectors of sums.
            unsafe { _mm256_storeu_ps(sums_at(r, v), *total) };
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(table: &[f32; ENTRIES]) -> __m256 {
    // SAFETY: the array is 32 readable bytes, and the load wants no alignment.
    unsafe { _mm256_loadu_ps(table.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(vector: __m256, table: &mut [f32; ENTRIES]) {
    // SAFETY: the array is 32 writable bytes, and the store wants no alignment.
    unsafe { _mm256_storeu_ps(table.as_mut_ptr(), vector) };
}
