//! Products with canonical weights, a sample at a time and in registers: what firmware runs. Little code, a
//! small stack, no allocator.

use core::ops::Range;

use super::driver::{Columns, OutputRows, Product};
use super::epilogue::Epilogue;
use super::samples::Samples;
use super::weights::Resolved;
use crate::kernel::{NR, Sums};

/// Where sums go: those of a sample with weight rows from the one of that number on, at most `NR` of them.
type Finish<'f> = &'f mut dyn FnMut(usize, usize, &[i32]);

impl<E: Epilogue> Product<'_, E> {
    /// Computes the outputs `columns` of the samples `range` with canonical weights.
    pub(crate) fn part_in_place(
        &self,
        range: Range<usize>,
        columns: &Columns,
        out: &mut impl OutputRows<E::Elem>,
    ) {
        let start = range.start;
        if E::sums(&mut []).is_some() && self.a.are_packed_signs() {
            // Nothing is to be done with these sums: a row of them is computed where it is to be.
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
        // Handed over by reference, so that the loops exist once and not for every epilogue.
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
    // Every sum that is used is written before.
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
