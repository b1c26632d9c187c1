//! Products of integers with bytes, exact in `i32`: what lies under some windows of a row is laid
//! out, a part of it at a time, and multiplied with all filters of a group.

use core::ops::Range;

use super::ending::Ending;
use super::node::NodeParts;
use super::rows::copy;
use super::tensor::{RowMut, RowNumbers};
use super::windowed::WindowRow;
use crate::kernel::{IntegerWindows, LEN, SUMS, WINDOWS, add_products};
use crate::shape::positive;

/// Computes a row of products. (Apart, for its memory on the stack. Loops count by hand: `step_by`
/// divides, which small cores do slowly.)
#[inline(never)]
pub(super) fn of_integers(
    node: &NodeParts<'_>,
    row: &WindowRow<'_>,
    weights: &[i8],
    ending: &Ending<'_>,
    out: &mut RowMut<'_>,
) {
    let groups = positive(node.record.groups.into());
    let all = node.input.channels as usize;
    let (channels, n) = match groups {
        1 => (all, node.record.channels as usize),
        _ => (all / groups, node.record.channels as usize / groups),
    };
    let x = &row.windows.x;
    let line = x.kernel * channels;
    // Windows overlap in memory as they do on the image, if that is shorter than one by one.
    let step = x.stride * channels;
    let overlap = groups == 1 && x.dilation == 1 && step <= line && line >= SHORT && WINDOWS > 1;
    let k = node.row_len();
    let step = if overlap {
        step
    } else {
        k.min(LEN).next_multiple_of(2)
    };
    let mut windows = IntegerWindows::new(step);
    let at_once = windows.most();
    let mut products = Products {
        row,
        all,
        channels: [0, channels],
        pixels: 0..0,
        weights,
        k,
        windows: &mut windows,
        sums: &mut [[0; SUMS]; WINDOWS],
        outputs: 0,
    };
    while products.pixels.end < x.output {
        let ox = products.pixels.end;
        products.pixels = ox..x.output.min(ox + at_once);
        for group in 0..groups {
            products.channels[0] = group * channels;
            let (mut first, end) = (group * n, (group + 1) * n);
            while first < end {
                products.outputs = SUMS.min(end - first);
                products.weights = weights.get(first * k..).unwrap_or_default();
                products.clear();
                match overlap {
                    true => products.overlapping(),
                    false => products.one_by_one(),
                }
                for (pixel, sums) in products.pixels.clone().zip(&*products.sums) {
                    let sums = sums.get(..products.outputs).unwrap_or_default();
                    ending.put(sums, pixel, first, out);
                }
                first += products.outputs;
            }
        }
    }
}

/// Lines of a filter that are shorter than this are laid out together.
const SHORT: usize = 8;

/// Products of some windows with some filters, on their way to the sums.
struct Products<'r> {
    row: &'r WindowRow<'r>,
    /// Channels of a pixel, the first of those that filters take, and how many they take.
    all: usize,
    channels: [usize; 2],
    /// The windows.
    pixels: Range<usize>,
    /// The filters, of `k` elements each.
    weights: &'r [i8],
    k: usize,
    windows: &'r mut IntegerWindows,
    sums: &'r mut [[i32; SUMS]; WINDOWS],
    outputs: usize,
}

impl Products<'_> {
    /// Of windows that overlap: line after line of the filters.
    fn overlapping(&mut self) {
        let (y, x) = (&self.row.windows.y, &self.row.windows.x);
        let line = x.kernel * self.all;
        for ky in y.inside(self.row.y) {
            let numbers = self.row.rows.row(y.pixel(self.row.y, ky));
            let mut begin = 0;
            while begin < line {
                let len = LEN.min(line - begin);
                let at = self.pixels.start * self.windows.step() + begin;
                let to = self.windows.place(self.pixels.len(), len);
                take(numbers, at, [x.before, x.input].map(|n| n * self.all), to);
                self.multiply(ky * line + begin);
                begin += len;
            }
        }
    }

    /// Of windows one by one: part after part of the filters.
    fn one_by_one(&mut self) {
        let mut begin = 0;
        while begin < self.k {
            let elements = begin..self.k.min(begin + LEN);
            let (count, step) = (self.pixels.len(), self.windows.step());
            let mut rest = self.windows.place(count, elements.len());
            for ox in self.pixels.clone() {
                let window = rest.split_at_mut_checked(step.min(rest.len()));
                let (to, others) = window.unwrap_or_default();
                gather(self.row, ox, self.channels, self.all, &elements, to);
                rest = others;
            }
            self.multiply(begin);
            begin = elements.end;
        }
    }

    fn clear(&mut self) {
        let used = self.sums.get_mut(..self.pixels.len()).unwrap_or_default();
        // Of several windows all at once, for each loop has its cost.
        let len = if WINDOWS > 1 {
            used.len() * SUMS
        } else {
            self.outputs
        };
        let sums = used.as_flattened_mut().iter_mut().take(len);
        sums.for_each(|sum| *sum = 0);
    }

    /// Adds the products with the elements of filters from `begin` on.
    fn multiply(&mut self, begin: usize) {
        let weights = self.weights.get(begin..).unwrap_or_default();
        let (k, outputs) = (self.k, self.outputs);
        add_products(self.windows, weights, k, self.sums, outputs);
    }
}

/// Takes those elements of a filter that lie under window `ox`, of each pixel some channels of
/// `all`.
fn gather(
    row: &WindowRow<'_>,
    ox: usize,
    [channel, channels]: [usize; 2],
    all: usize,
    elements: &Range<usize>,
    to: &mut [i16],
) {
    let (y, x) = (&row.windows.y, &row.windows.x);
    let rows = y.inside(row.y);
    // Pixels that follow each other are taken together.
    let run = match x.dilation == 1 && channels == all {
        true => x.kernel,
        false => 1,
    };
    let mut rest = to;
    let mut at = 0;
    for ky in 0..y.kernel {
        let numbers = match rows.contains(&ky) {
            true => row.rows.row(y.pixel(row.y, ky)),
            false => RowNumbers::Bits(&[]),
        };
        let mut kx = 0;
        while kx < x.kernel {
            let end = at + run * channels;
            let skipped = elements.start.saturating_sub(at);
            let len = end.min(elements.end).saturating_sub(at + skipped);
            at = end;
            if len > 0 {
                let (to, after) = core::mem::take(&mut rest)
                    .split_at_mut_checked(len)
                    .unwrap_or_default();
                let from = (ox * x.stride + kx * x.dilation) * all + channel + skipped;
                take(numbers, from, [x.before, x.input].map(|n| n * all), to);
                rest = after;
            }
            kx += run;
        }
    }
}

/// Takes numbers of a row of `input` elements from `at` on, counted from `before` elements of
/// padding; zeros outside, and of what are no integers.
#[inline(never)]
fn take(numbers: RowNumbers<'_>, at: usize, [before, input]: [usize; 2], to: &mut [i16]) {
    let zeros = before.saturating_sub(at).min(to.len());
    let from = (at + zeros).saturating_sub(before);
    let inside = input.saturating_sub(from).min(to.len() - zeros);
    let (left, rest) = to.split_at_mut_checked(zeros).unwrap_or_default();
    let (to, right) = rest.split_at_mut_checked(inside).unwrap_or_default();
    for zeros in [left, right] {
        zeros.iter_mut().for_each(|to| *to = 0);
    }
    let range = from..from + inside;
    match numbers {
        RowNumbers::Bytes(x) => {
            let x = x.get(range).unwrap_or_default();
            to.iter_mut().zip(x).for_each(|(to, x)| *to = (*x).into());
        }
        RowNumbers::Fixed(x) => copy(x.get(range).unwrap_or_default(), to),
        _ => to.iter_mut().for_each(|to| *to = 0),
    }
}
