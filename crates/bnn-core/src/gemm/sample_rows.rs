//! The rows of a block of samples: in place, or written to memory of the product's.

use core::ops::Range;

use super::Activations;
use super::floats::FloatRows;
use super::gather::Gather;
use super::samples::{Samples, Source};
use crate::kernel::{Kernel, Sums};
use crate::shape::row_words;

/// The source of rows that are written block by block.
#[derive(Clone, Copy)]
pub(super) enum Written<'a> {
    /// Floats, whose signs are still to be packed.
    Floats(FloatRows<'a>),
    Gathered(&'a dyn Gather),
}

impl<'a> Samples<'a> {
    /// The samples of a product's left side.
    pub(super) fn of(activations: Activations<'a>) -> Self {
        match activations {
            Activations::Bits(bits) => Self::of_bits(bits),
            Activations::Planes(planes) => Self::of_planes(planes),
            Activations::Floats(floats) => Self::of_floats(floats),
        }
    }

    pub(crate) fn of_floats(floats: FloatRows<'a>) -> Self {
        Self {
            samples: floats.rows(),
            cols: floats.cols(),
            depth: None,
            rows: Source::Written(Written::Floats(floats)),
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
            rows: Source::Written(Written::Gathered(rows)),
        }
    }

    /// Words of room per sample that [`Samples::rows`] needs: 0 if the rows are packed already.
    pub(crate) fn room_words(&self) -> usize {
        match self.rows {
            Source::Packed(_) => 0,
            Source::Written(_) => self.sample_words(),
        }
    }

    /// Completes the sums of the samples `range` with the weight rows from `first` on.
    pub(crate) fn correct(&self, range: Range<usize>, first: usize, sums: &mut [Sums]) {
        if let Source::Written(Written::Gathered(rows)) = self.rows {
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
            Source::Written(written) => {
                let room = room.get_mut(..words).unwrap_or_default();
                self.write(written, range, kernel, room);
                room
            }
        }
    }

    /// Writes the rows of the samples `range`: all of `room`.
    fn write(&self, from: Written<'_>, range: Range<usize>, kernel: &Kernel, room: &mut [u64]) {
        match from {
            Written::Floats(FloatRows { x, stride, .. }) => {
                let x = x.get(range.start * stride..).unwrap_or_default();
                let rows = room.chunks_exact_mut(row_words(self.cols));
                for (bits, x) in rows.zip(x.chunks(stride)) {
                    (kernel.packing().f32)(x.get(..self.cols).unwrap_or(x), bits);
                }
            }
            Written::Gathered(rows) => rows.gather(kernel, range, room),
        }
    }
}
