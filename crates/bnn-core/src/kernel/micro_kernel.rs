//! What an instruction set brings for products of blocks and panels, which it lays out in memory
//! that the caller allocates.

use super::epilogue::Epilogues;
use super::packing::Packing;
use super::sums::Sums;
use super::windows::WindowFunctions;

/// The functions of one instruction set.
pub(crate) struct Functions {
    pub(super) micro_kernel: MicroKernel,
    pub(super) epilogues: &'static Epilogues,
    pub(super) count: Count,
    pub(super) packing: &'static Packing,
    /// The functions of this CPU for windows in place.
    pub(super) windows: fn() -> &'static WindowFunctions,
}

/// The layouts of a kernel's operands, and the product of two that it has laid out.
pub(crate) struct MicroKernel {
    /// Rows of a block that are multiplied together in registers.
    pub(super) mr: usize,
    /// Rows of a block beyond which a larger one gains nothing; a multiple of `mr`.
    pub(super) block_rows: usize,
    /// `None`: a block is the canonical rows.
    pub(super) block: Option<BlockLayout>,
    pub(super) panel_words: fn(words: usize) -> usize,
    /// Lays out up to [`NR`](super::sums::NR) rows; the sums of missing rows mean nothing.
    pub(super) fill_panel: Fill,
    pub(super) multiply: Multiply,
    /// Whether a product with canonical weights is faster if it lays them out first. (Counting word
    /// by word is as fast in place.)
    pub(super) lay_out_on_the_way: bool,
}

/// The layout of a block.
pub(crate) struct BlockLayout {
    pub(super) words: fn(rows: usize, words: usize) -> usize,
    pub(super) fill: Fill,
}

/// Products of +-1 between the rows of a block and the weight rows of a panel, modulo `2^32`:
/// `sums[r].0[j] = k - 2 * popcount(rows[r] ^ weights[j])`.
///
/// `k` is the number of elements in use; the bits after them, up to whole words, are equal on both
/// sides and do not count.
pub(crate) type Multiply = fn(block: Block<'_>, panel: &[u64], sums: &mut [Sums]);

/// Lays out canonical rows of `words` words each, one after the other. Writes every word of the
/// layout.
pub(crate) type Fill = fn(rows: &[u64], words: usize, layout: &mut [u64]);

/// Counts the bits in which two rows of equal length differ.
pub(crate) type Count = fn(a: &[u64], b: &[u64]) -> u32;

/// A block of activation rows in a kernel's own layout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    /// The rows in the layout that [`Kernel::fill_block`](super::Kernel::fill_block) returns.
    pub(crate) layout: &'a [u64],
    pub(crate) rows: usize,
    /// Words per row.
    pub(crate) words: usize,
    /// Elements per row.
    pub(crate) k: u32,
}
