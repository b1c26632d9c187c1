//! What becomes of the integer sums of a product, and of the integers that an affine step takes:
//! bits, reals, or integers of 16 or 32 bits.

use super::check::{greatest, greatest_sum};
use super::fixed;
use super::high_product::{HighProduct, plus};
use super::node::NodeParts;
use super::record::{FLOAT, kind};
use super::tensor::RowMut;
use crate::gemm::Thresholds;
use crate::gemm::epilogue::{Threshold, TileEpilogue as _};
use crate::kernel::NR;
use crate::shape::row_len;

/// The end of a product, or an affine step, found once for a row.
pub(super) struct Ending<'n> {
    node: &'n NodeParts<'n>,
    /// Thresholds, or factors; summands, if there are any.
    integers: [&'n [i32]; 2],
    way: Option<HighProduct>,
}

impl<'n> Ending<'n> {
    pub(super) fn new(node: &'n NodeParts<'n>) -> Self {
        let most = match node.record.kind {
            kind::PRODUCT => greatest_sum(&node.record, &node.input),
            _ => greatest(&node.input),
        };
        Self {
            node,
            integers: [node.integers(0), node.integers(1)],
            way: HighProduct::new(most, node.record.shift),
        }
    }

    /// Writes what becomes of sums, those of the outputs of a pixel from `first` on.
    pub(super) fn put(&self, sums: &[i32], pixel: usize, first: usize, out: &mut RowMut<'_>) {
        let node = self.node;
        let n = node.record.channels as usize;
        let at = pixel * n + first;
        let shift = node.record.shift;
        let [factors, biases] = self
            .integers
            .map(|numbers| numbers.get(first..).unwrap_or_default());
        let numbers = sums.iter().zip(factors).zip(biases);
        match out {
            RowMut::Bits(y) => {
                let words = row_len(n);
                let y = y.get_mut(pixel * words..(pixel + 1) * words);
                let y = y.unwrap_or_default();
                let thresholds = Threshold(Thresholds::I32(self.integers[0]));
                for (first, sums) in (first..).step_by(NR).zip(sums.chunks(NR)) {
                    thresholds.put(sums, first, y, first);
                }
            }
            RowMut::Real(y) if FLOAT => {
                let reals = |skip| node.reals(skip).get(first..).unwrap_or_default();
                let y = y.get_mut(at..).unwrap_or_default().iter_mut().zip(sums);
                for (((y, &sum), scale), bias) in y.zip(reals(0)).zip(reals(1)) {
                    *y = scale * sum as f32 + bias;
                }
            }
            RowMut::Fixed(y) => {
                let y = y.get_mut(at..).unwrap_or_default().iter_mut().zip(numbers);
                match self.way {
                    Some(HighProduct::Upper(way)) => {
                        y.for_each(|(y, ((&sum, &factor), &bias))| {
                            *y = plus(way.of(sum, factor), bias);
                        });
                    }
                    Some(HighProduct::Beyond(way)) => {
                        y.for_each(|(y, ((&sum, &factor), &bias))| {
                            *y = plus(way.of(sum, factor), bias);
                        });
                    }
                    None => y.for_each(|(y, ((&sum, &factor), &bias))| {
                        *y = fixed::saturated(fixed::affine(sum, factor, bias, shift));
                    }),
                }
            }
            RowMut::Integer(y) => {
                let y = y.get_mut(at..).unwrap_or_default().iter_mut();
                for (y, ((&sum, &factor), &bias)) in y.zip(numbers) {
                    *y = fixed::saturated_wide(fixed::affine(sum, factor, bias, shift));
                }
            }
            RowMut::Real(_) => {} // `open` has refused it
        }
    }
}
