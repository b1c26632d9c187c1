//! True zeros around an image. The taps outside the image are gathered as bits 0, as if the padding
//! were `-1`. Adding the sum of their weights corrects the result: `sum over inside of w * x = (sum
//! over inside of w * x + sum over outside of w * -1) + sum over outside of w`.

use alloc::vec::Vec;
use core::ops::Range;

use crate::bits::BitMatrixView;
use crate::conv::geometry::{Conv2d, PadValue};
use crate::error::Error;
use crate::kernel::Sums;
use crate::memory;
use crate::shape::{WORD, matrix_words, mul};
use crate::window::{Axis, Windows, lines};

/// Whether sums need a correction: images of bits with zeros around them.
pub(super) fn is_needed(conv: &Conv2d, depth: Option<usize>) -> bool {
    depth.is_none() && conv.pad_value() == PadValue::Zero && conv.windows().is_clipped()
}

/// The sum of the weights `range` of a filter.
fn sum_weights(filter: &[u64], range: Range<usize>) -> i32 {
    let mut plus = 0;
    let mut at = range.start;
    while at < range.end {
        let (w, shift) = (at / WORD, at % WORD);
        let bits = (WORD - shift).min(range.end - at);
        let word = filter.get(w).copied().unwrap_or_default() >> shift;
        plus += (word << (WORD - bits)).count_ones();
        at += bits;
    }
    // A filter has at most i32::MAX weights.
    (2 * plus).wrapping_sub(range.len() as u32).cast_signed()
}

/// The sums of the weights outside the image, for each way in which a window can be clipped and
/// each filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClipTable {
    y: Ways,
    x: Ways,
    filters: usize,
    /// `[vertical way][horizontal way][filter]`.
    sums: Vec<i32>,
}

impl ClipTable {
    /// Bytes of the sums.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.sums[..])
    }

    pub(super) fn new(conv: &Conv2d, filters: BitMatrixView<'_>) -> Result<Self, Error> {
        let Windows { y, x } = conv.windows();
        let (y, x) = (Ways::new(y), Ways::new(x));
        let rows = mul("clipped windows", y.0.len(), x.0.len())?;
        // Checked as words, which are larger than sums, so that the bytes fit too.
        let row_bits = mul("sums of clipped windows", filters.rows(), WORD)?;
        let mut sums = memory::zeros(matrix_words(rows, row_bits)?)?;
        let mut table = TapSums::new(conv.windows().kernel())?;
        for (f, filter) in filters.iter_rows().enumerate() {
            table.fill(conv, filter);
            let column = sums.iter_mut().skip(f).step_by(filters.rows());
            let ways = y.0.iter().flat_map(|y| x.0.iter().map(move |x| (y, x)));
            for (sum, (y, x)) in column.zip(ways) {
                *sum = table.outside(&y.taps, &x.taps);
            }
        }
        Ok(Self {
            y,
            x,
            filters: filters.rows(),
            sums,
        })
    }

    /// Corrects the sums of the windows `range` with the filters from `first` on.
    pub(super) fn correct(
        &self,
        windows: &Windows,
        range: Range<usize>,
        first: usize,
        sums: &mut [Sums],
    ) {
        let mut rest = sums;
        for line in lines(windows, range) {
            let sums;
            (sums, rest) = rest
                .split_at_mut_checked(line.stops.len())
                .unwrap_or_default();
            let clipped_rows = line.rows.len() < windows.y.kernel;
            let whole = match clipped_rows {
                true => line.stops.start..line.stops.start,
                false => line.whole(&windows.x),
            };
            for ox in (line.stops.start..whole.start).chain(whole.end..line.stops.end) {
                let missing = self.row(line.oy, ox).get(first..).unwrap_or_default();
                if let Some(sums) = sums.get_mut(ox - line.stops.start) {
                    for (sum, missing) in sums.0.iter_mut().zip(missing) {
                        // Wrapping: lanes past a group's last filter hold anything.
                        *sum = sum.wrapping_add(*missing);
                    }
                }
            }
        }
    }

    /// The corrections of all filters at output pixel `(oy, ox)`.
    fn row(&self, oy: usize, ox: usize) -> &[i32] {
        self.of_way(self.line(oy).at(ox) as usize)
    }

    /// How many ways there are.
    pub(super) fn ways(&self) -> usize {
        self.y.0.len() * self.x.0.len()
    }

    /// The corrections of all filters for windows that are clipped in this way.
    pub(super) fn of_way(&self, way: usize) -> &[i32] {
        let row = way * self.filters;
        self.sums.get(row..row + self.filters).unwrap_or_default()
    }

    /// The ways of a row of windows.
    pub(super) fn line(&self, oy: usize) -> LineWays<'_> {
        LineWays {
            first: self.y.at(oy) * self.x.0.len(),
            x: &self.x,
        }
    }
}

/// The ways in which the windows of a row are clipped.
pub(super) struct LineWays<'c> {
    first: usize,
    x: &'c Ways,
}

impl LineWays<'_> {
    /// The way of the window at a stop.
    pub(super) fn at(&self, ox: usize) -> u32 {
        self.number(self.x.at(ox))
    }

    /// The stops of the windows that are clipped in one way, and that way, from left to right.
    pub(super) fn runs(&self, stops: Range<usize>) -> impl Iterator<Item = (Range<usize>, u32)> {
        let ways = self.x.0.iter().enumerate();
        let ends = self.x.0.iter().skip(1).map(|way| way.first);
        let ways = ways.zip(ends.chain([usize::MAX]));
        ways.filter_map(move |((i, way), end)| {
            let stops = way.first.max(stops.start)..end.min(stops.end);
            (!stops.is_empty()).then(|| (stops, self.number(i)))
        })
    }

    fn number(&self, x: usize) -> u32 {
        // A table of the ways fits memory, with a row for each.
        (self.first + x) as u32
    }
}

/// The distinct ways in which windows are clipped along an axis, in the order of their stops. There
/// are at most `2 * kernel + 1` of them, however large image and padding are.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ways(Vec<Way>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Way {
    /// The first stop with these taps; the next way begins after the last one.
    first: usize,
    /// The taps inside the image.
    taps: Range<usize>,
}

impl Ways {
    fn new(axis: &Axis) -> Self {
        let mut ways = Vec::new();
        let mut first = 0;
        while first < axis.output {
            let taps = axis.inside(first);
            // As the window moves on, neither end of the taps inside moves up, so that equal ranges
            // are neighbours: bisect for the first stop of another range.
            let (mut same, mut end) = (first, axis.output);
            while end - same > 1 {
                let middle = same + (end - same) / 2;
                if axis.inside(middle) == taps {
                    same = middle;
                } else {
                    end = middle;
                }
            }
            ways.push(Way { first, taps });
            first = end;
        }
        Self(ways)
    }

    /// The number of the way at a stop.
    fn at(&self, stop: usize) -> usize {
        // The first way begins at stop 0.
        self.0.partition_point(|way| way.first <= stop) - 1
    }
}

/// The sums of a filter's weights in rectangles of taps: a summed-area table.
struct TapSums {
    /// Entries per row, one more than taps.
    width: usize,
    /// Entry `(y, x)` is the sum of the taps above and to the left of tap `(y, x)`.
    sums: Vec<i32>,
}

impl TapSums {
    fn new([height, width]: [usize; 2]) -> Result<Self, Error> {
        // No overflow: taps fit `i32`.
        let entries = (height + 1) * (width + 1);
        Ok(Self {
            width: width + 1,
            sums: memory::zeros(entries)?,
        })
    }

    fn fill(&mut self, conv: &Conv2d, filter: &[u64]) {
        let channels = conv.group_channels();
        let mut taps = (0..conv.windows().taps()).map(|tap| tap * channels..(tap + 1) * channels);
        for y in 1..=conv.windows().y.kernel {
            let mut row = 0;
            for (x, weights) in (1..self.width).zip(&mut taps) {
                row += sum_weights(filter, weights);
                self.sums[y * self.width + x] = self.sums[(y - 1) * self.width + x] + row;
            }
        }
    }

    /// The sum of the weights outside the taps `ky` x `kx`.
    fn outside(&self, ky: &Range<usize>, kx: &Range<usize>) -> i32 {
        let at = |y: usize, x: usize| self.sums[y * self.width + x];
        let last = self.sums.len() - 1;
        // Wrapping: the result fits, differences on the way to it need not.
        let inside = (at(ky.end, kx.end).wrapping_sub(at(ky.start, kx.end)))
            .wrapping_sub(at(ky.end, kx.start).wrapping_sub(at(ky.start, kx.start)));
        self.sums[last].wrapping_sub(inside)
    }
}

#[cfg(test)]
mod laws;
