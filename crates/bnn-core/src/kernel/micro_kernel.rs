//! Products of blocks and panels, which a kernel lays out in memory that the caller allocates.

use super::epilogue::Epilogues;
use super::packing::Packing;
use super::types::{Kernel, NR, Sums};
use super::windows::WindowFunctions;

/// The functions of one instruction set.
pub(crate) struct Functions {
    pub(super) micro_kernel: MicroKernel,
    pub(super) epilogues: &'static Epilogues,
    pub(super) count: Count,
    pub(super) packing: &'static Packing,
    /// What this CPU has for windows in place.
    pub(super) windows: fn() -> &'static WindowFunctions,
}

/// How a kernel wants its operands, and the product of two that it has laid out.
pub(crate) struct MicroKernel {
    /// Rows of a block that are multiplied together in registers.
    pub(super) mr: usize,
    /// Rows of a block beyond which a larger one gains nothing; a multiple of `mr`.
    pub(super) block_rows: usize,
    /// `None`: a block is the canonical rows.
    pub(super) block: Option<BlockLayout>,
    pub(super) panel_words: fn(words: usize) -> usize,
    /// Lays out up to [`NR`] rows; the sums of missing rows mean nothing.
    pub(super) fill_panel: Fill,
    pub(super) multiply: Multiply,
    /// Whether a product with canonical weights is faster if it lays them out first. (Counting word
    /// by word is as fast in place.)
    pub(super) lay_out_on_the_way: bool,
    /// A kernel with the same panels that is faster for small products.
    pub(super) lighter: Option<Lighter>,
}

/// How a kernel lays out a block.
pub(crate) struct BlockLayout {
    pub(super) words: fn(rows: usize, words: usize) -> usize,
    pub(super) fill: Fill,
}

/// See [`MicroKernel::lighter`].
pub(crate) struct Lighter {
    pub(super) kernel: &'static Kernel,
    /// Whether it should multiply `rows` rows of `words` words with `outputs` weight rows.
    pub(super) takes: fn(rows: usize, words: usize, outputs: usize) -> bool,
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
    /// As [`Kernel::fill_block`] returns it.
    pub(crate) layout: &'a [u64],
    pub(crate) rows: usize,
    /// Words per row.
    pub(crate) words: usize,
    /// Elements per row.
    pub(crate) k: u32,
}

impl Kernel {
    /// The kernel that multiplies `rows` rows of `words` words with this kernel's panels of
    /// `outputs` weight rows: this one, or a lighter one.
    pub(crate) fn for_size(
        &'static self,
        rows: usize,
        words: usize,
        outputs: usize,
    ) -> &'static Kernel {
        match &self.functions.micro_kernel.lighter {
            Some(lighter) if (lighter.takes)(rows, words, outputs) => lighter.kernel,
            _ => self,
        }
    }

    /// Whether `rows` rows are multiplied faster with `outputs` canonical weight rows if these are
    /// laid out first. Measured with AVX2 and AVX-512: with fewer rows it does not pay, with fewer
    /// outputs a panel is too empty.
    pub(crate) fn lays_out_on_the_way(&self, rows: usize, outputs: usize) -> bool {
        self.functions.micro_kernel.lay_out_on_the_way && rows >= 6 && outputs >= 24
    }

    /// Whether blocks are the canonical rows themselves.
    pub(crate) fn reads_rows(&self) -> bool {
        self.functions.micro_kernel.block.is_none()
    }

    /// See [`MicroKernel::mr`].
    pub(crate) fn mr(&self) -> usize {
        self.functions.micro_kernel.mr
    }

    /// See [`MicroKernel::block_rows`].
    pub(crate) fn block_rows(&self) -> usize {
        self.functions.micro_kernel.block_rows
    }

    /// Words of room for laying out a block of `rows` rows of `words` words.
    pub(crate) fn block_words(&self, rows: usize, words: usize) -> usize {
        let layout = self.functions.micro_kernel.block.as_ref();
        layout.map_or(0, |layout| (layout.words)(rows, words))
    }

    /// Lays out a block of rows in `room`, which has [`Kernel::block_words`] words. A kernel that
    /// reads canonical rows gets them back as they are.
    pub(crate) fn fill_block<'s>(
        &self,
        rows: &'s [u64],
        words: usize,
        room: &'s mut [u64],
    ) -> &'s [u64] {
        debug_assert_eq!(room.len(), self.block_words(rows.len() / words, words));
        match &self.functions.micro_kernel.block {
            None => rows,
            Some(layout) => {
                (layout.fill)(rows, words, room);
                room
            }
        }
    }

    /// Words that a panel of rows of `words` words takes in this kernel's layout.
    pub(crate) fn panel_words(&self, words: usize) -> usize {
        (self.functions.micro_kernel.panel_words)(words)
    }

    /// Lays out up to [`NR`] rows of weights.
    pub(crate) fn fill_panel(&self, rows: &[u64], words: usize, panel: &mut [u64]) {
        debug_assert!(rows.len() <= NR * words && panel.len() == self.panel_words(words));
        (self.functions.micro_kernel.fill_panel)(rows, words, panel);
    }

    /// See [`Multiply`]. Slices of any other length than it wants are a bug in the caller.
    pub(crate) fn multiply(&self, block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
        debug_assert_eq!(panel.len(), self.panel_words(block.words));
        debug_assert_eq!(sums.len(), block.rows);
        (self.functions.micro_kernel.multiply)(block, panel, sums);
    }

    /// See [`Epilogues`].
    pub(crate) fn epilogues(&self) -> &'static Epilogues {
        self.functions.epilogues
    }

    /// See [`Packing`].
    #[inline]
    pub(crate) fn packing(&self) -> &'static Packing {
        self.functions.packing
    }

    /// Products of +-1 between `row` and each of the rows of the same length in `others`, one after
    /// the other: `sums[i] = k - 2 * popcount(row ^ others[i])`, modulo `2^32`; `k` as in
    /// [`Multiply`]. `others` has a row for each sum: sums without one mean nothing.
    pub(crate) fn dot_rows(&self, row: &[u64], others: &[u64], k: i32, sums: &mut [i32]) {
        let mut others = others;
        for sum in sums {
            let Some((other, rest)) = others.split_at_checked(row.len()) else {
                return;
            };
            let count = (self.functions.count)(row, other);
            *sum = k.wrapping_sub((count << 1).cast_signed());
            others = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_whole_tiles() {
        for kernel in Kernel::available() {
            assert_eq!(kernel.block_rows() % kernel.mr(), 0, "{kernel:?}");
        }
    }
}
