//! Products of a graph with weights laid out for this CPU.

use alloc::vec::Vec;

use super::node::{NodeParts, WeightRows};
use super::record::values;
use super::tensor::{RowMut, RowNumbers, Rows};
use super::whole::RowsMut;
use super::windowed::{WindowRow, conv_of, finish, finished};
use crate::bits::BitMatrixView;
use crate::conv::product::BitLayer;
use crate::conv::{Images, PackedFilters, conv2d_f32, conv2d_i32};
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::kernel::Kernel;
use crate::memory;
use crate::model::error::ModelError;
use crate::ordered::OrderedWeights;
use crate::shape::{positive, row_words};

/// A product whose weights are laid out.
#[derive(Clone, Debug)]
pub(super) enum PackedProduct<'a> {
    /// Signs, from bits or bytes to bits.
    ToBits(BitLayer<'a>),
    /// Signs, from bits or bytes to numbers.
    Signs(PackedFilters),
    /// Weights of 8 bits as 16 bits, for integers.
    Integers(Vec<i16>),
    /// Weights of 8 bits for bytes, by groups: sums that `f32` holds exactly, in any order.
    Bytes(Vec<OrderedWeights>),
    /// Weights for reals, by groups.
    Reals(Vec<OrderedWeights>),
}

impl<'a> PackedProduct<'a> {
    pub(super) fn new(node: &NodeParts<'a>, kernel: &'static Kernel) -> Result<Self, ModelError> {
        let (n, k) = (node.record.channels as usize, node.row_len());
        Ok(match node.weights() {
            WeightRows::Bits(weights) => {
                let conv = conv_of(node, node.record.window.over(node.input.sides));
                let filters = match node.input.values {
                    values::BITS => PackedFilters::for_kernel(kernel, &conv, weights)?,
                    depth => PackedFilters::for_bytes(kernel, &conv, weights, depth.into())?,
                };
                match node.record.values {
                    values::BITS => {
                        let thresholds = Thresholds::I32(node.integers(0));
                        Self::ToBits(BitLayer::new(filters, thresholds)?)
                    }
                    _ => Self::Signs(filters),
                }
            }
            WeightRows::I8(weights) if is_exact_in_f32(node) => {
                let mut reals = memory::with_capacity(weights.len())?;
                reals.extend(weights.iter().map(|&w| f32::from(w)));
                Self::Bytes(laid_out(node, &reals, n, k)?)
            }
            WeightRows::I8(weights) if node.input.values != values::REAL => {
                let mut wide = memory::with_capacity(weights.len())?;
                wide.extend(weights.iter().map(|&w| i16::from(w)));
                Self::Integers(wide)
            }
            WeightRows::I8(weights) => {
                let mut reals = memory::with_capacity(weights.len())?;
                reals.extend(weights.iter().map(|&w| f32::from(w)));
                Self::Reals(laid_out(node, &reals, n, k)?)
            }
            WeightRows::F32(weights) => Self::Reals(laid_out(node, weights, n, k)?),
        })
    }

    /// Bytes of the weights as they are laid out.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::ToBits(layer) => layer.bytes(),
            Self::Signs(filters) => filters.bytes(),
            Self::Integers(weights) => size_of_val(&weights[..]),
            Self::Bytes(groups) | Self::Reals(groups) => {
                groups.iter().map(OrderedWeights::bytes).sum()
            }
        }
    }

    /// Words of a sample that a run works in.
    pub(super) fn work_words(&self, node: &NodeParts<'_>) -> usize {
        let (n, k) = (node.record.channels as usize, node.row_len());
        let [height, width] = node.record.sides.map(usize::from);
        let bytes = match self {
            Self::ToBits(_) => 0,
            // Sums that are finished then.
            Self::Signs(_) => match node.record.values {
                values::REAL => 0,
                _ => (height * width * n).saturating_mul(size_of::<i32>()),
            },
            // A patch, and a row of patches with its outputs.
            Self::Integers(_) => k * size_of::<i16>(),
            Self::Bytes(groups) | Self::Reals(groups) => (k + n / positive(groups.len()))
                .saturating_mul(width)
                .saturating_mul(size_of::<f32>()),
        };
        bytes.div_ceil(size_of::<u64>())
    }

    /// Writes all outputs of a block of samples.
    pub(super) fn run(
        &self,
        node: &NodeParts<'_>,
        samples: usize,
        images: Rows<'_>,
        mut out: RowsMut<'_>,
        work: &mut [u64],
    ) -> Result<(), ModelError> {
        let n = node.record.channels as usize;
        let [height, width] = node.record.sides.map(usize::from);
        let pixels = samples * height * width;
        match self {
            Self::ToBits(layer) => {
                if let RowsMut::Bits(y) = out {
                    let y = y.get_mut(..pixels * row_words(n)).unwrap_or_default();
                    layer.run(bits_or_bytes(node, samples, images)?, y)?;
                }
                Ok(())
            }
            Self::Signs(filters) => {
                let images = bits_or_bytes(node, samples, images)?;
                if let RowsMut::Real(y) = out {
                    let y = y.get_mut(..pixels * n).unwrap_or_default();
                    conv2d_f32(images, filters, node.reals(0), node.reals(1), y, n)?;
                    return Ok(());
                }
                let sums: &mut [i32] = bytemuck::cast_slice_mut(work);
                let sums = sums.get_mut(..pixels * n).unwrap_or_default();
                conv2d_i32(images, filters, sums, n)?;
                let mut out = out.part(0..pixels * n);
                for (pixel, sums) in sums.chunks_exact(positive(n)).enumerate() {
                    finish(node, sums, pixel, 0, &mut out);
                }
                Ok(())
            }
            Self::Integers(weights) => {
                self.rows(node, samples, images, &mut out, |row, out| {
                    integers(node, row, weights, out, work);
                });
                Ok(())
            }
            Self::Bytes(groups) | Self::Reals(groups) => {
                self.rows(node, samples, images, &mut out, |row, out| {
                    reals(node, row, groups, out, work);
                });
                Ok(())
            }
        }
    }

    /// Calls `compute` for each row of the outputs.
    fn rows<'r>(
        &self,
        node: &NodeParts<'_>,
        samples: usize,
        images: Rows<'r>,
        out: &mut RowsMut<'_>,
        mut compute: impl FnMut(&WindowRow<'r>, RowMut<'_>),
    ) {
        let (height, len) = (node.record.height(), node.record.row_len());
        for sample in 0..samples {
            let image = images.skip(sample * node.input.height());
            for y in 0..height {
                let at = (sample * height + y) * len;
                compute(&WindowRow::new(node, y, image), out.part(at..at + len));
            }
        }
    }
}

/// The weights of each group.
fn laid_out(
    node: &NodeParts<'_>,
    weights: &[f32],
    n: usize,
    k: usize,
) -> Result<Vec<OrderedWeights>, Error> {
    let outputs = n / positive(node.record.groups.into());
    let mut groups = memory::with_capacity(node.record.groups.into())?;
    for weights in weights.chunks_exact(positive(outputs * k)) {
        groups.push(OrderedWeights::new(weights, outputs, k)?);
    }
    Ok(groups)
}

/// Whether the products of bytes are integers, as all sums of some of them, that `f32` holds
/// exactly.
fn is_exact_in_f32(node: &NodeParts<'_>) -> bool {
    let depth = node.input.values;
    let is_byte = (1..=values::MAX_DEPTH).contains(&depth);
    is_byte && node.row_len() << (depth + 7) <= 1 << f32::MANTISSA_DIGITS
}

/// The images of a product with signs.
fn bits_or_bytes<'r>(
    node: &NodeParts<'_>,
    samples: usize,
    images: Rows<'r>,
) -> Result<Images<'r>, ModelError> {
    let [height, width, channels] = node.input.shape().sizes();
    let pixels = samples * height * width;
    Ok(match images.numbers {
        RowNumbers::Bits(x) => {
            let words = x.get(..pixels * row_words(channels)).unwrap_or_default();
            BitMatrixView::trusted(words, pixels, channels).into()
        }
        RowNumbers::Bytes(x) => Images::Unsigned {
            x: x.get(..pixels * channels).unwrap_or_default(),
            depth: node.input.values.into(),
        },
        _ => return Err(crate::model::io::OUTPUT_TYPE), // `open` has refused it
    })
}

/// Sums that are made before they are finished.
const SUMS: usize = 32;

/// A row of products of integers with weights of 16 bits.
fn integers(
    node: &NodeParts<'_>,
    row: &WindowRow<'_>,
    weights: &[i16],
    mut out: RowMut<'_>,
    work: &mut [u64],
) {
    let (n, k) = (node.record.channels as usize, positive(node.row_len()));
    let groups = positive(node.record.groups.into());
    let (all, channels) = (
        node.input.channels as usize,
        node.input.channels as usize / groups,
    );
    let outputs = positive(n / groups);
    let patch: &mut [i16] = bytemuck::cast_slice_mut(work);
    let patch = patch.get_mut(..k).unwrap_or_default();
    for ox in 0..row.windows.x.output {
        for (group, weights) in weights.chunks_exact(outputs * k).enumerate() {
            patch.fill(0);
            row.taps(ox, |tap, x, column| {
                let at = column * all + group * channels;
                let to = patch.get_mut(tap * channels..(tap + 1) * channels);
                let to = to.unwrap_or_default();
                match x {
                    RowNumbers::Bytes(x) => {
                        let x = x.get(at..at + channels).unwrap_or_default();
                        to.iter_mut().zip(x).for_each(|(to, &x)| *to = x.into());
                    }
                    RowNumbers::Fixed(x) => {
                        let x = x.get(at..at + channels).unwrap_or_default();
                        to.iter_mut().zip(x).for_each(|(to, &x)| *to = x);
                    }
                    _ => {} // `open` has refused it
                }
            });
            let mut sums = [0; SUMS];
            let first = group * outputs;
            for (i, weights) in weights.chunks(SUMS * k).enumerate() {
                let filters = weights.chunks_exact(k);
                let count = filters.len();
                for (sum, filter) in sums.iter_mut().zip(filters) {
                    let products = patch.iter().zip(filter);
                    // `open` has checked that no sum leaves `i32`.
                    *sum = products.fold(0_i32, |sum, (&x, &w)| {
                        sum.wrapping_add(i32::from(x) * i32::from(w))
                    });
                }
                let sums = sums.get(..count).unwrap_or_default();
                finish(node, sums, ox, first + i * SUMS, &mut out);
            }
        }
    }
}

/// A row of products of reals, in their order.
fn reals(
    node: &NodeParts<'_>,
    row: &WindowRow<'_>,
    groups: &[OrderedWeights],
    mut out: RowMut<'_>,
    work: &mut [u64],
) {
    let (n, k) = (node.record.channels as usize, positive(node.row_len()));
    let width = row.windows.x.output;
    let all = node.input.channels as usize;
    let count = positive(groups.len());
    let (channels, outputs) = (all / count, n / count);
    let work: &mut [f32] = bytemuck::cast_slice_mut(work);
    let (patches, work) = work.split_at_mut_checked(width * k).unwrap_or_default();
    let sums = work.get_mut(..width * outputs).unwrap_or_default();
    for (group, weights) in groups.iter().enumerate() {
        patches.fill(0.0);
        for (ox, patch) in patches.chunks_exact_mut(k).enumerate() {
            row.taps(ox, |tap, x, column| {
                let at = column * all + group * channels;
                let to = patch.get_mut(tap * channels..(tap + 1) * channels);
                let to = to.unwrap_or_default();
                match x {
                    RowNumbers::Real(x) => {
                        let x = x.get(at..at + channels).unwrap_or_default();
                        to.iter_mut().zip(x).for_each(|(to, x)| *to = *x);
                    }
                    RowNumbers::Bytes(x) => {
                        let x = x.get(at..at + channels).unwrap_or_default();
                        to.iter_mut().zip(x).for_each(|(to, &x)| *to = x.into());
                    }
                    _ => {} // `open` has refused it
                }
            });
        }
        // Zeros around the image add nothing to a sum that begins with +0: weights are finite.
        if weights.multiply(patches, sums).is_err() {
            return; // sizes are those of the weights
        }
        finish_reals(node, sums, group * outputs, outputs, &mut out);
    }
}

/// Writes what becomes of the sums of a row, those of the outputs of a group from `first` on.
fn finish_reals(
    node: &NodeParts<'_>,
    sums: &[f32],
    first: usize,
    outputs: usize,
    out: &mut RowMut<'_>,
) {
    let n = positive(node.record.channels as usize);
    let pixels = sums.chunks_exact(positive(outputs)).enumerate();
    if node.input.values != values::REAL {
        for (pixel, all) in pixels {
            for (i, reals) in all.chunks(SUMS).enumerate() {
                let mut sums = [0; SUMS];
                let sums = sums.get_mut(..reals.len()).unwrap_or_default();
                for (sum, real) in sums.iter_mut().zip(reals) {
                    *sum = *real as i32;
                }
                finish(node, sums, pixel, first + i * SUMS, out);
            }
        }
        return;
    }
    let RowMut::Real(out) = out else {
        return; // `open` has refused it
    };
    for ((_, sums), y) in pixels.zip(out.chunks_exact_mut(n)) {
        let y = y.get_mut(first..first + outputs).unwrap_or_default();
        for (i, (y, sum)) in y.iter_mut().zip(sums).enumerate() {
            *y = finished(node, *sum, first + i);
        }
    }
}
