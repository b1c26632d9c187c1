//! A convolution whose arguments have been checked.

use super::direct::Limits;
use super::filters::PackedFilters;
use super::images::{Images, PackedImages};
use super::{run, signs};
use crate::bits::{BitMatrix, BitMatrixView};
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::gemm::driver::Destination;
use crate::gemm::epilogue::{Threshold, TileEpilogue};
use crate::gemm::output::Strided;
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

    /// Computes the outputs, a row of them per output pixel.
    pub(super) fn run<E: TileEpilogue>(
        self,
        epilogue: &E,
        to: impl Destination<E::Elem>,
    ) -> Result<(), Error> {
        let source = match self.source() {
            Ok(source) => source,
            Err(floats) => {
                let bits = self.signs(floats)?;
                return self.on(bits.view()).run(epilogue, to);
            }
        };
        run::run(self.filters, source, self.samples, epilogue, to)
    }

    /// Writes whether the sums reach the thresholds; rows of `out` are as long as outputs need.
    /// `limits` are those that the filters have for these thresholds.
    pub(super) fn run_bits(
        self,
        thresholds: Thresholds<'_>,
        limits: Option<&Limits>,
        out: &mut [u64],
    ) -> Result<(), Error> {
        let source = match self.source() {
            Ok(source) => source,
            Err(floats) => {
                let bits = self.signs(floats)?;
                return self.on(bits.view()).run_bits(thresholds, limits, out);
            }
        };
        let (filters, samples) = (self.filters, self.samples);
        let stride = row_words(filters.conv().outputs());
        if run::run_bits(filters, source, samples, thresholds, limits, out, stride) {
            return Ok(());
        }
        self.run(&Threshold(thresholds), Strided { c: out, stride })
    }

    /// Images that are packed, or else floats.
    fn source(&self) -> Result<PackedImages<'a>, &'a [f32]> {
        match self.images {
            Images::Bits(bits) => Ok(PackedImages::Bits(bits)),
            Images::Unsigned { x, depth } => Ok(PackedImages::Bytes { x, depth }),
            Images::Floats(x) => Err(x),
        }
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
