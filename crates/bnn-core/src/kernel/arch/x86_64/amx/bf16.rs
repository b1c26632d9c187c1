//! Products of `f32` with signs on the tiles of AMX-BF16: 8192 products in 16 cycles, 16 times as
//! many as two multipliers for 512 bits of `f32` make. An `f32` is the sum of three bfloat16: its
//! upper 8 significant bits, the next 8 and the last 8. That divides the speed by three, and the
//! products with +-1 are exact.
//!
//! The L1 cache holds 32 rows by [`STEPS`] * 32 terms of the left side; L2 holds those terms by up
//! to [`COLS`] columns of the right side. [`bf16_layout`](super::bf16_layout) has the layouts.
//! Output tiles of 32 x 32 are loaded and stored once for every [`STEPS`] * 32 terms.

use core::arch::x86_64::__cpuid_count;
use std::cell::Cell;
use std::sync::OnceLock;

use super::bf16_layout::{PAIR, PARTS, SIDE, STEPS, TERMS, fill_left, fill_right};
use super::bf16_tiles::{Operands, OutputTile};
use super::tiles::Tiles;
use crate::aligned::AlignedWords;
use crate::kernel::f32_operands::{F32Right, F32Rows};

/// Columns of the right side that are laid out together: 256 KiB.
const COLS: usize = 1024;

/// Whether the tiles multiply bfloat16, on a CPU that has tiles. Asked once, because CPUID is slow
/// in a virtual machine.
pub(super) fn supported() -> bool {
    static SUPPORTED: OnceLock<bool> = OnceLock::new();
    *SUPPORTED.get_or_init(|| __cpuid_count(7, 0).edx >> 22 & 1 == 1)
}

thread_local! {
    /// Memory for both sides, kept from the last product: fresh memory would cost more than filling
    /// it.
    static ROOM: Cell<Option<(AlignedWords, AlignedWords)>> = const { Cell::new(None) };
}

/// `out = a · b`. The sizes fit each other.
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
                    let col = first_col + i * SIDE;
                    let place = OutputTile {
                        stride: cols,
                        row: first_row,
                        rows: (a.rows - first_row).min(SIDE),
                        col,
                        cols: (cols - col).min(SIDE),
                        begin: first_term == 0,
                    };
                    let operands = Operands {
                        left: left.words(),
                        parts,
                        right,
                        steps,
                    };
                    place.add(&tiles, operands, out);
                }
            }
        }
    }
    drop(tiles);
    ROOM.set(Some((left, right)));
}
