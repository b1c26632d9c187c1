//! Pools and products of numbers: a row of windows over the rows of an image, straight from their
//! definitions. (Products of bits go through [`PatchRow`].)

use super::depthwise::{is_depthwise, of_channels};
use super::ending::Ending;
use super::fixed;
use super::integers::of_integers;
use super::node::{NodeParts, WeightRows};
use super::record::{FLOAT, kind, values, weights};
use super::tensor::{RowMut, RowNumbers, Rows};
use crate::conv::{Conv2d, PadValue};
use crate::gemm::weights::OUTPUTS;
use crate::kernel::{Kernel, most_of_each};
use crate::model::format::pad;
use crate::model::io::Input;
use crate::model::layer::{Epilogue, InputType};
use crate::model::patch_row::PatchRow;
use crate::model::reader::LayerWeights;
use crate::shape::{positive, row_len};
use crate::window::Windows;

/// A row of windows.
pub(super) struct WindowRow<'r> {
    pub(super) windows: Windows,
    pub(super) y: usize,
    pub(super) rows: Rows<'r>,
}

impl<'r> WindowRow<'r> {
    pub(super) fn new(node: &NodeParts<'_>, y: usize, rows: Rows<'r>) -> Self {
        Self {
            windows: node.record.window.over(node.input.sides),
            y,
            rows,
        }
    }

    /// Calls `visit` with each tap of window `ox` that lies on the image, in order: its number, its
    /// row, and its column.
    #[inline(always)]
    pub(super) fn taps(&self, ox: usize, mut visit: impl FnMut(usize, RowNumbers<'r>, usize)) {
        let Windows { y, x } = &self.windows;
        for ky in y.inside(self.y) {
            let row = self.rows.row(y.pixel(self.y, ky));
            for kx in x.inside(ox) {
                visit(ky * x.kernel + kx, row, x.pixel(ox, kx));
            }
        }
    }
}

/// The channels of a pixel.
#[inline(always)]
pub(super) fn pixel<T>(row: &[T], column: usize, channels: usize) -> &[T] {
    row.get(column * channels..(column + 1) * channels)
        .unwrap_or_default()
}

/// Computes row `y` of a pool.
pub(in crate::model) fn pool(node: &NodeParts<'_>, y: usize, rows: Rows<'_>, out: RowMut<'_>) {
    let row = WindowRow::new(node, y, rows);
    let is_mean = node.record.kind == kind::AVERAGE_POOL;
    let channels = node.record.channels as usize;
    match out {
        RowMut::Bits(out) => most_of_bits(&row, row_len(channels), out),
        RowMut::Fixed(out) if is_mean => mean_of_fixed(&row, channels, out),
        RowMut::Fixed(out) => most_of_fixed(&row, channels, out),
        RowMut::Real(out) if is_mean && FLOAT => mean_of_reals(&row, channels, out),
        RowMut::Real(out) if FLOAT => most(&row, channels, f32::NEG_INFINITY, out, reals),
        _ => {} // `open` has refused it
    }
}

#[inline(always)]
pub(super) fn reals(numbers: RowNumbers<'_>) -> &[f32] {
    match numbers {
        RowNumbers::Real(x) => x,
        _ => &[],
    }
}

#[inline(always)]
pub(super) fn integers(numbers: RowNumbers<'_>) -> &[i16] {
    match numbers {
        RowNumbers::Fixed(x) => x,
        _ => &[],
    }
}

fn most_of_bits(row: &WindowRow<'_>, words: usize, out: &mut [u64]) {
    for (ox, y) in out.chunks_exact_mut(words).enumerate() {
        y.fill(0);
        row.taps(ox, |_, bits, column| {
            if let RowNumbers::Bits(bits) = bits {
                let bits = pixel(bits, column, words);
                y.iter_mut().zip(bits).for_each(|(y, bits)| *y |= bits);
            }
        });
    }
}

/// The first of the largest; NaN is never larger.
#[inline(always)]
pub(super) fn most<'r, T: Copy + PartialOrd + 'r>(
    row: &WindowRow<'r>,
    channels: usize,
    least: T,
    out: &mut [T],
    of: impl Fn(RowNumbers<'r>) -> &'r [T],
) {
    for (ox, y) in out.chunks_exact_mut(positive(channels)).enumerate() {
        y.fill(least);
        row.taps(ox, |_, x, column| {
            let x = pixel(of(x), column, channels);
            for (y, &x) in y.iter_mut().zip(x) {
                *y = if x > *y { x } else { *y };
            }
        });
    }
}

fn most_of_fixed(row: &WindowRow<'_>, channels: usize, out: &mut [i16]) {
    for (ox, y) in out.chunks_exact_mut(positive(channels)).enumerate() {
        y.fill(i16::MIN);
        row.taps(ox, |_, x, column| {
            most_of_each(y, pixel(integers(x), column, channels))
        });
    }
}

#[inline(always)]
pub(super) fn mean_of_reals(row: &WindowRow<'_>, channels: usize, out: &mut [f32]) {
    for (ox, y) in out.chunks_exact_mut(positive(channels)).enumerate() {
        y.fill(0.0);
        let mut count = 0_u16; // a window has less than 2^16 taps
        row.taps(ox, |_, x, column| {
            let x = pixel(reals(x), column, channels);
            y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
            count += 1;
        });
        let count = f32::from(count);
        y.iter_mut().for_each(|y| *y /= count);
    }
}

#[inline(never)] // for its memory on the stack
fn mean_of_fixed(row: &WindowRow<'_>, channels: usize, out: &mut [i16]) {
    for (ox, y) in out.chunks_exact_mut(positive(channels)).enumerate() {
        for (first, y) in (0..).step_by(OUTPUTS).zip(y.chunks_mut(OUTPUTS)) {
            let (mut sums, mut count) = ([0_i32; OUTPUTS], 0_i32);
            row.taps(ox, |_, x, column| {
                let x = integers(x).get(column * channels + first..);
                for (sum, &x) in sums.iter_mut().zip(x.unwrap_or_default()).take(y.len()) {
                    // At most 2^16 numbers of 16 bits are summed: no overflow.
                    *sum = sum.wrapping_add(x.into());
                }
                count += 1;
            });
            // Not every small core divides.
            let shift = match count.count_ones() {
                1 => count.trailing_zeros(),
                _ => 0,
            };
            for (y, &sum) in y.iter_mut().zip(&sums) {
                *y = match shift {
                    0 => fixed::average(sum, count),
                    _ => (sum.wrapping_add(count / 2) >> (shift & 31)) as i16,
                };
            }
        }
    }
}

/// Computes row `y` of a product; `work` has the words of patches.
pub(in crate::model) fn product(
    node: &NodeParts<'_>,
    y: usize,
    rows: Rows<'_>,
    mut out: RowMut<'_>,
    work: &mut [u64],
    kernel: &'static Kernel,
) {
    match node.weights() {
        WeightRows::Bits(weights) => {
            let windows = node.record.window.over(node.input.sides);
            let pixels = match rows.span(windows.y.stop(y).0) {
                RowNumbers::Bits(x) => Input::Bits(x),
                RowNumbers::Bytes(x) => Input::Bytes(x),
                _ => return, // `open` has refused it
            };
            let conv = conv_of(node, windows.line(y));
            let layer = LayerWeights {
                input: match node.input.values {
                    values::BITS => InputType::Bits,
                    depth => InputType::Unsigned { depth },
                },
                input_thresholds: &[],
                weights,
                epilogue: Epilogue::Sums,
            };
            let row = PatchRow {
                conv: &conv,
                layer: &layer,
                pixels,
            };
            let ending = Ending::new(node);
            row.compute(work, kernel, &mut |pixel, first, sums| {
                ending.put(sums, pixel, first, &mut out);
            });
        }
        WeightRows::I8(weights) => {
            let row = WindowRow::new(node, y, rows);
            match rows.numbers {
                RowNumbers::Fixed(_) if is_depthwise(node) => {
                    of_channels(node, &row, weights, &Ending::new(node), &mut out);
                }
                RowNumbers::Bytes(_) | RowNumbers::Fixed(_) => {
                    of_integers(node, &row, weights, &Ending::new(node), &mut out);
                }
                _ if FLOAT => of_reals(node, &row, weights, &mut out),
                _ => {} // `open` has refused it
            }
        }
        WeightRows::F32(weights) if FLOAT => {
            of_reals(node, &WindowRow::new(node, y, rows), weights, &mut out);
        }
        WeightRows::F32(_) => {} // `open` has refused it
    }
}

/// The convolution of a product, over windows of its own.
pub(in crate::model) fn conv_of(node: &NodeParts<'_>, windows: Windows) -> Conv2d {
    let pad_value = match node.record.pad {
        pad::MINUS_ONE => PadValue::MinusOne,
        pad::PLUS_ONE => PadValue::PlusOne,
        _ => PadValue::Zero,
    };
    Conv2d::trusted(
        windows,
        node.input.channels as usize,
        node.record.channels as usize,
        node.record.groups.into(),
        pad_value,
    )
}

/// A window's filters: for each output its number, its weights, and the first channel of its group.
struct Filters<'w, W> {
    weights: &'w [W],
    /// Elements of a filter.
    k: usize,
    /// Channels and outputs of a group.
    channels: usize,
    outputs: usize,
}

impl<'w, W> Filters<'w, W> {
    fn new(node: &NodeParts<'_>, weights: &'w [W]) -> Self {
        let groups = positive(node.record.groups.into());
        Self {
            weights,
            k: positive(node.row_len()),
            channels: node.input.channels as usize / groups,
            outputs: positive(node.record.channels as usize / groups),
        }
    }

    /// The filters with their outputs and the first channels of their groups.
    fn iter(&self) -> impl Iterator<Item = (usize, &'w [W], usize)> {
        let (outputs, channels) = (self.outputs, self.channels);
        let filters = self.weights.chunks_exact(self.k).enumerate();
        filters.map(move |(output, filter)| (output, filter, output / outputs * channels))
    }
}

/// Products of reals, rounded and added one by one in the order of a filter's elements.
fn of_reals<W: Copy + Into<f32>>(
    node: &NodeParts<'_>,
    row: &WindowRow<'_>,
    weights: &[W],
    out: &mut RowMut<'_>,
) {
    let RowMut::Real(y) = out else {
        return; // `open` has refused it
    };
    let filters = Filters::new(node, weights);
    let (all, group, n) = (
        node.input.channels as usize,
        filters.channels,
        positive(node.record.channels as usize),
    );
    for (ox, y) in y.chunks_exact_mut(n).enumerate() {
        for ((output, filter, channel), y) in filters.iter().zip(y) {
            let mut sum = 0.0_f32;
            row.taps(ox, |tap, x, column| {
                let x = reals(x).get(column * all + channel..).unwrap_or_default();
                for (&x, &w) in x.iter().zip(pixel(filter, tap, group)) {
                    sum += x * w.into();
                }
            });
            *y = finished(node, sum, output);
        }
    }
}

/// The output that the node makes of a real sum.
pub(in crate::model) fn finished(node: &NodeParts<'_>, sum: f32, output: usize) -> f32 {
    let of = |numbers: &[f32]| numbers.get(output).copied().unwrap_or_default();
    match node.record.weights {
        weights::F32 => sum + of(node.reals(0)),
        _ => of(node.reals(0)) * sum + of(node.reals(1)),
    }
}
