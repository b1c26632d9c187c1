//! The binary linear layer: its forward pass, and gradients from bits.

use bnn_autograd::internal::gradients::{SavedInput, linear};
use bnn_core::{BitMatrix, BitMatrixView, FloatRows, PackedWeights, gemm_f32, row_words};
use numpy::{PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray2, PyReadonlyArray3};
use pyo3::prelude::*;

use crate::bits::shape;
use crate::error::{Error, Refusal};
use crate::saved;
use crate::threads::run;

/// Outputs, what is kept of the input, and the packed weights.
type Forward<'py> = (
    Bound<'py, PyArray2<f32>>,
    Option<Bound<'py, PyArray3<u64>>>,
    Option<Bound<'py, PyArray2<u64>>>,
);

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
) -> PyResult<Forward<'py>> {
    let ([m, k], [n, columns]) = (shape(&x), shape(&w));
    if k != columns {
        let message = format!("columns of the weights: expected {k}, found {columns}");
        return Err(Error::new_err(message));
    }
    let y = PyArray2::zeros(py, [m, n], false);
    let kept = clip.map(|_| saved::room(py, m, k));
    let signs = clip.map(|_| PyArray2::<u64>::zeros(py, [n, row_words(k)], false));
    let (x, w) = (x.as_slice()?, w.as_slice()?);
    let mut out = y.try_readwrite()?;
    let out = out.as_slice_mut()?;
    let mut kept_words = kept.as_ref().map(|kept| kept.try_readwrite()).transpose()?;
    let kept_words = kept_words
        .as_mut()
        .map(|kept| kept.as_slice_mut())
        .transpose()?;
    let mut sign_words = signs
        .as_ref()
        .map(|signs| signs.try_readwrite())
        .transpose()?;
    let sign_words = sign_words
        .as_mut()
        .map(|signs| signs.as_slice_mut())
        .transpose()?;
    run(py, move || {
        let bits = BitMatrix::pack(w, n, k)?;
        let packed = PackedWeights::new(bits.view())?;
        let (scale, bias) = (vec![1.0; n], vec![0.0; n]);
        if let Some(to) = sign_words {
            to.copy_from_slice(bits.words());
        }
        match (clip, kept_words) {
            _ if m == 0 => {}
            (Some(clip), Some(words)) => {
                let x = SavedInput::save(x, m, k, clip, words)?;
                gemm_f32(x.signs(), &packed, &scale, &bias, out, n)?;
            }
            _ => gemm_f32(FloatRows::new(x, m, k, k)?, &packed, &scale, &bias, out, n)?,
        }
        Ok(())
    })?;
    Ok((y, kept, signs))
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
    let (m, [n, _]) = (saved::rows(&saved)?, shape(&signs));
    let dx = PyArray2::zeros(py, [m, k], false);
    if m > 0 {
        let (dy, saved, signs) = (dy.as_slice()?, saved.as_slice()?, signs.as_slice()?);
        let mut out = dx.try_readwrite()?;
        let out = out.as_slice_mut()?;
        run(py, || {
            let signs = BitMatrixView::new(signs, n, k)?;
            Ok(linear::input(signs, &saved::read(saved, m, k)?, dy, out)?)
        })?;
    }
    Ok(dx)
}

/// The gradient of the weights, `[n, k]`, from that of the outputs, `[m, n]`.
#[pyfunction]
pub(crate) fn linear_weight_gradient<'py>(
    py: Python<'py>,
    dy: PyReadonlyArray2<'py, f32>,
    saved: PyReadonlyArray3<'py, u64>,
    k: usize,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (m, [_, n]) = (saved::rows(&saved)?, shape(&dy));
    let dw = PyArray2::zeros(py, [n, k], false);
    if m > 0 && n > 0 {
        let (dy, saved) = (dy.as_slice()?, saved.as_slice()?);
        let mut out = dw.try_readwrite()?;
        let out = out.as_slice_mut()?;
        run(py, || {
            Ok::<_, Refusal>(linear::weights(&saved::read(saved, m, k)?, dy, out)?)
        })?;
    }
    Ok(dw)
}
