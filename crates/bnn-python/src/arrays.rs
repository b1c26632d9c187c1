//! Numpy arrays: those that are read, and new ones, which work fills with the GIL released.

use numpy::ndarray::{Dimension, IntoDimension};
use numpy::{Element, PyArray, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::error::Refusal;
use crate::threads::run;

/// `[rows, columns]` of a matrix.
pub(crate) fn shape<T: Element>(x: &PyReadonlyArray2<'_, T>) -> [usize; 2] {
    match x.shape() {
        &[rows, cols] => [rows, cols],
        _ => [0, 0], // its type says that it has two dimensions
    }
}

/// An array of this shape that `fill` writes in `steps` steps. Without rows there is nothing to
/// write.
pub(crate) fn filled<'py, T: Element + Send, D: Dimension>(
    py: Python<'py>,
    shape: impl IntoDimension<Dim = D>,
    steps: usize,
    fill: impl FnOnce(&mut [T]) -> Result<(), Refusal> + Send,
) -> PyResult<Bound<'py, PyArray<T, D>>> {
    let array = PyArray::zeros(py, shape, false);
    if array.shape().first().is_some_and(|rows| *rows > 0) {
        let mut elements = array.try_readwrite()?;
        let elements = elements.as_slice_mut()?;
        run(py, steps, || fill(elements))?;
    }
    Ok(array)
}
