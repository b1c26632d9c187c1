//! The binary linear layer on tiny tensors of PyTorch: products that take less time than to get at
//! the tensors by way of arrays, and to save tensors for the backward pass. The GIL is held: the
//! work is done before another thread could make use of it.

use bnn_autograd::internal::gradients::{SavedInput, linear};
use bnn_core::{BitMatrixView, BitMatrixViewMut, gemm_f32, row_words};
use numpy::{PyArray2, PyArray3, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::arrays::zeros;
use crate::error::Refusal;
use crate::exchange::{Exchange, New, Shape, lend};
use crate::threads::{is_small, steps};

/// Words of bits that a graph of PyTorch may keep outside its tensors: 4 KiB.
const MOST_KEPT: usize = 512;

/// The layer over tensors of one type.
#[pyclass(frozen, module = "bnn_engine")]
pub(crate) struct TinyLinear {
    exchange: Exchange,
}

/// What a pass keeps for the gradients of the input `[m, k]` and of the weights `[n, k]`.
#[pyclass(frozen, module = "bnn_engine")]
pub(crate) struct TinyBits {
    sizes: [usize; 3],
    /// The packed signs of the input, where `|x| <= clip`, and the packed signs of the weights.
    words: Vec<u64>,
}

/// A tensor.
type Object<'py> = Bound<'py, PyAny>;

/// The gradients of the input and of the weights.
type Gradients<'py> = (Option<Object<'py>>, Option<Object<'py>>);

#[pymethods]
impl TinyLinear {
    /// The layer over tensors of a type; `None` if it has no table of DLPack.
    #[staticmethod]
    fn of(kind: &Bound<'_, PyType>) -> Option<Self> {
        Some(Self {
            exchange: Exchange::of(kind)?,
        })
    }

    /// `sign(x) · sign(w)^T`, `[.., n]`, for `x` `[.., k]` and `w` `[n, k]`, and what is kept for the
    /// gradients, of which that of `x` passes where `|x| <= clip`. `None` if these are no tensors of
    /// this kind or no tiny ones.
    #[pyo3(signature = (x, w, clip, /))]
    fn forward<'py>(
        &self,
        py: Python<'py>,
        x: &Object<'py>,
        w: &Object<'py>,
        clip: f32,
    ) -> PyResult<Option<(Object<'py>, TinyBits)>> {
        let (Some(x), Some(w)) = (self.exchange.read(x), self.exchange.read(w)) else {
            return Ok(None);
        };
        let (Some((m, k)), Some((n, columns))) = (x.shape.rows_columns(), w.shape.matrix()) else {
            return Ok(None);
        };
        let (outputs, sizes) = (x.shape.with_columns(n), [m, n, k]);
        let (true, Some(words), Some(outputs)) = (k == columns, kept(sizes), outputs) else {
            return Ok(None);
        };
        let (mut y, mut words) = (self.exchange.zeros(py, outputs)?, vec![0; words]);
        let out = y.elements_mut();
        lend([&x, &w], |[x, w]| {
            forward(x, w, sizes, clip, &mut words, out)
        })?;
        Ok(Some((y.into_object(py)?, TinyBits { sizes, words })))
    }

    /// The gradients of the input, `[.., k]`, and of the weights, `[n, k]`, those that are asked
    /// for, from that of the outputs, `[.., n]`. `None` if it is no tensor of this kind.
    #[pyo3(signature = (dy, bits, of_input, of_weight, /))]
    fn gradients<'py>(
        &self,
        py: Python<'py>,
        dy: &Object<'py>,
        bits: &TinyBits,
        of_input: bool,
        of_weight: bool,
    ) -> PyResult<Option<Gradients<'py>>> {
        let ([m, n, k], Some(dy)) = (bits.sizes, self.exchange.read(dy)) else {
            return Ok(None);
        };
        let shapes = (dy.shape.with_columns(k), Shape::new(&[n, k]));
        let fits = dy.shape.rows_columns() == Some((m, n)) && kept(bits.sizes).is_some();
        let (true, (Some(inputs), Some(weights))) = (fits, shapes) else {
            return Ok(None);
        };
        let new = |wanted: bool, shape| wanted.then(|| self.exchange.zeros(py, shape)).transpose();
        let (mut dx, mut dw) = (new(of_input, inputs)?, new(of_weight, weights)?);
        let out = [dx.as_mut(), dw.as_mut()].map(|new| new.map(New::elements_mut));
        lend([&dy], |[dy]| bits.gradients(dy, out))?;
        let object = |new: Option<New<'_>>| new.map(|new| new.into_object(py)).transpose();
        Ok(Some((object(dx)?, object(dw)?)))
    }
}

/// What is kept of the input, `[2, m, words]`, the signs of the weights, `[n, words]`, and `k`.
type Arrays<'py> = (Bound<'py, PyArray3<u64>>, Bound<'py, PyArray2<u64>>, usize);

#[pymethods]
impl TinyBits {
    /// The bits as other functions take them.
    fn arrays<'py>(&self, py: Python<'py>) -> PyResult<Arrays<'py>> {
        let [m, n, k] = self.sizes;
        let (input, weights) = (
            zeros(py, [2, m, row_words(k)])?,
            zeros(py, [n, row_words(k)])?,
        );
        let (saved, signs) = self.words.split_at(2 * m * row_words(k));
        input
            .try_readwrite()?
            .as_slice_mut()?
            .copy_from_slice(saved);
        weights
            .try_readwrite()?
            .as_slice_mut()?
            .copy_from_slice(signs);
        Ok((input, weights, k))
    }
}

impl TinyBits {
    /// Writes the gradients for which there is a place.
    fn gradients(&self, dy: &[f32], [dx, dw]: [Option<&mut [f32]>; 2]) -> Result<(), Refusal> {
        let [m, n, k] = self.sizes;
        let (saved, signs) = self.words.split_at(2 * m * row_words(k));
        let saved = SavedInput::read(saved, m, k)?;
        if let Some(dx) = dx {
            linear::input(BitMatrixView::new(signs, n, k)?, &saved, dy, dx)?;
        }
        if let Some(dw) = dw {
            linear::weights(&saved, dy, dw)?;
        }
        Ok(())
    }
}

/// The words that are kept; `None` unless the product is tiny, and small for this thread.
fn kept([m, n, k]: [usize; 3]) -> Option<usize> {
    let rows = m.checked_mul(2)?.checked_add(n)?;
    let words = rows.checked_mul(row_words(k))?;
    (words <= MOST_KEPT && is_small(steps(&[m, n, k]))).then_some(words)
}

/// Writes the bits that are kept, and the outputs.
fn forward(
    x: &[f32],
    w: &[f32],
    [m, n, k]: [usize; 3],
    clip: f32,
    kept: &mut [u64],
    y: &mut [f32],
) -> Result<(), Refusal> {
    let (saved, signs) = kept.split_at_mut(2 * m * row_words(k));
    let saved = SavedInput::save(x, m, k, clip, saved)?;
    let mut signs = BitMatrixViewMut::cleared(signs, n, k)?;
    bnn_core::pack(w, k, &mut signs)?;
    let (scale, bias) = (vec![1.0; n], vec![0.0; n]);
    Ok(gemm_f32(saved.signs(), signs.view(), &scale, &bias, y, n)?)
}
