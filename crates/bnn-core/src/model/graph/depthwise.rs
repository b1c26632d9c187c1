//! Products of fixed-point numbers with bytes where each channel has a filter of its own, exact in
//! `i32`: tap after tap, all channels of some windows side by side.

use super::ending::Ending;
use super::node::NodeParts;
use super::tensor::{RowMut, RowNumbers};
use super::windowed::WindowRow;
use crate::kernel::{SUMS, WINDOWS, add_each_product};
use crate::shape::positive;

/// Whether the filters of a product of fixed-point numbers with bytes are for single channels.
pub(super) fn is_depthwise(node: &NodeParts<'_>) -> bool {
    let groups = node.record.groups.into();
    groups > 1 && node.input.channels == groups && node.record.channels == groups
}

/// Weights of a tap, on words.
#[repr(align(4))]
struct OfTap([i16; SUMS]);

/// Computes a row of products. (Apart, for its memory on the stack.)
#[inline(never)]
pub(super) fn of_channels(
    node: &NodeParts<'_>,
    row: &WindowRow<'_>,
    weights: &[i8],
    ending: &Ending<'_>,
    out: &mut RowMut<'_>,
) {
    let all = node.record.channels as usize;
    let k = positive(node.row_len());
    let width = row.windows.x.output;
    let mut sums = [[0; SUMS]; WINDOWS];
    // Loops count by hand: `step_by` divides, which small cores do slowly.
    let mut ox = 0;
    while ox < width {
        let end = width.min(ox + WINDOWS);
        let mut first = 0;
        while first < all {
            let outputs = SUMS.min(all - first);
            let weights = weights.get(first * k..(first + outputs) * k);
            let sums = sums.get_mut(..end - ox).unwrap_or_default();
            sums.as_flattened_mut().fill(0);
            let filters = Filters {
                weights: weights.unwrap_or_default(),
                k,
                first,
                all,
            };
            filters.add_products(row, ox, sums);
            for (pixel, sums) in (ox..end).zip(&*sums) {
                ending.put(sums.get(..outputs).unwrap_or_default(), pixel, first, out);
            }
            first += outputs;
        }
        ox = end;
    }
}

/// Filters of `k` weights each, for the channels from `first` on, of `all`.
struct Filters<'w> {
    weights: &'w [i8],
    k: usize,
    first: usize,
    all: usize,
}

impl Filters<'_> {
    /// Adds what windows from `from` on give to their sums.
    fn add_products(&self, row: &WindowRow<'_>, from: usize, sums: &mut [[i32; SUMS]]) {
        let (y, x) = (&row.windows.y, &row.windows.x);
        let step = x.stride * self.all;
        let mut of_tap = OfTap([0; SUMS]);
        for ky in y.inside(row.y) {
            let RowNumbers::Fixed(pixels) = row.rows.row(y.pixel(row.y, ky)) else {
                return; // `open` has refused it
            };
            for kx in 0..x.kernel {
                let mut count = 0;
                for (to, filter) in of_tap.0.iter_mut().zip(self.weights.chunks_exact(self.k)) {
                    let w = filter.get(ky * x.kernel + kx).copied();
                    (*to, count) = (w.unwrap_or_default().into(), count + 1);
                }
                // The windows whose tap is not in the padding follow one another.
                let tap = |i: usize| (from + i) * x.stride + kx * x.dilation;
                let (mut begin, mut end) = (0, sums.len());
                while begin < end && tap(begin) < x.before {
                    begin += 1;
                }
                while begin < end && tap(end - 1) >= x.before + x.input {
                    end -= 1;
                }
                let at = tap(begin).saturating_sub(x.before) * self.all + self.first;
                let pixels = pixels.get(at..).unwrap_or_default();
                let of_tap = of_tap.0.get(..count).unwrap_or_default();
                add_each_product(
                    sums.get_mut(begin..end).unwrap_or_default(),
                    pixels,
                    step,
                    of_tap,
                );
            }
        }
    }
}
