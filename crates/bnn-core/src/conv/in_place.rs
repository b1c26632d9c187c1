//! Convolutions with canonical filters: one thread, in the caller's scratch memory.

use super::clipping::{Clipping, is_needed};
use super::depthwise::{self, Depthwise};
use super::filters::of_group;
use super::geometry::Conv2d;
use super::images::Source;
use super::patches::{Patches, columns_of, with_samples};
use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::gemm::Weights;
use crate::gemm::driver::{Strided, product_in_place};
use crate::gemm::epilogue::Epilogue;
use crate::kernel::Kernel;

/// A run that allocates nothing, on one thread.
pub(super) struct InPlace<'r, E> {
    pub(super) conv: &'r Conv2d,
    pub(super) source: Source<'r>,
    pub(super) samples: usize,
    pub(super) filters: BitMatrixView<'r>,
    pub(super) kernel: &'static Kernel,
    pub(super) epilogue: &'r E,
}

impl<E: Epilogue> InPlace<'_, E> {
    pub(super) fn compute(
        &self,
        scratch: &mut [u64],
        out: Strided<'_, E::Elem>,
    ) -> Result<(), Error> {
        if self.conv.is_depthwise() {
            self.depthwise(scratch, out)
        } else {
            self.groups(scratch, out)
        }
    }

    fn groups(&self, scratch: &mut [u64], mut out: Strided<'_, E::Elem>) -> Result<(), Error> {
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
            with_samples(&patches, self.samples, |a| {
                let columns = columns_of(conv, group);
                let all = 0..self.samples;
                product_in_place(scratch, a, all, &weights, &columns, self.epilogue, &mut out);
            });
        }
        Ok(())
    }

    fn depthwise(&self, scratch: &mut [u64], mut out: Strided<'_, E::Elem>) -> Result<(), Error> {
        let words = depthwise::words(self.conv)?;
        let (arranged, sums) = scratch.split_at_mut_checked(words).unwrap_or_default();
        depthwise::arrange(self.conv, self.filters, arranged);
        let sums: &mut [i32] = bytemuck::cast_slice_mut(sums);
        let sums = sums.get_mut(..depthwise::sums_len(self.conv));
        let depthwise = Depthwise {
            conv: self.conv,
            source: self.source,
            #[cfg(feature = "alloc")]
            samples: self.samples,
            filters: arranged,
            kernel: self.kernel,
            epilogue: self.epilogue,
        };
        depthwise.part_in(sums.unwrap_or_default(), 0..self.samples, &mut out);
        Ok(())
    }
}
