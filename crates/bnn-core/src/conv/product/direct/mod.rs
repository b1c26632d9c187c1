//! Convolutions without patches: windows are read where they lie in a copy of the image that has
//! its padding around it.
//!
//! In that copy a pixel of bits takes whole groups of 32 bits, and a pixel of bytes its bytes. All
//! windows then look alike: their groups lie at the same distances from their first byte. A run of
//! bytes that lie side by side in a window is filled up to whole groups with weights of 0.

mod packing;
mod staging;

use alloc::vec::Vec;
use core::ops::Range;

use bytemuck::{cast_slice, cast_slice_mut};

use super::clipping::ClipTable;
use super::images::PackedImages;
use crate::aligned::AlignedWords;
use crate::bits::{BitMatrix, BitMatrixView};
use crate::conv::geometry::{Conv2d, PadValue};
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::gemm::epilogue::{Tile, TileEpilogue};
use crate::gemm::output::{Columns, Grain, OutputRows, TiledOutput};
use crate::kernel::loops::Loop;
use crate::kernel::windows::{
    BlockWindow, GROUP, Lanes, MOST_WAYS, PanelOrder, WindowBlock, WindowProduct,
};
use crate::kernel::{Kernel, NR, Sums, vectorised};
use crate::memory;
use crate::shape::row_words;
use staging::Staging;

/// Filters of a convolution without patches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Direct {
    elements: Elements,
    staging: Staging,
    /// Where the groups of a window lie, in bytes from its first one.
    groups: Vec<u32>,
    /// `[panel][group][lane]`.
    panels: AlignedWords,
    order: PanelOrder,
    clips: Option<ClipTable>,
}

/// Words of a row that is short.
const SHORT: usize = 16;

/// Word products of a sample that threads might share: half of what is worth one.
const SHARED: usize = 1 << 16;

/// What images are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elements {
    Bits,
    Bytes,
}

/// The least sums that give a bit of 1, as the kernel sums and in its order, panel by panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limits(Vec<[i32; NR]>);

impl Limits {
    /// Bytes of the limits.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.0[..])
    }
}

impl Direct {
    /// Bytes of the filters as they are laid out.
    pub(super) fn bytes(&self) -> usize {
        let clips = self.clips.as_ref().map_or(0, ClipTable::bytes);
        size_of_val(self.panels.words()) + size_of_val(&self.groups[..]) + clips
    }

    /// Filters for images of bits; `None` where patches are faster.
    pub(super) fn of_bits(
        kernel: &Kernel,
        conv: &Conv2d,
        filters: BitMatrixView<'_>,
    ) -> Result<Option<Self>, Error> {
        let taps = conv.windows().taps();
        let groups = taps.saturating_mul(staging::groups_of(conv.channels()));
        let words = row_words(conv.patch_len());
        let (windows, outputs) = (conv.windows().output_pixels(), conv.outputs());
        // Rows of products that are long gain nothing. Where outputs are many, threads share them
        // by patches.
        let is_large = words.saturating_mul(outputs) > SHARED;
        let is_long = taps == 1 && (words > SHORT || is_large);
        let prefers = kernel.prefers_windows(windows, groups, words, outputs);
        if conv.groups() > 1 || is_long || !prefers {
            return Ok(None);
        }
        match kernel.window_bits() {
            Some(product) => Self::new(Elements::Bits, product.order(), conv, filters),
            None => Ok(None),
        }
    }

    /// Filters for images of bytes below `2^depth`; `None` where bit planes are faster.
    pub(super) fn of_bytes(
        kernel: &Kernel,
        conv: &Conv2d,
        filters: BitMatrixView<'_>,
        depth: usize,
    ) -> Result<Option<Self>, Error> {
        let bytes = GROUP * packing::groups_of_bytes(conv);
        let words = (depth + 1) * row_words(filters.cols());
        if conv.groups() > 1 || !kernel.prefers_bytes(bytes, words) {
            return Ok(None);
        }
        let order = kernel.window_bytes().order();
        Self::new(Elements::Bytes, order, conv, filters)
    }

    fn new(
        elements: Elements,
        order: PanelOrder,
        conv: &Conv2d,
        filters: BitMatrixView<'_>,
    ) -> Result<Option<Self>, Error> {
        let Some(staging) = Staging::new(elements, conv) else {
            return Ok(None);
        };
        let groups = packing::groups(elements, conv, &staging)?;
        let clipped = conv.pad_value() == PadValue::Zero && conv.windows().is_clipped();
        let clips = match elements {
            Elements::Bits if clipped => Some(ClipTable::new(conv, filters)?),
            _ => None,
        };
        let ways = clips.as_ref().map_or(1, ClipTable::ways);
        if order == PanelOrder::NibblePairs && ways > MOST_WAYS {
            return Ok(None);
        }
        Ok(Some(Self {
            elements,
            panels: packing::panels(elements, order, conv, filters, groups.len())?,
            order,
            staging,
            groups,
            clips,
        }))
    }

    /// Whether it is for such images.
    pub(super) fn takes(&self, source: &PackedImages<'_>) -> bool {
        match source {
            PackedImages::Bits(_) => self.elements == Elements::Bits,
            PackedImages::Bytes { .. } => self.elements == Elements::Bytes,
        }
    }

    /// The filters as they were before they were laid out.
    pub(super) fn filters(&self, conv: &Conv2d) -> Result<BitMatrix, Error> {
        packing::canonical(self.elements, self.order, conv, |panel| self.panel(panel))
    }

    fn product(&self, kernel: &'static Kernel) -> Option<&'static WindowProduct> {
        match self.elements {
            Elements::Bytes => Some(kernel.window_bytes()),
            Elements::Bits => kernel.window_bits(),
        }
    }

    /// The lanes of all panels.
    fn lanes(&self) -> &[Lanes] {
        let (lanes, _) = cast_slice::<u64, u32>(self.panels.words()).as_chunks::<NR>();
        lanes
    }

    /// The lanes of a panel.
    fn panel(&self, panel: usize) -> &[Lanes] {
        let each = self.groups.len();
        self.lanes()
            .get(panel * each..(panel + 1) * each)
            .unwrap_or_default()
    }

    /// Ways in which a window may be clipped.
    fn ways(&self) -> usize {
        self.clips.as_ref().map_or(1, ClipTable::ways)
    }

    /// The thresholds, as limits of the sums of the kernel, which for bits are minus the number of
    /// bits that differ: `k + missing - 2 * differ >= t` where `-differ >= ceil((t - k - missing) /
    /// 2)`.
    pub(super) fn limits(
        &self,
        conv: &Conv2d,
        thresholds: Thresholds<'_>,
    ) -> Result<Limits, Error> {
        let panels = conv.outputs().div_ceil(NR);
        let mut limits = memory::with_capacity(panels * self.order.limit_rows(self.ways()))?;
        let mut rows = memory::with_capacity(self.ways())?;
        for panel in 0..panels {
            rows.clear();
            rows.extend((0..self.ways()).map(|way| {
                let missing = self.clips.as_ref().map(|clips| clips.of_way(way));
                core::array::from_fn(|lane| {
                    let output = panel * NR + lane;
                    // In lanes without an output no sum reaches it.
                    let Some(threshold) = thresholds.get(output) else {
                        return i32::MAX;
                    };
                    let missing = missing.and_then(|missing| missing.get(output));
                    self.limit(conv, threshold, missing.copied().unwrap_or(0))
                })
            }));
            self.order.push_limits(&rows, &mut limits);
        }
        Ok(Limits(limits))
    }
}

impl Direct {
    fn limit(&self, conv: &Conv2d, threshold: i32, missing: i32) -> i32 {
        match self.elements {
            Elements::Bytes => threshold,
            Elements::Bits => {
                let least = i64::from(threshold) - conv.patch_len() as i64 - i64::from(missing);
                // Half of a number of 33 bits, rounded up.
                let half = (least + 1) >> 1;
                half.clamp(i32::MIN.into(), i32::MAX.into()) as i32
            }
        }
    }
}

/// A convolution without patches, with its epilogue.
pub(super) struct DirectProduct<'p, F> {
    pub(super) conv: &'p Conv2d,
    pub(super) kernel: &'static Kernel,
    pub(super) direct: &'p Direct,
    pub(super) source: PackedImages<'p>,
    pub(super) samples: usize,
    pub(super) epilogue: F,
}

/// Makes outputs of the sums of a block of windows.
pub(super) trait BlockEpilogue: Sync {
    type Elem: Copy + Send;

    /// Writes the outputs of the windows `block`, the first of which is that of row `first` of
    /// `out`.
    fn block(
        &self,
        block: &StagedBlock<'_>,
        first: usize,
        sums: &mut Vec<Sums>,
        out: &mut impl OutputRows<Self::Elem>,
    );
}

/// Windows that lie in memory, with all that is needed to multiply them.
pub(super) struct StagedBlock<'s> {
    conv: &'s Conv2d,
    direct: &'s Direct,
    kernel: &'static Kernel,
    product: &'static WindowProduct,
    block: WindowBlock<'s>,
}

/// Bits by thresholds.
pub(super) struct Compare<'l>(pub(super) &'l Limits);

/// Any epilogue of sums.
pub(super) struct OfSums<'e, E>(pub(super) &'e E);

/// The memory that a thread computes blocks in.
#[derive(Default)]
struct BlockMemory {
    bytes: Vec<u64>,
    windows: Vec<BlockWindow>,
    sums: Vec<Sums>,
}

memory::lent!(static BLOCK_MEMORY: BlockMemory);

impl<F: BlockEpilogue> TiledOutput for DirectProduct<'_, F> {
    type Elem = F::Elem;

    fn shape(&self) -> [usize; 2] {
        [self.samples, self.conv.outputs()]
    }

    fn grain(&self) -> Grain {
        let words = self.direct.groups.len().div_ceil(2);
        let [_, width] = self.conv.windows().output_size();
        Grain {
            work: (self.samples.saturating_mul(words)).saturating_mul(self.conv.outputs()),
            // Whole rows, so that no row of the image is copied for parts of a row of windows.
            samples: width,
            columns: None,
        }
    }

    fn part(&self, range: Range<usize>, _: &Columns, out: &mut impl OutputRows<F::Elem>) {
        let Some(product) = self.direct.product(self.kernel) else {
            return; // filters are laid out so only where there is one
        };
        BLOCK_MEMORY.lend(|room| {
            let mut at = range.start;
            while at < range.end {
                let BlockMemory {
                    bytes,
                    windows,
                    sums,
                } = &mut *room;
                let first = at;
                let staging = &self.direct.staging;
                at = staging.stage(self, at..range.end, bytes, windows);
                let staged = StagedBlock {
                    conv: self.conv,
                    direct: self.direct,
                    kernel: self.kernel,
                    product,
                    block: WindowBlock {
                        bytes: cast_slice(bytes),
                        windows,
                        groups: &self.direct.groups,
                    },
                };
                self.epilogue.block(&staged, first - range.start, sums, out);
            }
        });
    }
}

impl BlockEpilogue for Compare<'_> {
    type Elem = u64;

    fn block(
        &self,
        staged: &StagedBlock<'_>,
        first: usize,
        _: &mut Vec<Sums>,
        out: &mut impl OutputRows<u64>,
    ) {
        let Some((words, stride)) = out.rows_from(first) else {
            return; // outputs are not cut by columns
        };
        let (halves, stride) = (cast_slice_mut::<u64, u32>(words), 2 * stride);
        let panels = staged.conv.outputs().div_ceil(NR);
        let lanes = staged.direct.lanes();
        let product = staged.product;
        product.reached(&staged.block, lanes, &self.0.0, halves, stride);
        if !panels.is_multiple_of(2) {
            let out = halves.get_mut(panels..).unwrap_or_default();
            for half in out
                .iter_mut()
                .step_by(stride)
                .take(staged.block.windows.len())
            {
                *half = 0;
            }
        }
    }
}

impl<E: TileEpilogue> BlockEpilogue for OfSums<'_, E> {
    type Elem = E::Elem;

    fn block(
        &self,
        staged: &StagedBlock<'_>,
        first: usize,
        sums: &mut Vec<Sums>,
        out: &mut impl OutputRows<E::Elem>,
    ) {
        let (conv, windows) = (staged.conv, staged.block.windows);
        sums.resize(windows.len(), Sums([0; NR]));
        for (panel, col) in (0..conv.outputs()).step_by(NR).enumerate() {
            let lanes = staged.direct.panel(panel);
            staged.product.sums(&staged.block, lanes, sums);
            if staged.direct.elements == Elements::Bits {
                vectorised(Complete { staged, sums, col });
            }
            let tile = Tile {
                epilogues: staged.kernel.epilogues(),
                sums,
                used: NR.min(conv.outputs() - col),
                first,
                col,
                at: col,
            };
            self.0.tile(&tile, out);
        }
    }
}

/// Makes sums of minus the number of bits that differ, those of the outputs from `col` on.
struct Complete<'c, 's> {
    staged: &'c StagedBlock<'s>,
    sums: &'c mut [Sums],
    col: usize,
}

impl Loop for Complete<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let StagedBlock {
            conv,
            direct,
            block,
            ..
        } = self.staged;
        let k = conv.patch_len() as i32;
        for (sums, window) in self.sums.iter_mut().zip(block.windows) {
            for sum in &mut sums.0 {
                *sum = k.wrapping_add(*sum << 1);
            }
            if let Some(clips) = &direct.clips {
                let missing = clips.of_way(window.way as usize);
                let missing = missing.get(self.col..).unwrap_or_default();
                for (sum, missing) in sums.0.iter_mut().zip(missing) {
                    *sum = sum.wrapping_add(*missing);
                }
            }
        }
    }
}

impl Thresholds<'_> {
    /// The threshold of an output.
    fn get(&self, output: usize) -> Option<i32> {
        match self {
            Thresholds::I16(t) => t.get(output).map(|&t| t.into()),
            Thresholds::I32(t) => t.get(output).copied(),
        }
    }
}
