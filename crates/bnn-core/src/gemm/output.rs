//! Outputs of which any part can be computed by itself, and where a part is written.

use core::ops::Range;

use super::epilogue::Tile;

/// Which outputs of each sample a call computes, and where they go.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// Weight rows to multiply with. Starts on a panel.
    pub(crate) rows: Range<usize>,
    /// The output column of weight row 0.
    pub(crate) first: usize,
    /// The output column at which the written rows begin.
    pub(crate) origin: usize,
}

impl Columns {
    /// All `n` outputs of whole rows.
    pub(crate) fn all(n: usize) -> Self {
        Self {
            rows: 0..n,
            first: 0,
            origin: 0,
        }
    }
}

/// Outputs `[m, n]` of which any part can be computed by itself.
pub(crate) trait TiledOutput: Sync {
    /// An element of the output.
    type Elem: Copy + Send;

    /// `[m, n]`.
    fn shape(&self) -> [usize; 2];

    /// How to cut the outputs.
    fn grain(&self) -> Grain;

    /// Computes the outputs `columns` of the samples `range`.
    fn part(&self, range: Range<usize>, columns: &Columns, out: &mut impl OutputRows<Self::Elem>);
}

/// How to cut a [`TiledOutput`] for several threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grain {
    /// Word products in all.
    pub(crate) work: usize,
    /// Samples that are computed together.
    pub(crate) samples: usize,
    /// Output columns in an element; `None` if a row must not be cut.
    pub(crate) columns: Option<usize>,
}

/// Where a thread writes: its columns of its samples.
pub(crate) trait OutputRows<T> {
    fn row(&mut self, sample: usize) -> Option<&mut [T]>;

    /// The rows from a sample on, and how far apart they are, where they are whole.
    fn rows_from(&mut self, _sample: usize) -> Option<(&mut [T], usize)> {
        None
    }

    /// What takes tiles of sums in the place of rows.
    fn sink(&mut self) -> Option<&mut dyn TileSink> {
        None
    }
}

/// Takes the sums of a product tile by tile, and writes what it makes of them itself: tensors of
/// several types, for example.
pub(crate) trait TileSink {
    /// Takes a tile. The columns of a sample come in order.
    fn take(&mut self, tile: &Tile<'_>);
}

/// Whole rows, `stride` elements apart.
pub(crate) struct Strided<'c, T> {
    pub(crate) c: &'c mut [T],
    pub(crate) stride: usize,
}

impl<T> OutputRows<T> for Strided<'_, T> {
    fn row(&mut self, sample: usize) -> Option<&mut [T]> {
        self.c.get_mut(sample * self.stride..)
    }

    fn rows_from(&mut self, sample: usize) -> Option<(&mut [T], usize)> {
        let stride = self.stride;
        self.row(sample).map(|rows| (rows, stride))
    }
}
