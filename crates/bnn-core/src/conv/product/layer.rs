//! A convolution with its thresholds: what between the layers of a model takes and gives bits.

use super::call::Call;
use super::direct::Limits;
use super::filters::PackedFilters;
use super::images::Images;
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::shape::equal;

/// Packed filters with the thresholds that they are always used with.
#[derive(Clone, Debug)]
pub(crate) struct BitLayer<'t> {
    filters: PackedFilters,
    thresholds: Thresholds<'t>,
    limits: Option<Limits>,
}

impl<'t> BitLayer<'t> {
    /// # Errors
    /// Not one threshold per output channel; [`Error::OutOfMemory`].
    pub(crate) fn new(filters: PackedFilters, thresholds: Thresholds<'t>) -> Result<Self, Error> {
        equal("thresholds", filters.conv().outputs(), thresholds.len())?;
        let limits = filters.limits(thresholds)?;
        Ok(Self {
            filters,
            thresholds,
            limits,
        })
    }

    /// Bytes of filters and limits as they are laid out.
    pub(crate) fn bytes(&self) -> usize {
        let limits = self.limits.as_ref().map_or(0, Limits::bytes);
        self.filters.bytes() + limits
    }

    /// [`conv2d_bits`](super::conv2d_bits), to whole rows of words.
    pub(crate) fn run(&self, images: Images<'_>, out: &mut [u64]) -> Result<(), Error> {
        let call = Call::new(images, &self.filters)?;
        call.run_bits(self.thresholds, self.limits.as_ref(), out)
    }
}
