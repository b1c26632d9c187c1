//! What the instruction sets share to multiply `f32` with signs by
//! [tables](crate::kernel::sign_tables): the numbers of a group, the layout of signs, and the cut
//! of sums into tiles.

use crate::kernel::arch::portable::pack::transpose_64;
use crate::kernel::f32_operands::F32Rows;
use crate::kernel::sign_tables::{
    CacheLine, LINE, PANEL_COLS, PANEL_LINES, SignTables, SumsMut, TABLE_ROWS, Tables,
};
use crate::kernel::types::Kernel;

impl Kernel {
    /// Adds products of `f32` with signs by tables.
    pub(super) const fn with_sign_tables(mut self, tables: &'static SignTables) -> Self {
        self.sign_tables = Some(tables);
        self
    }
}

/// Where the numbers of a group of [`TABLE_ROWS`] rows lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    first: *const f32,
    /// Elements from row to row, and from term to term.
    steps: [usize; 2],
}

impl Group {
    /// The first group of rows of which there are [`TABLE_ROWS`], to be moved to others that are
    /// whole.
    #[inline(always)]
    pub(super) fn of_rows(rows: &F32Rows<'_>) -> Option<Self> {
        let steps = match rows.across {
            false => [rows.stride, 1],
            true => [1, rows.stride],
        };
        let last = (TABLE_ROWS - 1) * steps[0] + rows.depth.saturating_sub(1) * steps[1];
        let fits = rows.rows == TABLE_ROWS && last < rows.data.len();
        fits.then_some(Self {
            first: rows.data.as_ptr(),
            steps,
        })
    }

    /// The group that [`group_of`] has copied.
    #[inline(always)]
    pub(super) fn of_copy<const TERMS: usize>(copy: &[[f32; TERMS]; TABLE_ROWS]) -> Self {
        Self {
            first: copy.as_ptr().cast(),
            steps: [TERMS, 1],
        }
    }

    /// The group `terms` terms further on.
    #[inline(always)]
    pub(super) fn moved(self, terms: usize) -> Self {
        Self {
            first: self.first.wrapping_add(terms * self.steps[1]),
            ..self
        }
    }

    /// The numbers of a row.
    ///
    /// # Safety
    /// `row` is less than [`TABLE_ROWS`], the group has `TERMS` terms that exist, and what it was
    /// made of is borrowed.
    #[inline(always)]
    pub(super) unsafe fn row<const TERMS: usize>(self, row: usize) -> [f32; TERMS] {
        let mut numbers = [0.0; TERMS];
        for (term, number) in numbers.iter_mut().enumerate() {
            let at = row * self.steps[0] + term * self.steps[1];
            // SAFETY: the caller says that the number exists: `of_rows` has found the last of all
            // rows in the slice.
            *number = unsafe { *self.first.wrapping_add(at) };
        }
        numbers
    }
}

/// The group of terms from `term` on of [`TABLE_ROWS`] rows; zeros where there are none.
#[inline(always)]
pub(super) fn group_of<const TERMS: usize>(
    rows: &F32Rows<'_>,
    term: usize,
) -> [[f32; TERMS]; TABLE_ROWS] {
    let mut group = [[0.0; TERMS]; TABLE_ROWS];
    let terms = rows.depth.saturating_sub(term).min(TERMS);
    // By places, because the chunks of a slice would cost a division.
    let from = |at: usize| rows.data.get(at..).unwrap_or_default();
    if rows.across {
        for j in 0..terms {
            let line = from((term + j) * rows.stride);
            match line.first_chunk::<TABLE_ROWS>() {
                Some(line) if rows.rows == TABLE_ROWS => {
                    group.iter_mut().zip(line).for_each(|(to, x)| to[j] = *x);
                }
                _ => {
                    let line = line.get(..rows.rows).unwrap_or_default();
                    group.iter_mut().zip(line).for_each(|(to, x)| to[j] = *x);
                }
            }
        }
    } else {
        for (r, group) in group.iter_mut().enumerate().take(rows.rows) {
            let line = from(r * rows.stride + term);
            match line.first_chunk() {
                Some(line) if terms == TERMS => *group = *line,
                _ => (0..terms.min(line.len())).for_each(|j| group[j] = line[j]),
            }
        }
    }
    group
}

/// The signs of `TERMS` terms in the entries of a table: bit `j` of an entry's number is the sign
/// of term `j`.
pub(super) const fn entry_signs<const ENTRIES: usize, const TERMS: usize>()
-> [[f32; ENTRIES]; TERMS] {
    let mut signs = [[-1.0; ENTRIES]; TERMS];
    let mut i = 0;
    while i < ENTRIES * TERMS {
        let (entry, term) = (i % ENTRIES, i / ENTRIES);
        if entry >> term & 1 == 1 {
            signs[term][entry] = 1.0;
        }
        i += 1;
    }
    signs
}

/// The last signs of the groups in a word.
const fn last_signs<const TERMS: usize, const GROUPS: usize>() -> u32 {
    let (mut signs, mut group) = (0, 0);
    while group < GROUPS {
        signs |= 1 << (group * TERMS + TERMS - 1);
        group += 1;
    }
    signs
}

/// Inverts the other signs of each group whose last sign is -1, because the sum of the group is
/// then minus that of the entry, and makes the last bit that of a negative number.
#[inline(always)]
pub(super) fn relative<const TERMS: usize, const GROUPS: usize>(word: u32) -> u32 {
    let last = const { last_signs::<TERMS, GROUPS>() };
    let negative = !word & last;
    // All lower bits of the group in the place of its last one.
    word & !last ^ (negative - (negative >> (TERMS - 1))) | negative
}

/// Transposes the signs of terms to words of `TERMS` signs of each column; `finish` makes of a word
/// what tiles read.
#[inline(always)]
pub(super) fn lay_out<const TERMS: usize>(
    signs: &mut [u64; 64],
    words: &mut [CacheLine<u32>; 2 * PANEL_LINES],
    finish: impl Fn(u32) -> u32,
) {
    let (columns, _) = signs.as_chunks_mut::<1>();
    if let Some(columns) = columns.first_chunk_mut() {
        transpose_64(columns);
    }
    let mask = u32::MAX >> (32 - TERMS);
    let (first, second) = words.split_at_mut(PANEL_LINES);
    let (signs, _) = signs.as_chunks();
    for ((first, second), signs) in first.iter_mut().zip(second).zip(signs) {
        let signs: &[u64; LINE] = signs;
        for (i, signs) in signs.iter().enumerate() {
            first.0[i] = finish(*signs as u32 & mask);
            second.0[i] = finish((*signs >> TERMS) as u32 & mask);
        }
    }
}

/// The operands of a tile: pointers to slices that fit each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct TileOperands {
    /// The first row's table of the first group.
    pub(super) tables: *const f32,
    /// The number of groups, at least 1.
    pub(super) groups: usize,
    pub(super) panel: *const u32,
    pub(super) sums: *mut f32,
    /// Elements from row to row of the sums.
    pub(super) stride: usize,
    pub(super) begin: bool,
}

/// Has `tiles(operands, rows, vectors)` multiply tables of `ENTRIES` sums by rows of vectors of
/// `LANES` sums: `rows` of 1 to [`TABLE_ROWS`], `vectors` of 1 to [`PANEL_COLS`] / `LANES`. For
/// `groups` groups it may read whole tables of `rows` rows, [`TABLE_ROWS`] tables apart, and
/// [`PANEL_COLS`] words for every `word_groups` groups or fewer; of each row, `stride` elements
/// apart, it may read and write `vectors` vectors of sums. Sums that do not fill whole vectors are
/// copied there and back.
#[inline(always)]
pub(super) fn by_vectors<const ENTRIES: usize, const LANES: usize>(
    word_groups: usize,
    tables: &Tables<'_>,
    panel: &[CacheLine<u32>],
    sums: &mut SumsMut<'_>,
    tiles: impl Fn(&TileOperands, usize, usize),
) {
    let lines = const { TABLE_ROWS * ENTRIES / LINE };
    let groups = tables.lines.len() / lines;
    let &mut SumsMut {
        ref mut data,
        stride,
        rows,
        cols,
        begin,
    } = sums;
    let reach = rows
        .saturating_sub(1)
        .saturating_mul(stride)
        .saturating_add(cols);
    let fits = groups > 0
        && (1..=TABLE_ROWS).contains(&rows)
        && (1..=PANEL_COLS).contains(&cols)
        && tables.first + rows <= TABLE_ROWS
        && groups.div_ceil(word_groups) * PANEL_LINES <= panel.len()
        && reach <= data.len();
    debug_assert!(fits, "operands of a product that do not fit each other");
    if !fits {
        return;
    }
    let operands = |sums, stride| TileOperands {
        tables: tables
            .lines
            .as_ptr()
            .cast::<f32>()
            .wrapping_add(tables.first * ENTRIES),
        groups,
        panel: panel.as_ptr().cast(),
        sums,
        stride,
        begin,
    };
    let vectors = cols.div_ceil(LANES);
    if cols.is_multiple_of(LANES) {
        tiles(&operands(data.as_mut_ptr(), stride), rows, vectors);
        return;
    }
    let mut whole = [CacheLine([0.0; LINE]); TABLE_ROWS * PANEL_LINES];
    let (whole_rows, _) = whole.as_chunks_mut::<PANEL_LINES>();
    for (whole, sums) in whole_rows.iter_mut().zip(data.chunks(stride)).take(rows) {
        let whole = whole.iter_mut().flat_map(|line| &mut line.0);
        whole
            .zip(sums.iter().take(cols))
            .for_each(|(to, from)| *to = *from);
    }
    tiles(
        &operands(whole.as_mut_ptr().cast(), PANEL_COLS),
        rows,
        vectors,
    );
    let (whole_rows, _) = whole.as_chunks::<PANEL_LINES>();
    for (whole, sums) in whole_rows.iter().zip(data.chunks_mut(stride)).take(rows) {
        let whole = whole.iter().flat_map(|line| line.0);
        sums.iter_mut()
            .take(cols)
            .zip(whole)
            .for_each(|(to, from)| *to = from);
    }
}
