//! Errors of the engine as Python exceptions.

use pyo3::PyErr;
use pyo3::exceptions::{PyMemoryError, PyValueError};

pyo3::create_exception!(
    bnn_engine,
    Error,
    PyValueError,
    "An argument that the engine refuses: says what was wrong and what was expected. Nothing has been\nwritten then."
);

/// The error of any part of the engine, as Python's.
pub(crate) struct Refusal(PyErr);

impl From<Refusal> for PyErr {
    fn from(refusal: Refusal) -> Self {
        refusal.0
    }
}

impl From<PyErr> for Refusal {
    fn from(error: PyErr) -> Self {
        Self(error)
    }
}

impl From<bnn_core::Error> for Refusal {
    fn from(error: bnn_core::Error) -> Self {
        Self(match error {
            bnn_core::Error::OutOfMemory { .. } => PyMemoryError::new_err(error.to_string()),
            _ => Error::new_err(error.to_string()),
        })
    }
}

impl From<bnn_autograd::Error> for Refusal {
    fn from(error: bnn_autograd::Error) -> Self {
        match error {
            bnn_autograd::Error::Core(error) => error.into(),
            other => Self(Error::new_err(other.to_string())),
        }
    }
}

impl From<bnn_core::model::ModelError> for Refusal {
    fn from(error: bnn_core::model::ModelError) -> Self {
        match error {
            bnn_core::model::ModelError::Core(error) => error.into(),
            other => Self(Error::new_err(other.to_string())),
        }
    }
}

impl From<bnn_onnxruntime::ExportError> for Refusal {
    fn from(error: bnn_onnxruntime::ExportError) -> Self {
        match error {
            bnn_onnxruntime::ExportError::Model(error) => error.into(),
            other => Self(Error::new_err(other.to_string())),
        }
    }
}
