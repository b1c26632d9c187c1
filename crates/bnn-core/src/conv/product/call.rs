//! A convolution whose arguments have been checked.

use super::filters::PackedFilters;
use super::images::{Images, Source};
use super::{run, signs};
use crate::bits::{BitMatrix, BitMatrixView};
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::gemm::epilogue::{Epilogue, Threshold};
use crate::shape::{mul, row_words};

/// Checked images and filters.
pub(super) struct Call<'a, 'w> {
    images: Images<'a>,
    filters: &'w PackedFilters,
    /// Output pixels of the batch.
    samples: usize,
}

impl<'a, 'w> Call<'a, 'w> {
    pub(super) fn new(images: Images<'a>, filters: &'w PackedFilters) -> Result<Self, Error> {
        let conv = filters.conv();
        let batch = images.check(conv)?;
        let samples = mul("output pixels", batch, conv.windows().output_pixels())?;
        Ok(Self {
            images,
            filters,
            samples,
        })
    }

    /// `[m, n]` of the output.
    pub(super) fn shape(&self) -> [usize; 2] {
        [self.samples, self.filters.conv().outputs()]
    }

    /// Computes the outputs; `c` holds a row of them per output pixel, `stride` elements apart.
    pub(super) fn run<E: Epilogue>(
        self,
        epilogue: &E,
        c: &mut [E::Elem],
        stride: usize,
    ) -> Result<(), Error> {
        let source = match self.images {
            Images::Bits(bits) => Source::Bits(bits),
            Images::Unsigned { x, depth } => Source::Bytes { x, depth },
            Images::Floats(x) => {
                let bits = self.signs(x)?;
                return self.on(bits.view()).run(epilogue, c, stride);
            }
        };
        run::run(self.filters, source, self.samples, epilogue, c, stride)
    }

    /// Writes whether the sums reach the thresholds; rows of `out` are as long as outputs need.
    pub(super) fn run_bits(self, thresholds: Thresholds<'_>, out: &mut [u64]) -> Result<(), Error> {
        let stride = row_words(self.filters.conv().outputs());
        match self.images {
            Images::Floats(x) => {
                let bits = self.signs(x)?;
                return self.on(bits.view()).run_bits(thresholds, out);
            }
            Images::Bits(bits)
                if run::run_bits(self.filters, bits, self.samples, thresholds, out, stride) =>
            {
                return Ok(());
            }
            _ => {}
        }
        self.run(&Threshold(thresholds), out, stride)
    }

    fn signs(&self, x: &[f32]) -> Result<BitMatrix, Error> {
        signs::signs(x, self.filters.conv(), self.filters.kernel())
    }

    /// This call with packed images.
    fn on(self, bits: BitMatrixView<'_>) -> Call<'_, 'w> {
        Call {
            images: bits.into(),
            filters: self.filters,
            samples: self.samples,
        }
    }
}
