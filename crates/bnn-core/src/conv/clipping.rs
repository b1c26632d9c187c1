//! True zeros around an image. Where a window reaches out of it, its bits are 0, as if the padding were
//! `-1`; what is missing to 0 is then the sum of the weights of the taps outside:
//! `sum over inside of w * x = (sum over inside of w * x + sum over outside of w * -1) + sum over outside of w`.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::ops::Range;

#[cfg(feature = "alloc")]
use super::axis::Axis;
use super::geometry::{Conv2d, PadValue};
use super::window::{Line, lines};
use crate::bits::BitMatrixView;
#[cfg(feature = "alloc")]
use crate::error::Error;
use crate::kernel::Sums;
use crate::shape::WORD;
#[cfg(feature = "alloc")]
use crate::shape::{matrix_words, mul};

/// What is added to the sums of clipped windows.
#[derive(Clone, Copy)]
pub(super) enum Clipping<'a> {
    /// Nothing.
    Free,
    /// What was summed when filters were packed.
    #[cfg(feature = "alloc")]
    Table(&'a ClipTable),
    /// What is summed on the way, from all filters.
    Filters(BitMatrixView<'a>),
}

/// Whether sums need to be corrected: for zeros among bits.
pub(super) fn is_needed(conv: &Conv2d, depth: Option<usize>) -> bool {
    depth.is_none() && conv.pad_value() == PadValue::Zero && conv.is_clipped()
}

impl Clipping<'_> {
    /// Completes the sums of the windows `range` with the filters from `first` on.
    pub(super) fn correct(
        &self,
        conv: &Conv2d,
        range: Range<usize>,
        first: usize,
        sums: &mut [Sums],
    ) {
        if let Clipping::Free = self {
            return;
        }
        let mut rest = sums;
        for line in lines(conv, range) {
            let sums;
            (sums, rest) = rest
                .split_at_mut_checked(line.stops.len())
                .unwrap_or_default();
            let clipped_rows = line.rows.len() < conv.y.kernel;
            let whole = match clipped_rows {
                true => line.stops.start..line.stops.start,
                false => line.whole(&conv.x),
            };
            for ox in (line.stops.start..whole.start).chain(whole.end..line.stops.end) {
                if let Some(sums) = sums.get_mut(ox - line.stops.start) {
                    self.complete(conv, &line, ox, first, sums);
                }
            }
        }
    }

    /// Completes the sums of a clipped window.
    fn complete(&self, conv: &Conv2d, line: &Line, ox: usize, first: usize, sums: &mut Sums) {
        match self {
            Clipping::Free => {}
            #[cfg(feature = "alloc")]
            Clipping::Table(table) => {
                let missing = table.row(line.oy, ox).get(first..);
                for (sum, missing) in sums.0.iter_mut().zip(missing.unwrap_or_default()) {
                    // Wrapping: lanes past a group's last filter hold anything.
                    *sum = sum.wrapping_add(*missing);
                }
            }
            Clipping::Filters(filters) => {
                let cols = conv.x.inside(ox);
                for (filter, sum) in filters.iter_rows().skip(first).zip(&mut sums.0) {
                    *sum = sum.wrapping_add(sum_outside(conv, filter, &line.rows, &cols));
                }
            }
        }
    }
}

/// The sum of a filter's weights outside the taps `ky` x `kx`.
fn sum_outside(conv: &Conv2d, filter: &[u64], ky: &Range<usize>, kx: &Range<usize>) -> i32 {
    let channels = conv.group_channels();
    let weights =
        |taps: Range<usize>| sum_weights(filter, taps.start * channels..taps.end * channels);
    let inside = ky.clone().map(|ky| {
        let line = ky * conv.x.kernel;
        weights(line + kx.start..line + kx.end)
    });
    weights(0..conv.taps()) - inside.sum::<i32>()
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

/// The sums of the weights outside, for every way in which a window is clipped and every filter.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClipTable {
    /// For each stop on an axis the way in which it is clipped there.
    y: Vec<usize>,
    x: Vec<usize>,
    /// Ways on the horizontal axis.
    ways: usize,
    filters: usize,
    /// `[vertical way][horizontal way][filter]`.
    sums: Vec<i32>,
}

#[cfg(feature = "alloc")]
impl ClipTable {
    pub(super) fn new(conv: &Conv2d, filters: BitMatrixView<'_>) -> Result<Self, Error> {
        let (y, ky) = ways(&conv.y);
        let (x, kx) = ways(&conv.x);
        // A word more than a sum takes, so that the bytes fit too.
        let rows = mul("clipped windows", ky.len(), kx.len())?;
        let len = matrix_words(rows, mul("sums of clipped windows", filters.rows(), WORD)?)?;
        let mut sums = Vec::with_capacity(len);
        for ky in &ky {
            for kx in &kx {
                let rows = filters.iter_rows();
                sums.extend(rows.map(|filter| sum_outside(conv, filter, ky, kx)));
            }
        }
        Ok(Self {
            y,
            x,
            ways: kx.len(),
            filters: filters.rows(),
            sums,
        })
    }

    /// What the sums of all filters lack at output pixel `(oy, ox)`.
    fn row(&self, oy: usize, ox: usize) -> &[i32] {
        let (Some(y), Some(x)) = (self.y.get(oy), self.x.get(ox)) else {
            return &[];
        };
        let row = (y * self.ways + x) * self.filters;
        self.sums.get(row..row + self.filters).unwrap_or_default()
    }
}

/// The ways in which the window is clipped at its stops, and for each stop which one it is. Stops of one
/// way follow each other, since both ends of the taps inside only ever move down.
#[cfg(feature = "alloc")]
fn ways(axis: &Axis) -> (Vec<usize>, Vec<Range<usize>>) {
    let mut ways: Vec<Range<usize>> = Vec::new();
    let stops = (0..axis.output).map(|o| {
        let inside = axis.inside(o);
        if ways.last() != Some(&inside) {
            ways.push(inside);
        }
        ways.len() - 1
    });
    (stops.collect(), ways)
}
