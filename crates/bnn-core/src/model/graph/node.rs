//! A node with its weights and parameters, read in place.

use super::check::{params, row_of};
use super::record::{NodeRecord, kind, weights};
use crate::bits::BitMatrixView;
use crate::model::reader::{Model, numbers, words};
use crate::shape::row_words;

/// A node of a model.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct NodeParts<'a> {
    pub(in crate::model) record: NodeRecord,
    /// The record of its first input.
    pub(in crate::model) input: NodeRecord,
    /// The record of its second input, or of its first if it has one input.
    pub(in crate::model) second: NodeRecord,
    weights: &'a [u8],
    params: &'a [u8],
}

/// The weights of a product, a row per output.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) enum WeightRows<'a> {
    Bits(BitMatrixView<'a>),
    I8(&'a [i8]),
    F32(&'a [f32]),
}

impl<'a> Model<'a> {
    /// Node `index` of a graph; `None`: there is none.
    pub(in crate::model) fn node(&self, index: usize) -> Option<NodeParts<'a>> {
        let record = NodeRecord::of(self.records, index)?;
        let [a, b] = record.inputs;
        let input = NodeRecord::of(self.records, a.into())?;
        let second = match record.arity() {
            2 => NodeRecord::of(self.records, b.into())?,
            _ => input,
        };
        Some(NodeParts {
            record,
            input,
            second,
            weights: self.weights,
            params: self.params,
        })
    }
}

impl<'a> NodeParts<'a> {
    /// The `count` parameters after the first `skip` ones.
    fn numbers(&self, skip: usize, count: usize) -> &'a [u32] {
        let at = self.record.params_at as usize + skip * size_of::<u32>();
        words(self.params.get(at..), count)
    }

    /// One `f32` for each channel, after `skip` others of each channel.
    pub(in crate::model) fn reals(&self, skip: usize) -> &'a [f32] {
        let n = self.record.channels as usize;
        bytemuck::cast_slice(self.numbers(skip * n, n))
    }

    /// One `i32` for each channel, after `skip` others of each channel.
    pub(in crate::model) fn integers(&self, skip: usize) -> &'a [i32] {
        let n = self.record.channels as usize;
        bytemuck::cast_slice(self.numbers(skip * n, n))
    }

    /// The two numbers of a clamp.
    pub(in crate::model) fn range<T: bytemuck::Pod>(&self) -> Option<[T; 2]> {
        match *bytemuck::try_cast_slice(self.numbers(0, 2)).ok()? {
            [low, high] => Some([low, high]),
            _ => None,
        }
    }

    /// The elements of a filter of a product.
    pub(in crate::model) fn row_len(&self) -> usize {
        row_of(&self.record, &self.input)
    }

    /// Bytes of its weights and parameters.
    pub(in crate::model) fn bytes(&self) -> usize {
        let n = self.record.channels as usize;
        let params = params(&self.record, &self.input);
        let params = (n * params.each + params.more) * size_of::<u32>();
        if self.record.kind != kind::PRODUCT {
            return params;
        }
        let weights = match self.weights() {
            WeightRows::Bits(w) => size_of_val(w.words()),
            WeightRows::I8(w) => size_of_val(w),
            WeightRows::F32(w) => size_of_val(w),
        };
        weights + params
    }

    /// The weights of a product.
    pub(in crate::model) fn weights(&self) -> WeightRows<'a> {
        let (n, k) = (self.record.channels as usize, self.row_len());
        let bytes = self.weights.get(self.record.weights_at as usize..);
        match self.record.weights {
            weights::BITS => {
                let words = numbers(bytes, n * row_words(k));
                WeightRows::Bits(BitMatrixView::trusted(words, n, k))
            }
            weights::I8 => WeightRows::I8(numbers(bytes, n * k)),
            _ => WeightRows::F32(numbers(bytes, n * k)),
        }
    }
}
