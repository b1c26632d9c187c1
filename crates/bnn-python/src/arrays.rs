//! Numpy arrays: those that are read, and new ones, which work fills with the GIL released.
//!
//! New ones are asked of numpy through Python, whose error is returned if there is no memory: the
//! `numpy` crate's own constructors panic then.

use numpy::ndarray::{Dimension, IntoDimension};
use numpy::{Element, PyArray, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods, dtype};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple};

use crate::error::{Error, Refusal};
use crate::threads::run;

/// `[rows, columns]` of a matrix.
pub(crate) fn shape<T: Element>(x: &PyReadonlyArray2<'_, T>) -> [usize; 2] {
    match x.shape() {
        &[rows, cols] => [rows, cols],
        _ => [0, 0], // its type says that it has two dimensions
    }
}

/// An array of zeros.
///
/// # Errors
/// `MemoryError` without the memory for it, `Error` for more bytes than can be addressed.
pub(crate) fn zeros<'py, T: Element, D: Dimension>(
    py: Python<'py>,
    shape: impl IntoDimension<Dim = D>,
) -> PyResult<Bound<'py, PyArray<T, D>>> {
    static ZEROS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let shape = shape.into_dimension();
    let sizes = shape.slice();
    // Dimensions of 0 count as 1: numpy has the same limit for arrays without elements.
    let bytes = sizes.iter().try_fold(size_of::<T>(), |bytes, &size| {
        bytes.checked_mul(size.max(1))
    });
    if bytes.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        let message =
            format!("an array of the shape {sizes:?} has more bytes than can be addressed");
        return Err(Error::new_err(message));
    }
    let zeros = ZEROS.import(py, "numpy", "zeros")?;
    let array = zeros.call1((PyTuple::new(py, sizes)?, dtype::<T>(py)))?;
    Ok(array.cast_into()?)
}

/// An array of this shape that `fill` writes in `steps` steps. Without rows there is nothing to
/// write.
///
/// # Errors
/// Those of [`zeros`] and of `fill`.
pub(crate) fn filled<'py, T: Element + Send, D: Dimension>(
    py: Python<'py>,
    shape: impl IntoDimension<Dim = D>,
    steps: usize,
    fill: impl FnOnce(&mut [T]) -> Result<(), Refusal> + Send,
) -> PyResult<Bound<'py, PyArray<T, D>>> {
    let array = zeros(py, shape)?;
    if array.shape().first().is_some_and(|rows| *rows > 0) {
        let mut elements = array.try_readwrite()?;
        let elements = elements.as_slice_mut()?;
        run(py, steps, || fill(elements))?;
    }
    Ok(array)
}

/// The bytes of a file.
///
/// # Errors
/// `MemoryError` without the memory for them.
pub(crate) fn bytes<'py>(py: Python<'py>, file: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, file.len(), |bytes| {
        bytes.copy_from_slice(file);
        Ok(())
    })
}
