//! The loops around [tables](crate::kernel::sign_tables) of rows and panels of signs.
//!
//! The signs of [`TERMS`] terms of up to [`COLS`] columns are laid out once and stay in the L2
//! cache. The tables of [`TABLE_ROWS`] rows over these terms stay in the L1 cache, and meet panel
//! after panel.

use alloc::vec::Vec;

use crate::bits::BitMatrixView;
use crate::kernel::f32_operands::F32Rows;
use crate::kernel::sign_tables::{CacheLine, PANEL_COLS, SignTables, SumsMut, TABLE_ROWS, Tables};
use crate::memory;
use crate::shape::row_words;

/// Terms whose tables are made at a time, whole groups of any instruction set: 24 KiB in groups of
/// five.
const TERMS: usize = 240;

/// Columns whose signs are laid out at a time: 128 KiB.
const COLS: usize = 4096;

// Fresh memory would cost more than filling it.
memory::lent!(static ROOM: TableMemory);

#[derive(Default)]
struct TableMemory {
    tables: Vec<CacheLine<f32>>,
    panels: Vec<CacheLine<u32>>,
}

/// `out = a · sign(b)`. The sizes fit each other.
pub(super) fn multiply(with: &SignTables, a: F32Rows<'_>, b: BitMatrixView<'_>, out: &mut [f32]) {
    ROOM.lend(|room| multiply_in(room, with, a, b, out));
}

fn multiply_in(
    room: &mut TableMemory,
    with: &SignTables,
    a: F32Rows<'_>,
    b: BitMatrixView<'_>,
    out: &mut [f32],
) {
    let (per_row, cols) = (row_words(b.cols()), b.cols());
    for first_term in (0..a.depth).step_by(TERMS) {
        let terms = first_term..a.depth.min(first_term + TERMS);
        room.tables
            .resize(with.table_lines(terms.len()), CacheLine::default());
        let panel_lines = with.panel_lines(terms.len());
        for first_col in (0..cols).step_by(COLS) {
            let width = COLS.min(cols - first_col);
            room.panels.resize(
                width.div_ceil(PANEL_COLS) * panel_lines,
                CacheLine::default(),
            );
            for (i, panel) in room.panels.chunks_exact_mut(panel_lines).enumerate() {
                let word = first_col / PANEL_COLS + i;
                let signs = |term| b.words().get(term * per_row + word).copied().unwrap_or(0);
                with.fill_panel(terms.clone(), signs, panel);
            }
            for (i, out) in out.chunks_mut(TABLE_ROWS * cols).enumerate() {
                let rows = i * TABLE_ROWS..i * TABLE_ROWS + out.len() / cols;
                let count = rows.len();
                with.fill(&a.part(rows, terms.clone()), &mut room.tables);
                for (i, panel) in room.panels.chunks_exact(panel_lines).enumerate() {
                    let col = first_col + i * PANEL_COLS;
                    let tables = &Tables {
                        lines: &room.tables,
                        first: 0,
                    };
                    let sums = &mut SumsMut {
                        data: out.get_mut(col..).unwrap_or_default(),
                        stride: cols,
                        rows: count,
                        cols: PANEL_COLS.min(cols - col),
                        begin: first_term == 0,
                    };
                    with.multiply(tables, panel, sums);
                }
            }
        }
    }
}
