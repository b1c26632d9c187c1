//! Products of windows that are read where they lie: a convolution without patches.
//!
//! A window is a list of groups of four bytes, each at a fixed distance from the window's first byte. The
//! groups hold bytes, which are multiplied with signs, or 32 bits. Lanes are weight rows, as in a panel of
//! bits, but a lane is 32 bits wide: a group is broadcast against the same group of [`NR`] weight rows.

use super::micro_kernel::Lighter;
use super::types::{Kernel, NR, Sums};

/// Bytes of a group.
pub(crate) const GROUP: usize = size_of::<u32>();

/// A group of the weight rows of a panel, a lane each.
pub(crate) type Lanes = [u32; NR];

/// Windows over memory that they are read from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowBlock<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) windows: &'a [Window],
    /// Where the groups of a window lie, in bytes from its first one.
    pub(crate) groups: &'a [u32],
}

/// One window of a [`WindowBlock`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// Its first byte.
    pub(crate) first: u32,
    /// Which row of limits its sums are compared with.
    pub(crate) way: u32,
}

/// See [`WindowProduct::sums`].
pub(super) type Sum = fn(block: &WindowBlock<'_>, panel: &[Lanes], sums: &mut [Sums]);

/// See [`WindowProduct::reached`].
pub(super) type Reach = fn(
    block: &WindowBlock<'_>,
    panel: &[Lanes],
    limits: &[[i32; NR]],
    out: &mut [u32],
    stride: usize,
);

/// Sums of windows with the weight rows of a panel, which has as many [`Lanes`] as a window has groups.
pub(crate) struct WindowProduct {
    pub(super) sums: Sum,
    pub(super) reached: Reach,
}

/// The products of one instruction set with windows in place.
pub(crate) struct WindowFunctions {
    /// Unsigned bytes times signs, which are bytes of +1 and -1, or 0 where a group has no element:
    /// the sums of the products.
    pub(super) bytes: WindowProduct,
    /// How many products of bits a panel's tiles make while this makes one of a byte: measured.
    pub(super) byte_cost: usize,
    /// Bits: minus the number of those in which they differ. `None`: patches are faster.
    pub(super) bits: Option<WindowProduct>,
}

impl Kernel {
    /// Bytes times signs, in windows in place.
    pub(crate) fn window_bytes(&self) -> &'static WindowProduct {
        &(self.functions.windows)().bytes
    }

    /// Bits times bits, in windows in place, if that is faster than by patches.
    pub(crate) fn window_bits(&self) -> Option<&'static WindowProduct> {
        (self.functions.windows)().bits.as_ref()
    }

    /// Whether windows of `groups` groups of 32 bits in place are faster than patches of `k` bits.
    pub(crate) fn prefers_windows(&self, groups: usize, words: usize, outputs: usize) -> bool {
        // Pixels of few channels leave most of a group empty. And where rows and outputs are many, a kernel
        // may have a better way for patches.
        let takes_many = |lighter: &Lighter| !(lighter.takes)(usize::MAX, words, outputs);
        self.window_bits().is_some()
            && groups <= 5 * words.div_ceil(2)
            && !self
                .functions
                .micro_kernel
                .lighter
                .as_ref()
                .is_some_and(takes_many)
    }

    /// Whether a product of `bytes` bytes is faster than one of `words` words of bits.
    pub(crate) fn prefers_bytes(&self, bytes: usize, words: usize) -> bool {
        let cost = (self.functions.windows)().byte_cost;
        bytes.saturating_mul(cost) < words.saturating_mul(64)
    }
}

impl WindowProduct {
    /// Writes the sums of each window: `sums[i].0[j]`. A window that does not lie in its memory is a bug in
    /// the caller; then nothing is written.
    pub(crate) fn sums(&self, block: &WindowBlock<'_>, panel: &[Lanes], sums: &mut [Sums]) {
        debug_assert!(block.is_inside() && panel.len() == block.groups.len());
        debug_assert_eq!(sums.len(), block.windows.len());
        (self.sums)(block, panel, sums);
    }

    /// Writes 32 bits for each window: bit `j` of `out[i * stride]` is whether its sum `j` is at least
    /// `limits[way][j]`. Otherwise as [`WindowProduct::sums`].
    pub(crate) fn reached(
        &self,
        block: &WindowBlock<'_>,
        panel: &[Lanes],
        limits: &[[i32; NR]],
        out: &mut [u32],
        stride: usize,
    ) {
        debug_assert!(block.is_inside() && panel.len() == block.groups.len());
        (self.reached)(block, panel, limits, out, stride);
    }
}

impl WindowBlock<'_> {
    /// Whether every group of every window lies in the memory.
    pub(super) fn is_inside(&self) -> bool {
        let first = self.windows.iter().map(|window| window.first).max();
        let group = self.groups.iter().copied().max();
        // No overflow in 64 bits.
        let end = u64::from(first.unwrap_or(0)) + u64::from(group.unwrap_or(0)) + GROUP as u64;
        end <= self.bytes.len() as u64
    }
}

/// The row of limits of a window.
#[inline(always)]
pub(super) fn limits_of<'l>(limits: &'l [[i32; NR]], window: &Window) -> &'l [i32; NR] {
    limits.get(window.way as usize).unwrap_or(&[i32::MAX; NR])
}
