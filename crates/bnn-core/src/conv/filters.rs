//! The right side of a convolution: filters laid out for a kernel once, or read where they lie.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "alloc")]
use super::clipping::{ClipTable, is_needed};
#[cfg(feature = "alloc")]
use super::depthwise;
use super::geometry::Conv2d;
use crate::bits::BitMatrixView;
use crate::error::Error;
#[cfg(feature = "alloc")]
use crate::gemm::PackedWeights;
use crate::kernel::Kernel;
#[cfg(feature = "alloc")]
use crate::memory;
use crate::shape::{equal, row_words};

/// The filters of a convolution, made from [`PackedFilters`], or from canonical bits by
/// [`Filters::canonical`]. They know the convolution they are for.
pub struct Filters<'w> {
    pub(super) layout: Layout<'w>,
}

pub(super) enum Layout<'w> {
    #[cfg(feature = "alloc")]
    Packed(&'w PackedFilters),
    Canonical {
        conv: Conv2d,
        filters: BitMatrixView<'w>,
        kernel: &'static Kernel,
        scratch: &'w mut [u64],
    },
}

impl<'w> Filters<'w> {
    /// Filters `[outputs, patch_len]` that are read where they lie (a model in flash), in scratch memory
    /// of at least [`Conv2d::scratch_words`] words, whose content does not matter. Runs on one thread
    /// and, but for images of floats, allocates nothing.
    ///
    /// # Errors
    /// Filters of another shape than the convolution's.
    pub fn canonical(
        conv: &Conv2d,
        filters: BitMatrixView<'w>,
        kernel: &'static Kernel,
        scratch: &'w mut [u64],
    ) -> Result<Self, Error> {
        check(conv, filters)?;
        Ok(Self {
            layout: Layout::Canonical {
                conv: *conv,
                filters,
                kernel,
                scratch,
            },
        })
    }

    pub(super) fn conv(&self) -> &Conv2d {
        match &self.layout {
            #[cfg(feature = "alloc")]
            Layout::Packed(packed) => packed.conv(),
            Layout::Canonical { conv, .. } => conv,
        }
    }

    /// The kernel that reads them.
    #[cfg(feature = "alloc")]
    pub(super) fn kernel(&self) -> &'static Kernel {
        match &self.layout {
            Layout::Packed(packed) => packed.kernel(),
            Layout::Canonical { kernel, .. } => kernel,
        }
    }
}

impl fmt::Debug for Filters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = match self.layout {
            #[cfg(feature = "alloc")]
            Layout::Packed(_) => "packed",
            Layout::Canonical { .. } => "canonical",
        };
        write!(f, "Filters({layout}, {:?})", self.conv())
    }
}

#[cfg(feature = "alloc")]
impl<'w> From<&'w PackedFilters> for Filters<'w> {
    fn from(packed: &'w PackedFilters) -> Self {
        Self {
            layout: Layout::Packed(packed),
        }
    }
}

/// Filters laid out for a kernel and a convolution, once. Runs use as many threads as they are worth.
///
/// Takes about as many bytes as the bits do, the outputs of each group rounded up to a multiple of 32;
/// for zeros around images of bits, 4 bytes more per output and way in which a window can be clipped (9
/// for a kernel of 3 x 3). Depthwise filters take a bit per weight, outputs rounded up to 64.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedFilters {
    conv: Conv2d,
    kernel: &'static Kernel,
    pub(super) layout: PackedLayout,
}

#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PackedLayout {
    Groups {
        weights: Vec<PackedWeights>,
        /// Where zeros surround images of bits.
        clips: Option<ClipTable>,
    },
    /// As [`depthwise::arrange`] writes them.
    Depthwise(Vec<u64>),
}

#[cfg(feature = "alloc")]
impl PackedFilters {
    /// Lays the filters `[outputs, patch_len]` out for the active kernel.
    ///
    /// # Errors
    /// As [`PackedFilters::for_kernel`] and [`Kernel::active`].
    pub fn new(conv: &Conv2d, filters: BitMatrixView<'_>) -> Result<Self, Error> {
        Self::for_kernel(Kernel::active()?, conv, filters)
    }

    /// Lays the filters out for the given kernel.
    ///
    /// # Errors
    /// Filters of another shape than the convolution's, a size that overflows, [`Error::OutOfMemory`].
    pub fn for_kernel(
        kernel: &'static Kernel,
        conv: &Conv2d,
        filters: BitMatrixView<'_>,
    ) -> Result<Self, Error> {
        check(conv, filters)?;
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

    /// The convolution that the filters are for.
    #[must_use]
    pub fn conv(&self) -> &Conv2d {
        &self.conv
    }

    /// The kernel whose layout this is.
    #[must_use]
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
