//! Products of real numbers with the sums of a model file.

use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::arrays::{filled, shape};
use crate::error::Error;
use crate::threads::steps;

/// `x · w^T`, `[m, n]`, for `x` `[m, k]` and `w` `[n, k]`. As in a model file, each sum begins with
/// `+0` and takes the products one by one, in the order of a row; each product and each sum is
/// rounded.
#[pyfunction]
pub(crate) fn ordered_product<'py>(
    py: Python<'py>,
    x: PyReadonlyArray2<'py, f32>,
    w: PyReadonlyArray2<'py, f32>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let ([m, k], [n, columns]) = (shape(&x), shape(&w));
    if k != columns || k == 0 || n == 0 {
        let message = format!("weights: expected the shape [n, {k}], found [{n}, {columns}]");
        return Err(Error::new_err(message));
    }
    let (x, w) = (x.as_slice()?, w.as_slice()?);
    // A row for each input, so that the sums of all outputs go on side by side.
    let by_input = filled(py, [k, n], steps(&[n, k]), |to: &mut [f32]| {
        for (input, row) in to.chunks_exact_mut(n).enumerate() {
            let column = w.iter().skip(input).step_by(k);
            row.iter_mut().zip(column).for_each(|(to, w)| *to = *w);
        }
        Ok(())
    })?;
    let by_input = by_input.try_readonly()?;
    let by_input = by_input.as_slice()?;
    filled(py, [m, n], steps(&[m, n, k]), |y: &mut [f32]| {
        y.par_chunks_mut(n).zip(x.par_chunks(k)).for_each(|(y, x)| {
            for (x, w) in x.iter().zip(by_input.chunks_exact(n)) {
                y.iter_mut().zip(w).for_each(|(y, w)| *y += x * w);
            }
        });
        Ok(())
    })
}
