//! The right side of a convolution: filters laid out for a kernel.

use alloc::vec::Vec;

use super::clipping::{ClipTable, is_needed};
use super::depthwise;
use super::direct::{Direct, Limits};
use crate::bits::BitMatrixView;
use crate::conv::geometry::Conv2d;
use crate::error::Error;
use crate::gemm::{PackedWeights, Thresholds};
use crate::kernel::Kernel;
use crate::memory;
use crate::shape::{equal, row_words};

/// Filters laid out for a kernel and a convolution, once. Runs use as many threads as they are
/// worth.
///
/// The memory is about that of the bits, with the outputs of each group rounded up to a multiple of
/// 32. Zeros around images of bits need 4 more bytes per output for each way in which a window can
/// be clipped (9 for a 3 x 3 kernel with padding of 1). Depthwise filters take one bit per weight,
/// with the outputs rounded up to 64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedFilters {
    conv: Conv2d,
    kernel: &'static Kernel,
    pub(super) layout: PackedLayout,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PackedLayout {
    Groups {
        weights: Vec<PackedWeights>,
        /// The corrections for zeros around images of bits.
        clips: Option<ClipTable>,
    },
    /// The layout that [`depthwise::arrange`] writes.
    Depthwise(Vec<u64>),
    /// The layout of products that make no patches.
    Direct(Direct),
}

impl PackedFilters {
    /// Lays the filters `[outputs, patch_len]` out for the active kernel.
    ///
    /// # Errors
    /// Filters of another shape than the convolution's, a size that overflows,
    /// [`Error::OutOfMemory`]; otherwise as [`Kernel::active`].
    pub fn new(conv: &Conv2d, filters: BitMatrixView<'_>) -> Result<Self, Error> {
        Self::for_kernel(Kernel::active()?, conv, filters)
    }

    /// Lays the filters out for the given kernel.
    pub(crate) fn for_kernel(
        kernel: &'static Kernel,
        conv: &Conv2d,
        filters: BitMatrixView<'_>,
    ) -> Result<Self, Error> {
        check(conv, filters)?;
        match Direct::of_bits(kernel, conv, filters)? {
            Some(direct) => Ok(Self::direct(kernel, conv, direct)),
            None => Self::by_patches(kernel, conv, filters),
        }
    }

    /// Lays the filters out for images of bytes below `2^depth`, by the way that is fastest for
    /// them: eight times the bytes, if it is not by bit planes. Other images are slower then.
    ///
    /// # Errors
    /// Those of [`PackedFilters::for_kernel`].
    pub(crate) fn for_bytes(
        kernel: &'static Kernel,
        conv: &Conv2d,
        filters: BitMatrixView<'_>,
        depth: usize,
    ) -> Result<Self, Error> {
        check(conv, filters)?;
        match Direct::of_bytes(kernel, conv, filters, depth)? {
            Some(direct) => Ok(Self::direct(kernel, conv, direct)),
            None => Self::by_patches(kernel, conv, filters),
        }
    }

    fn direct(kernel: &'static Kernel, conv: &Conv2d, direct: Direct) -> Self {
        Self {
            conv: *conv,
            kernel,
            layout: PackedLayout::Direct(direct),
        }
    }

    /// Lays the filters out for products with patches, or for a depthwise convolution.
    pub(super) fn by_patches(
        kernel: &'static Kernel,
        conv: &Conv2d,
        filters: BitMatrixView<'_>,
    ) -> Result<Self, Error> {
        let layout = if conv.is_depthwise() {
            let mut words = memory::zeros(depthwise::words(conv)?)?;
            depthwise::arrange(conv, filters, &mut words);
            PackedLayout::Depthwise(words)
        } else {
            let mut weights = memory::with_capacity(conv.groups())?;
            for group in 0..conv.groups() {
                let filters = of_group(conv, filters, group);
                weights.push(PackedWeights::for_kernel(kernel, filters)?);
            }
            let clips = is_needed(conv, None).then(|| ClipTable::new(conv, filters));
            PackedLayout::Groups {
                weights,
                clips: clips.transpose()?,
            }
        };
        Ok(Self {
            conv: *conv,
            kernel,
            layout,
        })
    }

    /// These thresholds as limits of the sums that the kernel makes; `None` if they are compared as
    /// they are.
    pub(super) fn limits(&self, thresholds: Thresholds<'_>) -> Result<Option<Limits>, Error> {
        let PackedLayout::Direct(direct) = &self.layout else {
            return Ok(None);
        };
        direct.limits(&self.conv, thresholds).map(Some)
    }

    /// Bytes of the filters as they are laid out.
    pub(crate) fn bytes(&self) -> usize {
        match &self.layout {
            PackedLayout::Groups { weights, clips } => {
                let weights: usize = weights.iter().map(PackedWeights::bytes).sum();
                weights + clips.as_ref().map_or(0, ClipTable::bytes)
            }
            PackedLayout::Depthwise(words) => size_of_val(&words[..]),
            PackedLayout::Direct(direct) => direct.bytes(),
        }
    }

    /// The convolution that the filters are for.
    #[must_use]
    #[doc(hidden)]
    pub fn conv(&self) -> &Conv2d {
        &self.conv
    }

    /// The kernel whose layout this is.
    #[must_use]
    #[doc(hidden)]
    pub fn kernel(&self) -> &'static Kernel {
        self.kernel
    }
}

/// The filters of one group.
pub(super) fn of_group<'w>(
    conv: &Conv2d,
    filters: BitMatrixView<'w>,
    group: usize,
) -> BitMatrixView<'w> {
    let (rows, cols) = (conv.group_outputs(), conv.patch_len());
    let words = rows * row_words(cols);
    let words = filters.words().get(group * words..(group + 1) * words);
    BitMatrixView::trusted(words.unwrap_or_default(), rows, cols)
}

fn check(conv: &Conv2d, filters: BitMatrixView<'_>) -> Result<(), Error> {
    equal("filters", conv.outputs(), filters.rows())?;
    equal("elements of a filter", conv.patch_len(), filters.cols())
}
