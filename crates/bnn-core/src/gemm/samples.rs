//! The left side of a product as the driver sees it: samples, each of one row of packed words or of
//! several, that lie somewhere already or are written when their turn comes.

#[cfg(feature = "alloc")]
use core::ops::Range;

#[cfg(feature = "alloc")]
use super::floats::FloatRows;
use crate::bits::BitMatrixView;
#[cfg(feature = "alloc")]
use crate::kernel::{Kernel, Sums};
use crate::planes::{Planes, most};
use crate::shape::row_words;

/// Rows that are written when their turn comes.
#[cfg(feature = "alloc")]
pub(crate) trait Gather: Sync {
    /// Writes the rows of the samples `range`, one after the other: every word of `room`.
    fn gather(&self, kernel: &Kernel, range: Range<usize>, room: &mut [u64]);

    /// Adds to the sums of the samples `range` with the weight rows from `first` on what the rows
    /// themselves cannot say. Sums past the last weight row mean nothing.
    fn correct(&self, range: Range<usize>, first: usize, sums: &mut [Sums]);
}

/// The left side of a product.
#[derive(Clone, Copy)]
pub(crate) struct Samples<'a> {
    samples: usize,
    /// Elements per row.
    cols: usize,
    /// `None`: a sample is a row of signs. Else unsigned integers of so many bits: a row of zeros and
    /// a row per bit plane (see [`Planes`]).
    depth: Option<usize>,
    rows: Source<'a>,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    /// Packed, one after the other.
    Packed(&'a [u64]),
    /// Signs still to be taken.
    #[cfg(feature = "alloc")]
    Floats(FloatRows<'a>),
    #[cfg(feature = "alloc")]
    Gathered(&'a dyn Gather),
}

impl<'a> Samples<'a> {
    pub(crate) fn of_bits(bits: BitMatrixView<'a>) -> Self {
        Self {
            samples: bits.rows(),
            cols: bits.cols(),
            depth: None,
            rows: Source::Packed(bits.words()),
        }
    }

    pub(crate) fn of_planes(planes: Planes<'a>) -> Self {
        Self {
            samples: planes.rows(),
            cols: planes.cols(),
            depth: Some(planes.depth()),
            rows: Source::Packed(planes.bits()),
        }
    }

    /// Number of samples, `m`.
    pub(crate) fn len(&self) -> usize {
        self.samples
    }

    /// Elements per row, `k`.
    pub(crate) fn cols(&self) -> usize {
        self.cols
    }

    /// The largest magnitude of an element.
    pub(crate) fn most(&self) -> usize {
        self.depth.map_or(1, most)
    }

    /// Rows of words per sample.
    pub(crate) fn rows_per_sample(&self) -> usize {
        self.depth.map_or(1, |depth| depth + 1)
    }

    /// Words per sample.
    pub(crate) fn sample_words(&self) -> usize {
        self.rows_per_sample() * row_words(self.cols)
    }
}

/// Without an allocator, all rows are packed.
#[cfg(not(feature = "alloc"))]
impl<'a> Samples<'a> {
    /// Whether a sample is a row of signs that lies packed: its sums are the products of it.
    pub(super) fn are_packed_signs(&self) -> bool {
        self.depth.is_none() && matches!(self.rows, Source::Packed(_))
    }

    /// The rows of sample `sample`. Without an allocator all of them lie packed.
    pub(super) fn sample(&self, sample: usize) -> &'a [u64] {
        let Source::Packed(all) = self.rows;
        let words = self.sample_words();
        all.get(sample * words..(sample + 1) * words)
            .unwrap_or_default()
    }
}

#[cfg(feature = "alloc")]
impl<'a> Samples<'a> {
    pub(crate) fn of_floats(floats: FloatRows<'a>) -> Self {
        Self {
            samples: floats.rows(),
            cols: floats.cols(),
            depth: None,
            rows: Source::Floats(floats),
        }
    }

    /// `samples` samples, each of the rows that [`Planes`] of `depth` would have, or of one row of signs.
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

    /// Words of room per sample that [`Samples::rows`] wants: 0 where the rows are packed already.
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

    /// The rows of the samples `range`, one after the other, in place or written to `room` by the means
    /// of `kernel`.
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
