//! Forward passes of layers with latent weights, and what they keep for the gradients.

use bnn_autograd::internal::gradients::SavedInput;
use bnn_core::{BitMatrix, row_words};
use numpy::ndarray::{Dimension, IntoDimension};
use numpy::{
    PyArray, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray2, PyReadonlyArray3,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::arrays::{shape, zeros};
use crate::error::{Error, Refusal};
use crate::threads::run;

/// Outputs; what is kept of the input, words `[2, rows, ceil(k / 64)]`, the packed signs and the
/// mask that says where the gradient passes; and the packed weights.
pub(crate) type Forward<'py, D> = (
    Bound<'py, PyArray<f32, D>>,
    Option<Bound<'py, PyArray3<u64>>>,
    Option<Bound<'py, PyArray2<u64>>>,
);

/// The input of a layer: rows of `k` elements, of which the gradient passes where `|x| <= clip`.
pub(crate) struct Rows<'x> {
    pub(crate) x: &'x [f32],
    pub(crate) rows: usize,
    pub(crate) k: usize,
    /// `None`: nothing is kept.
    pub(crate) clip: Option<f32>,
    /// Steps of the work.
    pub(crate) steps: usize,
}

/// Has `compute` write the outputs, of shape `outputs`, from the packed weights and, with a clip,
/// from what is kept of the input. Without rows nothing is kept.
pub(crate) fn forward<'py, D: Dimension>(
    py: Python<'py>,
    outputs: impl IntoDimension<Dim = D>,
    input: &Rows<'_>,
    w: &PyReadonlyArray2<'py, f32>,
    compute: impl FnOnce(&BitMatrix, Option<SavedInput<'_>>, &mut [f32]) -> Result<(), Refusal> + Send,
) -> PyResult<Forward<'py, D>> {
    let &Rows {
        x,
        rows,
        k,
        clip,
        steps,
    } = input;
    let (w, [n, columns]) = (w.as_slice()?, shape(w));
    let y = zeros(py, outputs)?;
    let mut out = y.try_readwrite()?;
    let out = out.as_slice_mut()?;
    let pack = || BitMatrix::pack(w, n, columns);
    let Some(clip) = clip else {
        run(py, steps, || compute(&pack()?, None, out))?;
        return Ok((y, None, None));
    };
    let kept = zeros(py, [2, rows, row_words(k)])?;
    let signs = zeros(py, [n, row_words(columns)])?;
    let (mut kept_words, mut sign_words) = (kept.try_readwrite()?, signs.try_readwrite()?);
    let (kept_words, sign_words) = (kept_words.as_slice_mut()?, sign_words.as_slice_mut()?);
    run(py, steps, || {
        let bits = pack()?;
        sign_words.copy_from_slice(bits.words());
        let saved = match rows {
            0 => None,
            _ => Some(SavedInput::save(x, rows, k, clip, kept_words)?),
        };
        compute(&bits, saved, out)
    })?;
    Ok((y, Some(kept), Some(signs)))
}

/// Reads what was kept.
pub(crate) fn read(words: &[u64], rows: usize, k: usize) -> Result<SavedInput<'_>, Refusal> {
    Ok(SavedInput::read(words, rows, k)?)
}

/// Rows of what was kept.
pub(crate) fn rows(saved: &PyReadonlyArray3<'_, u64>) -> PyResult<usize> {
    match saved.shape() {
        &[2, rows, _] => Ok(rows),
        shape => Err(Error::new_err(format!(
            "saved bits: expected the shape (2, rows, words), found {shape:?}"
        ))),
    }
}
