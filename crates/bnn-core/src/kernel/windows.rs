//! Products of windows that are read where they lie: a convolution without patches.
//!
//! A window is a list of groups of four bytes, each at a fixed distance from the window's first
//! byte. The groups hold bytes, which are multiplied with signs, or 32 bits. Lanes are weight rows,
//! as in a panel of bits, but a lane is 32 bits wide: a group is broadcast against the same group
//! of [`NR`] weight rows.

use alloc::vec::Vec;

use bytemuck::{cast_slice, cast_slice_mut};

use super::sums::{NR, Sums};
use crate::error::Error;
use crate::memory;
use crate::shape::positive;

/// Bytes of a group.
pub(crate) const GROUP: usize = size_of::<u32>();

/// Groups that a window of bits has at most: their bits fit 15 bits.
pub(crate) const MOST_GROUPS: usize = (1 << 15) / (8 * GROUP) - 1;

/// Ways that windows have at most where panels are [`PanelOrder::NibblePairs`], so that a byte
/// shuffle finds their limits.
pub(crate) const MOST_WAYS: usize = 16;

/// Rows of numbers that tables of the limits of all lanes take.
const TABLE_ROWS: usize = 2 * MOST_WAYS / size_of::<i32>();

/// A group of the weight rows of a panel, a lane each.
pub(crate) type Lanes = [u32; NR];

/// Windows over memory that they are read from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowBlock<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) windows: &'a [BlockWindow],
    /// Where the groups of a window lie, in bytes from its first one.
    pub(crate) groups: &'a [u32],
}

/// The order of the lanes of a panel that a kernel wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PanelOrder {
    /// Groups as they are: `[group][lane]`.
    Lanes,
    /// Nibbles of bits, `[pair of lanes][nibble]`, as bytes: four bits of the first lane in the low
    /// nibble, those of the second in the high one. Nibbles are in the order of the groups, low
    /// ones first.
    NibblePairs,
}

/// One window of a [`WindowBlock`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockWindow {
    /// The position of its first byte.
    pub(crate) first: u32,
    /// The row of each panel's limits that its sums are compared with.
    pub(crate) way: u32,
}

/// See [`WindowProduct::sums`].
pub(super) type Sum = fn(block: &WindowBlock<'_>, panel: &[Lanes], sums: &mut [Sums]);

/// See [`WindowProduct::reached`].
pub(super) type Reach = fn(
    block: &WindowBlock<'_>,
    panels: &[Lanes],
    limits: &[[i32; NR]],
    out: &mut [u32],
    stride: usize,
);

/// Sums of windows with the weight rows of a panel, which has as many [`Lanes`] as a window has
/// groups.
pub(crate) struct WindowProduct {
    pub(super) sums: Sum,
    pub(super) reached: Reach,
    /// How the lanes of a panel are ordered.
    pub(super) order: PanelOrder,
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
    /// Most groups of a window of bits that is faster than a patch: measured.
    pub(super) most_groups: usize,
    /// Windows of an image from which on bits are faster in place than by patches: measured.
    pub(super) least_windows: usize,
}

impl WindowProduct {
    /// How the lanes of a panel must be ordered.
    pub(crate) fn order(&self) -> PanelOrder {
        self.order
    }

    /// Writes the sums of each window: `sums[i].0[j]`. A window that does not lie in its memory is
    /// a bug in the caller; then nothing is written.
    pub(crate) fn sums(&self, block: &WindowBlock<'_>, panel: &[Lanes], sums: &mut [Sums]) {
        debug_assert!(block.is_inside() && panel.len() == block.groups.len());
        debug_assert_eq!(sums.len(), block.windows.len());
        (self.sums)(block, panel, sums);
    }

    /// Writes 32 bits for each window and panel: bit `j` of `out[i * stride + p]` is whether sum
    /// `j` of window `i` with panel `p` is at least `limits[p][way][j]`, where each panel has the
    /// same number of ways, and the limits are as [`PanelOrder::push_limits`] writes them.
    /// Otherwise as [`WindowProduct::sums`].
    pub(crate) fn reached(
        &self,
        block: &WindowBlock<'_>,
        panels: &[Lanes],
        limits: &[[i32; NR]],
        out: &mut [u32],
        stride: usize,
    ) {
        debug_assert!(block.is_inside() && panels.len().is_multiple_of(block.groups.len()));
        debug_assert!(stride * block.groups.len() >= panels.len());
        (self.reached)(block, panels, limits, out, stride);
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

impl PanelOrder {
    /// Puts the lanes of a panel into this order.
    pub(crate) fn arrange(self, panel: &mut [Lanes]) -> Result<(), Error> {
        if self == PanelOrder::NibblePairs {
            let mut from = memory::zeros(panel.len() * NR)?;
            from.copy_from_slice(panel.as_flattened());
            let nibbles = 8 * panel.len();
            for (i, byte) in cast_slice_mut::<_, u8>(panel.as_flattened_mut())
                .iter_mut()
                .enumerate()
            {
                let (pair, nibble) = (i / nibbles, i % nibbles);
                let of = |lane: usize| from[nibble / 8 * NR + lane] >> (4 * (nibble % 8)) & 0xF;
                *byte = (of(2 * pair) | of(2 * pair + 1) << 4) as u8;
            }
        }
        Ok(())
    }

    /// Adds the limits of a panel, a row for each way, in the form that goes with this order: the
    /// rows themselves; or tables, for each lane the low bytes of all ways and the high ones, of
    /// the largest count that is enough, or of -1.
    pub(crate) fn push_limits(self, rows: &[[i32; NR]], limits: &mut Vec<[i32; NR]>) {
        if self == PanelOrder::Lanes {
            limits.extend_from_slice(rows);
            return;
        }
        let mut tables = [[0; NR]; TABLE_ROWS];
        let bytes = cast_slice_mut::<_, u8>(tables.as_flattened_mut());
        for (lane, bytes) in bytes.chunks_exact_mut(2 * MOST_WAYS).enumerate() {
            for (way, row) in rows.iter().enumerate().take(MOST_WAYS) {
                let most = row[lane].saturating_neg().clamp(-1, i16::MAX.into()) as i16;
                [bytes[way], bytes[MOST_WAYS + way]] = most.to_le_bytes();
            }
        }
        limits.extend(tables);
    }

    /// Rows that [`push_limits`](Self::push_limits) adds for `ways` ways.
    pub(crate) fn limit_rows(self, ways: usize) -> usize {
        match self {
            PanelOrder::Lanes => ways,
            PanelOrder::NibblePairs => TABLE_ROWS,
        }
    }

    /// The given lane of a group of a panel in this order.
    pub(crate) fn lane(self, panel: &[Lanes], group: usize, lane: usize) -> u32 {
        match self {
            PanelOrder::Lanes => panel[group][lane],
            PanelOrder::NibblePairs => {
                let bytes = cast_slice::<_, u8>(panel.as_flattened());
                let first = lane / 2 * 8 * panel.len() + 8 * group;
                (0..8).fold(0, |word, i| {
                    word | u32::from(bytes[first + i] >> (4 * (lane % 2)) & 0xF) << (4 * i)
                })
            }
        }
    }
}

/// Each panel with its limits, and its number.
pub(super) fn panels<'p>(
    block: &WindowBlock<'_>,
    panels: &'p [Lanes],
    limits: &'p [[i32; NR]],
) -> impl Iterator<Item = (usize, (&'p [Lanes], &'p [[i32; NR]]))> {
    let groups = positive(block.groups.len());
    let ways = positive(limits.len() / positive(panels.len() / groups));
    panels
        .chunks_exact(groups)
        .zip(limits.chunks_exact(ways))
        .enumerate()
}

/// The row of limits of a window.
#[inline(always)]
pub(super) fn limits_of<'l>(limits: &'l [[i32; NR]], window: &BlockWindow) -> &'l [i32; NR] {
    limits.get(window.way as usize).unwrap_or(&[i32::MAX; NR])
}
