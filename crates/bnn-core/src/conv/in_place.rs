//! Convolutions with canonical filters: one thread, in the caller's scratch memory.

use super::clipping::{Clipping, is_needed};
use super::depthwise::{self, Depthwise};
use super::filters::of_group;
use super::geometry::Conv2d;
use super::images::Source;
use super::patches::{Patches, with_samples};
use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::gemm::Weights;
use crate::gemm::in_place::{Finish, multiply};
use crate::kernel::Kernel;

/// A run that allocates nothing, on one thread.
pub(super) struct InPlace<'r> {
    pub(super) conv: &'r Conv2d,
    pub(super) source: Source<'r>,
    /// Output pixels.
    pub(super) samples: usize,
    pub(super) filters: BitMatrixView<'r>,
    pub(super) kernel: &'static Kernel,
}

impl InPlace<'_> {
    /// Computes all sums, in [`Conv2d::scratch_words`] words. `finish` gets them, a few at a time: the pixel, the
    /// number of the first output, and the sums. It is handed over by reference, so that the loops exist once
    /// and not for every epilogue.
    pub(super) fn compute(&self, scratch: &mut [u64], finish: Finish<'_>) -> Result<(), Error> {
        if self.conv.is_depthwise() {
            self.depthwise(scratch, finish)
        } else {
            self.groups(scratch, finish)
        }
    }

    // Apart from each other, so that neither has the other's stack.
    #[inline(never)]
    fn groups(&self, scratch: &mut [u64], finish: Finish<'_>) -> Result<(), Error> {
        let conv = self.conv;
        for group in 0..conv.groups() {
            let weights = of_group(conv, self.filters, group);
            let weights = Weights::canonical(weights, self.kernel).resolve(self.samples)?;
            let patches = Patches {
                conv,
                source: self.source,
                group,
                clipping: match is_needed(conv, self.source.depth()) {
                    true => Clipping::Filters(self.filters),
                    false => Clipping::Free,
                },
            };
            let n = conv.group_outputs();
            let mut finish = |sample: usize, first: usize, sums: &[i32]| {
                finish(sample, group * n + first, sums);
            };
            with_samples(&patches, self.samples, |a| {
                multiply(a, &weights, scratch, 0..self.samples, &(0..n), &mut finish);
            });
        }
        Ok(())
    }

    #[inline(never)]
    fn depthwise(&self, scratch: &mut [u64], finish: Finish<'_>) -> Result<(), Error> {
        let words = depthwise::words(self.conv)?;
        let (arranged, sums) = scratch.split_at_mut_checked(words).unwrap_or_default();
        depthwise::arrange(self.conv, self.filters, arranged);
        let sums: &mut [i32] = bytemuck::cast_slice_mut(sums);
        let sums = sums.get_mut(..depthwise::sums_len(self.conv));
        let depthwise = Depthwise {
            conv: self.conv,
            source: self.source,
            filters: arranged,
        };
        depthwise.each(sums.unwrap_or_default(), 0..self.samples, finish);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conv2d, ConvOptions, Filters, Images, PadValue, Padding, conv2d_i32};
    use crate::bits::BitMatrixView;
    use crate::error::Error;
    use crate::kernel::Kernel;
    use crate::reference;

    /// Without an allocator: nothing here has one.
    #[test]
    fn canonical_filters_need_no_allocator() -> Result<(), Error> {
        let noise: [u64; 12] = core::array::from_fn(|i| (i as u64 + 1) << 3 ^ 0x9E37 << i ^ 0x5A3C);
        for (groups, outputs) in [(1, 3), (2, 4), (4, 8)] {
            for pad_value in [PadValue::Zero, PadValue::MinusOne, PadValue::PlusOne] {
                let options = ConvOptions {
                    groups,
                    padding: Padding::Same,
                    pad_value,
                    ..ConvOptions::default()
                };
                let conv = Conv2d::new([3, 2, 4], outputs, [2, 3], options)?;
                let (mut pixels, mut rows) = (noise, noise);
                pixels.iter_mut().for_each(|word| *word &= 15);
                let k = conv.patch_len();
                rows.iter_mut().for_each(|word| *word &= (1 << k) - 1);
                let pixels = BitMatrixView::new(&pixels, 12, 4)?;
                let filters = BitMatrixView::new(&rows[..outputs], outputs, k)?;
                let bytes: [u8; 48] = core::array::from_fn(|i| noise[i % 12] as u8);
                let images = [
                    Some(Images::Bits(pixels)),
                    (pad_value == PadValue::Zero).then_some(Images::Unsigned {
                        x: &bytes,
                        depth: 8,
                    }),
                ];
                for images in images.into_iter().flatten() {
                    let (mut y, mut expected) = ([0; 12 * 8], [0; 12 * 8]);
                    let (y, expected) = (&mut y[..12 * outputs], &mut expected[..12 * outputs]);
                    reference::conv2d(images, &conv, filters, expected)?;
                    let mut scratch = [7; 64];
                    let kernel = Kernel::active()?;
                    let filters = Filters::canonical(&conv, filters, kernel, &mut scratch)?;
                    conv2d_i32(images, filters, y, outputs)?;
                    assert_eq!(y, expected, "{conv:?}");
                }
            }
        }
        Ok(())
    }
}
