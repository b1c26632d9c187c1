//! Products of integers with bytes, exact in `i32`: what lies under a window is gathered, some
//! elements at a time, and multiplied with all filters of a group.

use super::ending::Ending;
use super::node::NodeParts;
use super::tensor::{RowMut, RowNumbers};
use super::windowed::WindowRow;
use crate::kernel::add_products;
use crate::shape::positive;

/// Elements of a window that are multiplied together: a multiple of the four that small cores take
/// at once.
const ELEMENTS: usize = 32;
/// Outputs that are computed together.
const OUTPUTS: usize = 64;

/// Computes a row of products. (Apart, for its memory on the stack.)
#[inline(never)]
pub(super) fn of_integers(
    node: &NodeParts<'_>,
    row: &WindowRow<'_>,
    weights: &[i8],
    ending: &Ending<'_>,
    out: &mut RowMut<'_>,
) {
    let groups = positive(node.record.groups.into());
    let (all, n) = (
        node.input.channels as usize,
        node.record.channels as usize / groups,
    );
    let k = node.row_len();
    // Each element, and each sum, is written before it is used.
    let mut patch = Patch {
        elements: [0; ELEMENTS],
        len: 0,
        weights: &[],
        stride: k,
        sums: [0; OUTPUTS],
        outputs: 0,
    };
    for ox in 0..row.windows.x.output {
        let mut first = 0;
        for group in 0..groups {
            let end = (group + 1) * n;
            while first < end {
                patch.weights = weights.get(first * k..).unwrap_or_default();
                patch.outputs = OUTPUTS.min(end - first);
                patch.sums().fill(0);
                patch.gather(row, ox, [group * (all / groups), all / groups, all]);
                patch.multiply();
                ending.put(patch.sums(), ox, first, out);
                first += patch.outputs;
            }
        }
    }
}

/// Elements of a window on their way to the sums.
struct Patch<'w> {
    elements: [i16; ELEMENTS],
    len: usize,
    /// The weights of the elements, and from those of a sum to those of the next.
    weights: &'w [i8],
    stride: usize,
    sums: [i32; OUTPUTS],
    /// How many of the sums are in use.
    outputs: usize,
}

impl Patch<'_> {
    fn sums(&mut self) -> &mut [i32] {
        self.sums.get_mut(..self.outputs).unwrap_or_default()
    }

    /// Takes what lies under window `ox`: of each pixel the channels from `channel` on, `channels`
    /// of `all`.
    fn gather(&mut self, row: &WindowRow<'_>, ox: usize, [channel, channels, all]: [usize; 3]) {
        let (y, x) = (&row.windows.y, &row.windows.x);
        let (rows, cols) = (y.inside(row.y), x.inside(ox));
        // Pixels that follow each other are taken together.
        let are_one = x.dilation == 1 && channels == all;
        for ky in 0..y.kernel {
            if !rows.contains(&ky) || cols.is_empty() {
                self.take(RowNumbers::Bits(&[]), 0, x.kernel * channels);
                continue;
            }
            let numbers = row.rows.row(y.pixel(row.y, ky));
            self.take(RowNumbers::Bits(&[]), 0, cols.start * channels);
            let runs = if are_one { 1 } else { cols.len() };
            for run in 0..runs {
                let at = x.pixel(ox, cols.start + run) * all + channel;
                self.take(numbers, at, cols.len() / runs * channels);
            }
            let outside = x.kernel - cols.end;
            self.take(RowNumbers::Bits(&[]), 0, outside * channels);
        }
    }

    /// Takes `count` numbers from `at` on; zeros, if they are not integers.
    #[inline(never)]
    fn take(&mut self, numbers: RowNumbers<'_>, mut at: usize, mut count: usize) {
        while count > 0 {
            let len = count.min(ELEMENTS - self.len);
            let to = self.elements.get_mut(self.len..self.len + len);
            let to = to.unwrap_or_default().iter_mut();
            let range = at..at + len;
            match numbers {
                RowNumbers::Bytes(x) => {
                    let x = x.get(range).unwrap_or_default();
                    to.zip(x).for_each(|(to, x)| *to = (*x).into());
                }
                RowNumbers::Fixed(x) => {
                    let x = x.get(range).unwrap_or_default();
                    to.zip(x).for_each(|(to, x)| *to = *x);
                }
                _ => to.for_each(|to| *to = 0),
            }
            (at, count, self.len) = (at + len, count - len, self.len + len);
            if self.len == ELEMENTS {
                self.multiply();
            }
        }
    }

    /// Adds the products of what has been taken so far.
    fn multiply(&mut self) {
        if let Some(elements) = self.elements.get(..self.len) {
            let sums = self.sums.get_mut(..self.outputs).unwrap_or_default();
            add_products(elements, self.weights, self.stride, sums);
            self.weights = self.weights.get(self.len..).unwrap_or_default();
        }
        self.len = 0;
    }
}
