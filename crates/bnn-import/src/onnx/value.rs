//! Tensors of the interpreter.

use crate::ImportError;
use crate::budget::Budget;

/// A tensor, whose elements lie in the order of its dimensions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Data,
}

/// Elements. Floats of other widths become `f32`, integers `i64`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    F32(Vec<f32>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
}

impl Tensor {
    pub(crate) fn floats(shape: &[usize], data: Vec<f32>) -> Self {
        Self {
            shape: shape.to_vec(),
            data: Data::F32(data),
        }
    }

    pub(crate) fn ints(shape: &[usize], data: Vec<i64>) -> Self {
        Self {
            shape: shape.to_vec(),
            data: Data::I64(data),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.data {
            Data::F32(x) => x.len(),
            Data::I64(x) => x.len(),
            Data::Bool(x) => x.len(),
        }
    }

    /// The elements as floats: false is 0 and true 1.
    pub(crate) fn to_floats(&self, budget: &mut Budget) -> Result<Vec<f32>, ImportError> {
        let len = [self.len()];
        match &self.data {
            Data::F32(x) => budget.copy(x),
            Data::I64(x) => budget.collect(&len, x.iter().map(|&x| x as f32)),
            Data::Bool(x) => budget.collect(&len, x.iter().map(|&x| f32::from(u8::from(x)))),
        }
    }

    /// The same elements in another shape, which has as many.
    pub(crate) fn shaped(
        &self,
        shape: Vec<usize>,
        budget: &mut Budget,
    ) -> Result<Self, ImportError> {
        let data = match &self.data {
            Data::F32(x) => Data::F32(budget.copy(x)?),
            Data::I64(x) => Data::I64(budget.copy(x)?),
            Data::Bool(x) => Data::Bool(budget.copy(x)?),
        };
        Ok(Self { shape, data })
    }

    /// The place and the value of the first float that is neither finite nor the one `allowed`.
    pub(crate) fn odd_float(&self, allowed: Option<f32>) -> Option<(usize, f32)> {
        let is_odd = |x: &f32| !x.is_finite() && Some(*x) != allowed;
        let floats = self.as_floats()?;
        floats.iter().position(is_odd).map(|at| (at, floats[at]))
    }

    /// The floats, if it holds some.
    pub(crate) fn as_floats(&self) -> Option<&[f32]> {
        match &self.data {
            Data::F32(x) => Some(x),
            _ => None,
        }
    }

    /// The integers, if it holds some.
    pub(crate) fn as_ints(&self) -> Option<&[i64]> {
        match &self.data {
            Data::I64(x) => Some(x),
            _ => None,
        }
    }

    /// The float, if it is a single one.
    pub(crate) fn scalar(&self) -> Option<f32> {
        match self.as_floats() {
            Some(&[x]) => Some(x),
            _ => None,
        }
    }
}

/// The common shape of tensors whose dimensions are equal, 1 or absent.
pub(crate) fn broadcast(shapes: &[&[usize]]) -> Option<Vec<usize>> {
    let rank = shapes.iter().map(|shape| shape.len()).max()?;
    let mut out = vec![1; rank];
    for shape in shapes {
        let first = rank - shape.len();
        for (out, &size) in out[first..].iter_mut().zip(*shape) {
            match (*out, size) {
                (_, 1) => {}
                (1, size) => *out = size,
                (out, size) if out == size => {}
                _ => return None,
            }
        }
    }
    Some(out)
}

/// For each element of `out`, in order, the offset of what a tensor of `shape` has there. `shape`
/// broadcasts to `out`.
pub(crate) fn offsets(shape: &[usize], out: &[usize]) -> impl Iterator<Item = usize> + use<> {
    let first = out.len() - shape.len().min(out.len());
    let mut strides = vec![0; out.len()];
    let mut stride = 1;
    for (i, &size) in shape.iter().enumerate().rev() {
        if size != 1 {
            strides[first + i] = stride;
        }
        stride *= size;
    }
    walk(out.to_vec(), strides)
}

/// Offsets of all elements of `sizes` in order, a step along dimension `d` being `strides[d]`, which
/// may wrap.
pub(crate) fn walk(sizes: Vec<usize>, strides: Vec<usize>) -> impl Iterator<Item = usize> {
    let count = sizes.iter().fold(1, |all: usize, &n| all.saturating_mul(n));
    let mut index = vec![0; sizes.len()];
    let mut offset = 0;
    (0..count).map(move |_| {
        let here = offset;
        for d in (0..sizes.len()).rev() {
            index[d] += 1;
            offset = strides[d].wrapping_add(offset);
            if index[d] < sizes[d] {
                break;
            }
            offset = offset.wrapping_sub(strides[d].wrapping_mul(sizes[d]));
            index[d] = 0;
        }
        here
    })
}
