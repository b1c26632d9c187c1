//! Networks that other programs trained.

use std::path::PathBuf;

use bnn_import::{Comparison, ImportError, Inputs, Limits, Options, SignOfZero, import};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrays::bytes;
use crate::error::{Error, Refusal};
use crate::threads::{MANY, run};

/// The bytes of a model file; how many samples were compared and how many had equal scores; what to
/// know about it; the files that were read.
type Imported<'py> = (Bound<'py, PyBytes>, usize, usize, Vec<String>, Vec<PathBuf>);

/// Imports the network at a path. `numbers`: the factor of a byte, means and deviations; `None` for
/// a network of bits.
#[pyfunction]
pub(crate) fn import_model(
    py: Python<'_>,
    path: PathBuf,
    numbers: Option<(f64, Vec<f32>, Vec<f32>)>,
    plus_at_zero: bool,
    samples: usize,
) -> PyResult<Imported<'_>> {
    let inputs = match numbers {
        Some((scale, mean, deviation)) => Inputs::Bytes {
            scale,
            mean,
            deviation,
        },
        None => Inputs::Bits,
    };
    let options = Options {
        inputs,
        sign_of_zero: match plus_at_zero {
            true => SignOfZero::PlusOne,
            false => SignOfZero::AsOnnx,
        },
        limits: Limits {
            samples,
            ..Limits::default()
        },
    };
    let imported = run(py, MANY, || Ok(import(&path, &options)?))?;
    let (samples, equal) = match imported.comparison {
        Comparison::Samples { samples, equal } => (samples, equal),
        Comparison::Exact { samples } => (samples, samples),
        _ => return Err(Error::new_err("an unknown comparison")),
    };
    let file = bytes(py, &imported.file)?;
    Ok((file, samples, equal, imported.notes, imported.read))
}

impl From<ImportError> for Refusal {
    fn from(error: ImportError) -> Self {
        let error = match error {
            ImportError::Read { name, source } => {
                PyOSError::new_err(format!("cannot read {name}: {source}"))
            }
            ImportError::Model(error) => return error.into(),
            other => Error::new_err(other.to_string()),
        };
        error.into()
    }
}
