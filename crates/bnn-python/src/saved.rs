//! What a forward pass keeps of its input: words `[2, rows, ceil(k / 64)]`, the packed signs and
//! the mask that says where the gradient passes.

use bnn_autograd::internal::gradients::SavedInput;
use bnn_core::row_words;
use numpy::{PyArray3, PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::error::{Error, Refusal};

/// Room for what is kept of `rows` rows of `k` elements.
pub(crate) fn room(py: Python<'_>, rows: usize, k: usize) -> Bound<'_, PyArray3<u64>> {
    PyArray3::zeros(py, [2, rows, row_words(k)], false)
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
