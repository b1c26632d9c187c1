//! Products with canonical weights, a sample at a time and in registers: what firmware runs. Little
//! code, a small stack, no allocator.

use core::ops::Range;

use super::epilogue::Epilogue;
use super::output::{Columns, OutputRows};
use super::product::Product;
use super::samples::{Samples, Source};
use super::weights::Resolved;
use crate::kernel::{NR, Sums};

/// Takes the sums of a sample: its number, the number of the first weight row, and at most `NR`
/// sums.
type Finish<'f> = &'f mut dyn FnMut(usize, usize, &[i32]);

impl<E: Epilogue> Product<'_, E> {
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
    let mut sums = Sums([0; NR]);
    for sample in range {
        let rows = a.sample(sample);
        let mut first = outputs.start;
        while first < outputs.end {
            let used = NR.min(outputs.end - first);
            w.sums(rows, first, sums.0.get_mut(..used).unwrap_or_default());
            finish(sample, first, sums.0.get(..used).unwrap_or_default());
            first += used;
        }
    }
}

/// Without an allocator, all rows are packed.
impl<'a> Samples<'a> {
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
