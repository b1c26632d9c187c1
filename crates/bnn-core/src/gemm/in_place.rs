//! In the place of `driver` without an allocator: products with canonical weights, a sample at a
//! time and in registers. It is what firmware runs: little code, and a small stack.

use core::ops::Range;

use super::Activations;
use super::epilogue::TileEpilogue;
use super::output::{Columns, OutputRows, Strided, TiledOutput};
use super::product::Product;
use super::samples::{Samples, Source};
use super::weights::{Resolved, Storage, Weights};
use crate::error::Error;
use crate::kernel::{Kernel, NR};

/// Takes the sums of a sample: its number, the number of the first weight row, and at most `NR`
/// sums.
type Finish<'f> = &'f mut dyn FnMut(usize, usize, &[i32]);

/// Computes the whole product. `c` has room for it, `stride` elements for each sample, and the
/// epilogue has parameters for all outputs.
pub(crate) fn compute<E: TileEpilogue>(
    a: &Samples<'_>,
    w: &Resolved<'_>,
    epilogue: &E,
    c: &mut [E::Elem],
    stride: usize,
) {
    let outputs = Product { a, w, epilogue };
    let [m, n] = outputs.shape();
    outputs.part(0..m, &Columns::all(n), &mut Strided { c, stride });
}

impl<E: TileEpilogue> Product<'_, E> {
    /// Computes the outputs `columns` of the samples `range` with canonical weights.
    pub(super) fn compute(
        &self,
        range: Range<usize>,
        columns: &Columns,
        out: &mut impl OutputRows<E::Elem>,
    ) {
        let start = range.start;
        if E::sums(&mut []).is_some() && self.a.are_packed_signs() {
            // The outputs are the sums themselves, so they are computed in place.
            let at = columns.first + columns.rows.start - columns.origin;
            for sample in range {
                let row = self.a.sample(sample);
                let sums = out.row(sample - start).and_then(E::sums);
                let sums = sums.and_then(|sums| sums.get_mut(at..at + columns.rows.len()));
                self.w
                    .sums(row, columns.rows.start, sums.unwrap_or_default());
            }
            return;
        }
        // Passed by reference, so that the loops exist once and not for every epilogue.
        let mut finish = |sample: usize, first: usize, sums: &[i32]| {
            let col = columns.first + first;
            if let Some(row) = out.row(sample - start) {
                self.epilogue.put(sums, col, row, col - columns.origin);
            }
        };
        multiply(self.a, self.w, range, &columns.rows, &mut finish);
    }
}

/// The sums of the samples `range` with the weight rows `outputs`, in order for each sample.
fn multiply(
    a: &Samples<'_>,
    w: &Resolved<'_>,
    range: Range<usize>,
    outputs: &Range<usize>,
    finish: Finish<'_>,
) {
    // Every sum is written before it is used.
    let mut sums = [0; NR];
    for sample in range {
        let rows = a.sample(sample);
        let mut first = outputs.start;
        while first < outputs.end {
            let used = NR.min(outputs.end - first);
            w.sums(rows, first, sums.get_mut(..used).unwrap_or_default());
            finish(sample, first, sums.get(..used).unwrap_or_default());
            first += used;
        }
    }
}

impl<'w> Weights<'w> {
    /// Chooses the kernel that multiplies any number of rows with these weights.
    pub(crate) fn resolve(self, _rows: usize) -> Result<Resolved<'w>, Error> {
        let kernel = match self.kernel {
            Some(kernel) => kernel,
            None => Kernel::active()?,
        };
        Ok(Resolved {
            weights: self,
            kernel,
        })
    }
}

impl<'w> Resolved<'w> {
    /// The rows of weights from `first` on, each of `words` words.
    pub(crate) fn canonical_rows(&self, first: usize, words: usize) -> &'w [u64] {
        let Storage::Canonical(weights) = self.weights.storage;
        weights.get(first * words..).unwrap_or_default()
    }
}

/// Without an allocator, all rows are packed.
impl<'a> Samples<'a> {
    /// The samples of a product's left side.
    pub(super) fn of(activations: Activations<'a>) -> Self {
        match activations {
            Activations::Bits(bits) => Self::of_bits(bits),
            Activations::Planes(planes) => Self::of_planes(planes),
        }
    }

    /// Whether a sample is one row of signs, so that its products are the sums.
    fn are_packed_signs(&self) -> bool {
        self.depth.is_none() && matches!(self.rows, Source::Packed(_))
    }

    /// The rows of sample `sample`. Without an allocator all of them are packed.
    fn sample(&self, sample: usize) -> &'a [u64] {
        let Source::Packed(all) = self.rows;
        let words = self.sample_words();
        all.get(sample * words..(sample + 1) * words)
            .unwrap_or_default()
    }
}
