//! What a kernel does with the functions of its instruction set: products of blocks and panels, of
//! canonical rows, and of windows in place, in memory that the caller allocates.

use super::epilogue::Epilogues;
use super::isa::Isa;
use super::micro_kernel::Block;
use super::packing::Packing;
use super::sums::{NR, Sums};
use super::types::{Kernel, Lighter};
use super::windows::{MOST_GROUPS, WindowProduct};

impl Kernel {
    /// The kernel that multiplies `rows` rows of `words` words with this kernel's panels of
    /// `outputs` weight rows: this one, or a lighter one.
    pub(crate) fn for_size(
        &'static self,
        rows: usize,
        words: usize,
        outputs: usize,
    ) -> &'static Kernel {
        match &self.lighter {
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

    /// See [`MicroKernel::mr`](super::micro_kernel::MicroKernel::mr).
    pub(crate) fn mr(&self) -> usize {
        self.functions.micro_kernel.mr
    }

    /// See [`MicroKernel::block_rows`](super::micro_kernel::MicroKernel::block_rows).
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

    /// See [`Multiply`](super::micro_kernel::Multiply). Slices of any other length than it wants
    /// are a bug in the caller.
    pub(crate) fn multiply(&self, block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
        debug_assert_eq!(panel.len(), self.panel_words(block.words));
        debug_assert_eq!(sums.len(), block.rows);
        (self.functions.micro_kernel.multiply)(block, panel, sums);
    }

    /// The epilogues of this kernel.
    pub(crate) fn epilogues(&self) -> &'static Epilogues {
        self.functions.epilogues
    }

    /// Whether it has no instruction that counts bits, so that a product of bits takes many.
    #[inline]
    pub(crate) fn counts_by_arithmetic(&self) -> bool {
        self.isa == Isa::Portable
    }

    /// The packing functions of this kernel.
    #[inline]
    pub(crate) fn packing(&self) -> &'static Packing {
        self.functions.packing
    }

    /// Products of +-1 between `row` and each of the rows of the same length in `others`, one after
    /// the other: `sums[i] = k - 2 * popcount(row ^ others[i])`, modulo `2^32`; `k` as in
    /// [`Multiply`](super::micro_kernel::Multiply). `others` has a row for each sum: sums without
    /// one mean nothing.
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

/// Windows in place.
impl Kernel {
    /// Bytes times signs, in windows in place.
    pub(crate) fn window_bytes(&self) -> &'static WindowProduct {
        &(self.functions.windows)().bytes
    }

    /// Bits times bits, in windows in place, if that is faster than by patches.
    pub(crate) fn window_bits(&self) -> Option<&'static WindowProduct> {
        (self.functions.windows)().bits.as_ref()
    }

    /// Whether images of `windows` windows of `groups` groups of 32 bits are faster in place than
    /// by patches of `words` words.
    pub(crate) fn prefers_windows(
        &self,
        windows: usize,
        groups: usize,
        words: usize,
        outputs: usize,
    ) -> bool {
        let functions = (self.functions.windows)();
        // Pixels of few channels leave most of a group empty.
        let most = functions.most_groups.min(5 * words.div_ceil(2));
        // Where rows and outputs are many, a kernel may have a better way for patches.
        let many = |lighter: &Lighter| !(lighter.takes)(usize::MAX, words, outputs);
        let has_better = self.lighter.as_ref().is_some_and(many);
        functions.bits.is_some()
            && windows >= functions.least_windows
            && groups <= most.min(MOST_GROUPS)
            && !has_better
    }

    /// Whether a product of `bytes` bytes is faster than one of `words` words of bits.
    pub(crate) fn prefers_bytes(&self, bytes: usize, words: usize) -> bool {
        let cost = (self.functions.windows)().byte_cost;
        bytes.saturating_mul(cost) < words.saturating_mul(64)
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
