//! Products of a graph with weights laid out for this CPU.

use alloc::vec::Vec;

use bytemuck::cast_slice_mut;

use super::group::Numbers;
use super::node::{NodeParts, WeightRows};
use super::record::values;
use super::tensor::{RowNumbers, Rows};
use super::windowed::{WindowRow, conv_of};
use crate::bits::BitMatrixView;
use crate::conv::product::BitLayer;
use crate::conv::{Images, PackedFilters};
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::kernel::loops::Loop;
use crate::kernel::{Kernel, vectorised};
use crate::memory;
use crate::model::error::ModelError;
use crate::ordered::OrderedWeights;
use crate::shape::{positive, row_words};
use crate::window::Windows;

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

    /// The type of the sums of a row; `None`: images go through it whole.
    pub(super) fn sums(&self) -> Option<SumsOf> {
        match self {
            Self::ToBits(_) | Self::Signs(_) => None,
            Self::Integers(_) => Some(SumsOf::Integers),
            Self::Bytes(_) => Some(SumsOf::ExactReals),
            Self::Reals(_) => Some(SumsOf::Reals),
        }
    }

    /// Words that a run works in: a row of sums, and what they are made of.
    pub(super) fn work_words(&self, node: &NodeParts<'_>) -> usize {
        let (n, k) = (node.record.channels as usize, node.row_len());
        let [_, width] = node.record.sides.map(usize::from);
        let words = |bytes: usize| bytes.div_ceil(size_of::<u64>());
        let sums = sums_words(node);
        match self {
            Self::ToBits(_) | Self::Signs(_) => 0,
            // A patch.
            Self::Integers(_) => sums + words(k * size_of::<i16>()),
            // A row of patches, and the sums of a group.
            Self::Bytes(groups) | Self::Reals(groups) => {
                let outputs = n / positive(groups.len());
                let floats = (k + outputs).saturating_mul(width);
                sums.saturating_add(words(floats.saturating_mul(size_of::<f32>())))
            }
        }
    }

    /// Makes the sums of row `y` of an image, `[pixel, output]`, in the first words of `work`, and
    /// returns them.
    pub(super) fn row<'w>(
        &self,
        node: &NodeParts<'_>,
        y: usize,
        image: Rows<'_>,
        work: &'w mut [u64],
    ) -> Numbers<'w> {
        let row = WindowRow::new(node, y, image);
        let len = node.record.row_elements();
        let (sums, work) = work
            .split_at_mut_checked(sums_words(node))
            .unwrap_or_default();
        match self {
            Self::Integers(weights) => {
                let sums = cast_slice_mut(sums).get_mut(..len).unwrap_or_default();
                vectorised(IntegerSums {
                    node,
                    row,
                    weights,
                    sums: &mut *sums,
                    work,
                });
                Numbers::Integer(sums)
            }
            Self::Bytes(groups) | Self::Reals(groups) => {
                let sums = cast_slice_mut(sums).get_mut(..len).unwrap_or_default();
                reals(node, &row, groups, sums, work);
                Numbers::Real(sums)
            }
            Self::ToBits(_) | Self::Signs(_) => Numbers::Integer(&[]),
        }
    }
}

/// What sums of a product by rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SumsOf {
    Integers,
    /// Integers that are held as `f32`.
    ExactReals,
    Reals,
}

/// Words of a row of sums.
fn sums_words(node: &NodeParts<'_>) -> usize {
    node.record.row_elements().div_ceil(2)
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
pub(super) fn bits_or_bytes<'r>(
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

/// A row of products of integers with weights of 16 bits.
struct IntegerSums<'r, 'w> {
    node: &'r NodeParts<'r>,
    row: WindowRow<'r>,
    weights: &'r [i16],
    sums: &'w mut [i32],
    work: &'w mut [u64],
}

impl Loop for IntegerSums<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (n, k) = (
            positive(self.node.record.channels as usize),
            self.node.row_len(),
        );
        let groups = positive(self.node.record.groups.into());
        let (outputs, k) = (positive(n / groups), positive(k));
        let patch: &mut [i16] = cast_slice_mut(self.work);
        let patch = patch.get_mut(..k).unwrap_or_default();
        for (ox, sums) in self.sums.chunks_exact_mut(n).enumerate() {
            let of_groups = self.weights.chunks_exact(outputs * k).enumerate();
            for ((group, weights), sums) in of_groups.zip(sums.chunks_exact_mut(outputs)) {
                self.row.patch(self.node, ox, group, patch);
                for (sum, filter) in sums.iter_mut().zip(weights.chunks_exact(k)) {
                    let products = patch.iter().zip(filter);
                    // `open` has checked that no sum leaves `i32`.
                    *sum = products.fold(0_i32, |sum, (&x, &w)| {
                        sum.wrapping_add(i32::from(x) * i32::from(w))
                    });
                }
            }
        }
    }
}

/// A row of products of reals, in their order.
fn reals(
    node: &NodeParts<'_>,
    row: &WindowRow<'_>,
    groups: &[OrderedWeights],
    sums: &mut [f32],
    work: &mut [u64],
) {
    let (n, k) = (
        positive(node.record.channels as usize),
        positive(node.row_len()),
    );
    let width = row.windows.x.output;
    let outputs = positive(n / positive(groups.len()));
    let work: &mut [f32] = cast_slice_mut(work);
    let (patches, work) = work.split_at_mut_checked(width * k).unwrap_or_default();
    let of_group = work.get_mut(..width * outputs).unwrap_or_default();
    for (group, weights) in groups.iter().enumerate() {
        vectorised(Patches {
            node,
            row,
            group,
            patches: &mut *patches,
        });
        // Zeros around the image add nothing to a sum that begins with +0: weights are finite.
        let to = match groups.len() {
            1 => &mut *sums,
            _ => &mut *of_group,
        };
        if weights.multiply(patches, to).is_err() {
            return; // sizes are those of the weights
        }
        if groups.len() > 1 {
            let pixels = sums.chunks_exact_mut(n).zip(of_group.chunks_exact(outputs));
            for (sums, of_group) in pixels {
                let sums = sums.get_mut(group * outputs..).unwrap_or_default();
                sums.iter_mut()
                    .zip(of_group)
                    .for_each(|(to, sum)| *to = *sum);
            }
        }
    }
}

/// The patches of a row for the weights of a group.
struct Patches<'r, 'w> {
    node: &'r NodeParts<'r>,
    row: &'r WindowRow<'r>,
    group: usize,
    patches: &'w mut [f32],
}

impl Loop for Patches<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let k = positive(self.node.row_len());
        for (ox, patch) in self.patches.chunks_exact_mut(k).enumerate() {
            self.row.patch(self.node, ox, self.group, patch);
        }
    }
}

impl<'r> WindowRow<'r> {
    /// Calls `visit` with the taps of window `ox` that lie on the image and side by side: the first
    /// one's number, its row, its column, and how many they are.
    #[inline(always)]
    fn runs(&self, ox: usize, mut visit: impl FnMut(usize, RowNumbers<'r>, usize, usize)) {
        let Windows { y, x } = &self.windows;
        let inside = x.inside(ox);
        for ky in y.inside(self.y) {
            let row = self.rows.row(y.pixel(self.y, ky));
            let mut run = |kx: usize, count| {
                visit(ky * x.kernel + kx, row, x.pixel(ox, kx), count);
            };
            match x.dilation {
                1 if !inside.is_empty() => run(inside.start, inside.len()),
                _ => inside.clone().for_each(|kx| run(kx, 1)),
            }
        }
    }

    /// Writes what lies under window `ox` in the channels of a group: zeros around the image.
    #[inline(always)]
    fn patch<T: Element>(&self, node: &NodeParts<'_>, ox: usize, group: usize, patch: &mut [T]) {
        let all = node.input.channels as usize;
        let channels = all / positive(node.record.groups.into());
        patch.fill(T::default());
        self.runs(ox, |tap, numbers, column, count| {
            // Where there are no other groups, taps that lie side by side are one piece.
            let (pieces, len) = match channels == all {
                true => (1, count * channels),
                false => (count, channels),
            };
            for piece in 0..pieces {
                let at = (column + piece) * all + group * channels;
                let to = (tap + piece) * channels;
                let to = patch.get_mut(to..to + len).unwrap_or_default();
                match numbers.part(at..at + len) {
                    RowNumbers::Real(x) => T::of_reals(x, to),
                    RowNumbers::Bytes(x) => {
                        to.iter_mut().zip(x).for_each(|(to, &x)| *to = x.into())
                    }
                    RowNumbers::Fixed(x) => T::of_fixed(x, to),
                    RowNumbers::Bits(_) => {} // `open` has refused it
                }
            }
        });
    }
}

/// An element of a patch.
trait Element: Copy + Default + From<u8> {
    /// Copies what may be of another type in other patches.
    fn of_reals(_x: &[f32], _to: &mut [Self]) {}
    fn of_fixed(_x: &[i16], _to: &mut [Self]) {}
}

impl Element for f32 {
    #[inline(always)]
    fn of_reals(x: &[f32], to: &mut [f32]) {
        to.iter_mut().zip(x).for_each(|(to, x)| *to = *x);
    }
}

impl Element for i16 {
    #[inline(always)]
    fn of_fixed(x: &[i16], to: &mut [i16]) {
        to.iter_mut().zip(x).for_each(|(to, x)| *to = *x);
    }
}
