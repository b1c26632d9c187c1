//! The rows of a block of samples: in place, or written to memory of the product's.

use core::ops::Range;

use super::floats::FloatRows;
use super::gather::Gather;
use super::samples::{Samples, Source};
use crate::kernel::{Kernel, Sums};
use crate::shape::row_words;

impl<'a> Samples<'a> {
    pub(crate) fn of_floats(floats: FloatRows<'a>) -> Self {
        Self {
            samples: floats.rows(),
            cols: floats.cols(),
            depth: None,
            rows: Source::Floats(floats),
        }
    }

    /// `samples` samples, each of the rows that [`Planes`](crate::planes::Planes) of `depth` would
    /// have, or of one row of signs.
    pub(crate) fn of_gathered(
        rows: &'a dyn Gather,
        samples: usize,
        cols: usize,
        depth: Option<usize>,
    ) -> Self {
        Self {
            samples,
            cols,
            depth,
            rows: Source::Gathered(rows),
        }
    }

    /// Words of room per sample that [`Samples::rows`] needs: 0 if the rows are packed already.
    pub(crate) fn room_words(&self) -> usize {
        match self.rows {
            Source::Packed(_) => 0,
            Source::Floats(_) => self.sample_words(),
            Source::Gathered(_) => self.sample_words(),
        }
    }

    /// Completes the sums of the samples `range` with the weight rows from `first` on.
    pub(crate) fn correct(&self, range: Range<usize>, first: usize, sums: &mut [Sums]) {
        if let Source::Gathered(rows) = self.rows {
            rows.correct(range, first, sums);
        }
    }

    /// The rows of the samples `range`, one after the other: in place, or written to `room` with
    /// the functions of `kernel`.
    pub(crate) fn rows<'s>(
        &'s self,
        range: Range<usize>,
        kernel: &Kernel,
        room: &'s mut [u64],
    ) -> &'s [u64] {
        let words = range.len() * self.sample_words();
        match self.rows {
            Source::Packed(all) => {
                let from = range.start * self.sample_words();
                all.get(from..from + words).unwrap_or_default()
            }
            Source::Floats(FloatRows { x, stride, .. }) => {
                let room = room.get_mut(..words).unwrap_or_default();
                let x = x.get(range.start * stride..).unwrap_or_default();
                let rows = room.chunks_exact_mut(row_words(self.cols));
                for (bits, x) in rows.zip(x.chunks(stride)) {
                    (kernel.packing().f32)(x.get(..self.cols).unwrap_or(x), bits);
                }
                room
            }
            Source::Gathered(rows) => {
                let room = room.get_mut(..words).unwrap_or_default();
                rows.gather(kernel, range, room);
                room
            }
        }
    }
}
