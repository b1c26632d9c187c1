//! The binary linear layer: its forward pass, and gradients from bits.

use bnn_autograd::internal::gradients::linear;
use bnn_core::{BitMatrixView, FloatRows, PackedWeights, gemm_f32};
use numpy::{Ix2, PyArray2, PyArrayMethods, PyReadonlyArray2, PyReadonlyArray3};
use pyo3::prelude::*;

use crate::arrays::{filled, shape, zeros};
use crate::error::Error;
use crate::forward::{Forward, Rows, forward, read, rows};
use crate::threads::{run, steps};

/// `sign(x) · sign(w)^T` for `x` `[m, k]` and `w` `[n, k]`. With `clip`, also what the gradients
/// need: the saved bits of `x`, whose gradient passes where `|x| <= clip`, and the packed signs of
/// `w`.
#[pyfunction]
#[pyo3(signature = (x, w, clip=None))]
pub(crate) fn linear_forward<'py>(
    py: Python<'py>,
    x: PyReadonlyArray2<'py, f32>,
    w: PyReadonlyArray2<'py, f32>,
    clip: Option<f32>,
) -> PyResult<Forward<'py, Ix2>> {
    let ([m, k], [n, columns]) = (shape(&x), shape(&w));
    if k != columns {
        let message = format!("columns of the weights: expected {k}, found {columns}");
        return Err(Error::new_err(message));
    }
    let x = x.as_slice()?;
    let input = Rows {
        x,
        rows: m,
        k,
        clip,
        steps: steps(&[m, n, k]),
    };
    forward(py, [m, n], &input, &w, |bits, saved, out| {
        let packed = PackedWeights::new(bits.view())?;
        let (scale, bias) = (vec![1.0; n], vec![0.0; n]);
        match saved {
            _ if m == 0 => {}
            Some(x) => gemm_f32(x.signs(), &packed, &scale, &bias, out, n)?,
            None => gemm_f32(FloatRows::new(x, m, k, k)?, &packed, &scale, &bias, out, n)?,
        }
        Ok(())
    })
}

/// The gradient of the input, `[m, k]`, from that of the outputs, `[m, n]`.
#[pyfunction]
pub(crate) fn linear_input_gradient<'py>(
    py: Python<'py>,
    dy: PyReadonlyArray2<'py, f32>,
    saved: PyReadonlyArray3<'py, u64>,
    signs: PyReadonlyArray2<'py, u64>,
    k: usize,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (m, [n, _]) = (rows(&saved)?, shape(&signs));
    let (dy, saved, signs) = (dy.as_slice()?, saved.as_slice()?, signs.as_slice()?);
    filled(py, [m, k], steps(&[m, n, k]), |out| {
        let signs = BitMatrixView::new(signs, n, k)?;
        Ok(linear::input(signs, &read(saved, m, k)?, dy, out)?)
    })
}

/// The gradient of the weights, `[n, k]`, from that of the outputs, `[m, n]`.
#[pyfunction]
pub(crate) fn linear_weight_gradient<'py>(
    py: Python<'py>,
    dy: PyReadonlyArray2<'py, f32>,
    saved: PyReadonlyArray3<'py, u64>,
    k: usize,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (m, [_, n]) = (rows(&saved)?, shape(&dy));
    let (dy, saved) = (dy.as_slice()?, saved.as_slice()?);
    filled(py, [n, k], steps(&[m, n, k]), |out| match m {
        0 => Ok(()),
        _ => Ok(linear::weights(&read(saved, m, k)?, dy, out)?),
    })
}

/// The gradients of the input and of the weights.
type Gradients<'py> = (Bound<'py, PyArray2<f32>>, Bound<'py, PyArray2<f32>>);

/// Both gradients, `[m, k]` and `[n, k]`, in one call, from that of the outputs, `[m, n]`.
#[pyfunction]
pub(crate) fn linear_gradients<'py>(
    py: Python<'py>,
    dy: PyReadonlyArray2<'py, f32>,
    saved: PyReadonlyArray3<'py, u64>,
    signs: PyReadonlyArray2<'py, u64>,
    k: usize,
) -> PyResult<Gradients<'py>> {
    let (m, [n, _]) = (rows(&saved)?, shape(&signs));
    let (dy, saved, signs) = (dy.as_slice()?, saved.as_slice()?, signs.as_slice()?);
    let (dx, dw) = (zeros(py, [m, k])?, zeros(py, [n, k])?);
    if m > 0 {
        let (mut of_input, mut of_weights) = (dx.try_readwrite()?, dw.try_readwrite()?);
        let (of_input, of_weights) = (of_input.as_slice_mut()?, of_weights.as_slice_mut()?);
        run(py, steps(&[m, n, k]), || {
            let saved = read(saved, m, k)?;
            linear::input(BitMatrixView::new(signs, n, k)?, &saved, dy, of_input)?;
            Ok(linear::weights(&saved, dy, of_weights)?)
        })?;
    }
    Ok((dx, dw))
}
