//! A convolution whose arguments fit each other.

use super::filters::{Filters, Layout};
use super::images::{Images, Source};
use super::in_place::InPlace;
#[cfg(feature = "alloc")]
use super::{packed, signs};
#[cfg(feature = "alloc")]
use crate::bits::{BitMatrix, BitMatrixView};
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::gemm::driver::{OutputRows, Strided};
use crate::gemm::epilogue::{Epilogue, Threshold};
use crate::shape::{at_least, mul, row_words};

/// Images and filters that fit each other.
pub(super) struct Call<'a, 'w> {
    images: Images<'a>,
    filters: Filters<'w>,
    /// Output pixels of the batch.
    samples: usize,
}

impl<'a, 'w> Call<'a, 'w> {
    pub(super) fn new(images: Images<'a>, filters: Filters<'w>) -> Result<Self, Error> {
        let conv = filters.conv();
        let batch = images.check(conv)?;
        let samples = mul("output pixels", batch, conv.output_pixels())?;
        match &filters.layout {
            #[cfg(feature = "alloc")]
            Layout::Packed(_) => {}
            Layout::Canonical { scratch, .. } => {
                let needed = conv.scratch_words(images.depth())?;
                at_least("words of scratch memory", needed, scratch.len())?;
            }
        }
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
        let samples = self.samples;
        let source = match self.images {
            Images::Bits(bits) => Source::Bits(bits),
            Images::Unsigned { x, depth } => Source::Bytes { x, depth },
            #[cfg(feature = "alloc")]
            Images::Floats(x) => {
                let bits = self.signs(x)?;
                return self.on(bits.view()).run(epilogue, c, stride);
            }
        };
        match self.filters.layout {
            #[cfg(feature = "alloc")]
            Layout::Packed(filters) => packed::run(filters, source, samples, epilogue, c, stride),
            Layout::Canonical {
                conv,
                filters,
                kernel,
                scratch,
            } => {
                let run = InPlace {
                    conv: &conv,
                    source,
                    samples,
                    filters,
                    kernel,
                };
                let mut out = Strided { c, stride };
                run.compute(scratch, &mut |sample, first, sums| {
                    if let Some(row) = out.row(sample) {
                        epilogue.put(sums, first, row, first);
                    }
                })
            }
        }
    }

    /// Writes whether the sums reach the thresholds; rows of `out` are as long as outputs need.
    pub(super) fn run_bits(self, thresholds: Thresholds<'_>, out: &mut [u64]) -> Result<(), Error> {
        let stride = row_words(self.filters.conv().outputs());
        #[cfg(feature = "alloc")]
        match (self.images, &self.filters.layout) {
            (Images::Floats(x), _) => {
                let bits = self.signs(x)?;
                return self.on(bits.view()).run_bits(thresholds, out);
            }
            (Images::Bits(bits), Layout::Packed(filters))
                if packed::run_bits(filters, bits, self.samples, thresholds, out, stride) =>
            {
                return Ok(());
            }
            _ => {}
        }
        self.run(&Threshold(thresholds), out, stride)
    }

    #[cfg(feature = "alloc")]
    fn signs(&self, x: &[f32]) -> Result<BitMatrix, Error> {
        signs::signs(x, self.filters.conv(), self.filters.kernel())
    }

    /// The same call with images that have been packed.
    #[cfg(feature = "alloc")]
    fn on(self, bits: BitMatrixView<'_>) -> Call<'_, 'w> {
        Call {
            images: bits.into(),
            filters: self.filters,
            samples: self.samples,
        }
    }
}
