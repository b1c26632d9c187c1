//! Products of `f32` with signs by tables of partial sums, and what an instruction set brings for
//! them.
//!
//! The terms of a row are taken in *groups* of four or five. The sums of a group under all choices
//! of signs are a table, of which a vector holds the half with a positive last term: the others are
//! their negatives. The signs of a column, as a number, say which of them it needs: one lookup and
//! one addition with the last sign replace a multiplication and an addition for each term. A group
//! is summed from its last term on and then in order, and groups are added in their order, so the
//! result is that of a sum in `f32` in an order that no tile, block or thread changes. A table's
//! entry is the sum of the terms with the signs that they have, so NaN and infinity propagate as in
//! any sum.

use core::ops::Range;

use super::f32_operands::F32Rows;

/// Numbers on a cache line: loads of vectors that straddle two lines cost twice.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct CacheLine<T>(pub(crate) [T; LINE]);

/// Numbers of a line.
pub(crate) const LINE: usize = 16;

/// Rows whose tables lie side by side and meet the signs of a column together.
pub(crate) const TABLE_ROWS: usize = 8;

/// Columns of a panel of signs.
pub(crate) const PANEL_COLS: usize = 64;

/// Lines of a panel for each word of a column.
pub(crate) const PANEL_LINES: usize = PANEL_COLS / LINE;

/// The functions of an instruction set. If slices do not fit each other, which is a bug in the
/// caller, `multiply` leaves the output as it was. Structs come by reference: a copy would be read
/// in other pieces than it was written in, and so wait until all stores before it are done.
#[derive(Debug)]
pub(crate) struct SignTables {
    /// Whether this CPU has the instructions that they use besides the kernel's own.
    pub(super) supported: fn() -> bool,
    /// Terms of a group.
    pub(super) group: usize,
    /// Groups whose signs a word of 32 bits holds.
    pub(super) word_groups: usize,
    /// Lines of the tables of [`TABLE_ROWS`] rows for a group.
    pub(super) table_lines: usize,
    /// Computes the tables of at most [`TABLE_ROWS`] rows, `[group][row][entry]`.
    pub(super) fill: fn(rows: &F32Rows<'_>, tables: &mut [CacheLine<f32>]),
    /// Lays out the signs of [`PANEL_COLS`] columns, of which `signs` has a word for each term, for
    /// two words of every column, `[word][column]`. `signs` is overwritten.
    pub(super) lay_out: fn(signs: &mut [u64; 64], words: &mut [CacheLine<u32>; 2 * PANEL_LINES]),
    /// Adds the products of some rows of the tables with a panel to `sums`.
    pub(super) multiply: fn(tables: &Tables<'_>, panel: &[CacheLine<u32>], sums: &mut SumsMut<'_>),
}

/// Tables of some rows.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(bnn_x86), expect(dead_code, reason = "only x86-64 has tables"))]
pub(crate) struct Tables<'a> {
    /// `[group][row][entry]`, for [`TABLE_ROWS`] rows.
    pub(crate) lines: &'a [CacheLine<f32>],
    /// The first row to multiply; as many as there are sums.
    pub(crate) first: usize,
}

/// Sums of a panel in a row-major matrix.
#[derive(Debug)]
#[cfg_attr(not(bnn_x86), expect(dead_code, reason = "only x86-64 has tables"))]
pub(crate) struct SumsMut<'a> {
    /// The matrix from the first sum on.
    pub(crate) data: &'a mut [f32],
    /// Elements from row to row.
    pub(crate) stride: usize,
    /// Rows, at most [`TABLE_ROWS`].
    pub(crate) rows: usize,
    /// Columns, at most [`PANEL_COLS`].
    pub(crate) cols: usize,
    /// Whether the sums start at 0, whatever they are.
    pub(crate) begin: bool,
}

impl SignTables {
    /// Terms of two words of signs, which are laid out together.
    pub(crate) fn pair_terms(&self) -> usize {
        2 * self.word_groups * self.group
    }

    /// Lines of the tables of [`TABLE_ROWS`] rows of `terms` terms.
    pub(crate) fn table_lines(&self, terms: usize) -> usize {
        terms.div_ceil(self.group) * self.table_lines
    }

    /// Lines of a panel of `terms` terms.
    pub(crate) fn panel_lines(&self, terms: usize) -> usize {
        terms.div_ceil(self.pair_terms()) * 2 * PANEL_LINES
    }

    /// Computes the tables of at most [`TABLE_ROWS`] rows; as many lines as
    /// [`table_lines`](Self::table_lines) says.
    pub(crate) fn fill(&self, rows: &F32Rows<'_>, tables: &mut [CacheLine<f32>]) {
        (self.fill)(rows, tables);
    }

    /// Lays out a panel: `signs(term)` has the signs of its columns. As many lines as
    /// [`panel_lines`](Self::panel_lines) says.
    pub(crate) fn fill_panel(
        &self,
        terms: Range<usize>,
        signs: impl Fn(usize) -> u64,
        panel: &mut [CacheLine<u32>],
    ) {
        let (pairs, _) = panel.as_chunks_mut();
        let firsts = terms.clone().step_by(self.pair_terms());
        for (pair, first) in pairs.iter_mut().zip(firsts) {
            let mut words = [0; 64];
            let used = words.iter_mut().take(self.pair_terms());
            for (word, term) in used.zip(first..terms.end) {
                *word = signs(term);
            }
            (self.lay_out)(&mut words, pair);
        }
    }

    /// Adds the products of some rows of the tables with a panel of the same terms to `sums`.
    pub(crate) fn multiply(
        &self,
        tables: &Tables<'_>,
        panel: &[CacheLine<u32>],
        sums: &mut SumsMut<'_>,
    ) {
        (self.multiply)(tables, panel, sums);
    }
}
