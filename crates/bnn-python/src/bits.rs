//! Packed bits: to and from numbers, and products.

use bnn_autograd::internal::product_with_signs;
use bnn_core::internal;
use bnn_core::{
    BitMatrixView, BitMatrixViewMut, Kernel, Number, PackedWeights, gemm_f32, gemm_i32, row_words,
};
use numpy::{Element, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::arrays::{filled, shape};
use crate::error::Refusal;
use crate::threads::{run, steps};

/// The instruction set in use.
#[pyfunction]
pub(crate) fn isa() -> PyResult<String> {
    let kernel = Kernel::active().map_err(Refusal::from)?;
    Ok(kernel.isa().name().to_owned())
}

/// A matrix of numbers that can be packed.
#[derive(FromPyObject)]
pub(crate) enum Numbers<'py> {
    F32(PyReadonlyArray2<'py, f32>),
    F64(PyReadonlyArray2<'py, f64>),
    I8(PyReadonlyArray2<'py, i8>),
    I16(PyReadonlyArray2<'py, i16>),
    I32(PyReadonlyArray2<'py, i32>),
    I64(PyReadonlyArray2<'py, i64>),
}

/// Packs the signs of a matrix without gaps, `[m, k]`, to words `[m, ceil(k / 64)]`.
#[pyfunction]
pub(crate) fn pack<'py>(py: Python<'py>, x: Numbers<'py>) -> PyResult<Bound<'py, PyArray2<u64>>> {
    match x {
        Numbers::F32(x) => packed(py, &x),
        Numbers::F64(x) => packed(py, &x),
        Numbers::I8(x) => packed(py, &x),
        Numbers::I16(x) => packed(py, &x),
        Numbers::I32(x) => packed(py, &x),
        Numbers::I64(x) => packed(py, &x),
    }
}

fn packed<'py, T: Number + Element + Sync>(
    py: Python<'py>,
    x: &PyReadonlyArray2<'py, T>,
) -> PyResult<Bound<'py, PyArray2<u64>>> {
    fill(py, x, |x, k, bits| bnn_core::pack(x, k, bits))
}

/// Packs a matrix of truths without gaps: true is +1, false is -1.
#[pyfunction]
pub(crate) fn pack_bools<'py>(
    py: Python<'py>,
    x: PyReadonlyArray2<'py, bool>,
) -> PyResult<Bound<'py, PyArray2<u64>>> {
    fill(py, &x, |x, k, bits| bnn_core::pack_where(x, k, bits, |x| x))
}

fn fill<'py, T: Element + Sync>(
    py: Python<'py>,
    x: &PyReadonlyArray2<'py, T>,
    pack: impl FnOnce(&[T], usize, &mut BitMatrixViewMut<'_>) -> Result<(), bnn_core::Error> + Send,
) -> PyResult<Bound<'py, PyArray2<u64>>> {
    let ([m, k], x) = (shape(x), x.as_slice()?);
    filled(py, [m, row_words(k)], steps(&[m, k]), |words| {
        let mut bits = BitMatrixViewMut::cleared(words, m, k)?;
        Ok(pack(x, k, &mut bits)?)
    })
}

/// Unpacks words `[m, ceil(k / 64)]` to numbers +1 and -1, `[m, k]`, of the given dtype.
#[pyfunction]
pub(crate) fn unpack<'py>(
    py: Python<'py>,
    bits: PyReadonlyArray2<'py, u64>,
    k: usize,
    dtype: &str,
) -> PyResult<Bound<'py, PyAny>> {
    match dtype {
        "float32" => unpacked::<f32>(py, &bits, k),
        "float64" => unpacked::<f64>(py, &bits, k),
        "int8" => unpacked::<i8>(py, &bits, k),
        "int16" => unpacked::<i16>(py, &bits, k),
        "int32" => unpacked::<i32>(py, &bits, k),
        "int64" => unpacked::<i64>(py, &bits, k),
        other => Err(PyTypeError::new_err(format!(
            "dtype: expected float32, float64, int8, int16, int32 or int64, found {other}"
        ))),
    }
}

fn unpacked<'py, T: Number + Element + Send>(
    py: Python<'py>,
    bits: &PyReadonlyArray2<'py, u64>,
    k: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let ([m, _], words) = (shape(bits), bits.as_slice()?);
    let x = filled(py, [m, k], steps(&[m, k]), |numbers: &mut [T]| {
        let bits = BitMatrixView::new(words, m, k)?;
        Ok(bnn_core::unpack(bits, numbers, k)?)
    })?;
    Ok(x.into_any())
}

/// Weights `[n, k]` laid out once for this CPU. They never change, and any number of threads may
/// use them at once.
#[pyclass(frozen, module = "bnn_engine")]
pub(crate) struct Weights {
    packed: PackedWeights,
}

#[pymethods]
impl Weights {
    /// Lays out words `[n, ceil(k / 64)]`.
    #[new]
    fn new(py: Python<'_>, bits: PyReadonlyArray2<'_, u64>, k: usize) -> PyResult<Self> {
        let (words, [n, _]) = (bits.as_slice()?, shape(&bits));
        let packed = run(py, steps(&[n, k]), || {
            Ok(PackedWeights::new(BitMatrixView::new(words, n, k)?)?)
        })?;
        Ok(Self { packed })
    }

    /// `(n, k)`.
    #[getter]
    fn shape(&self) -> (usize, usize) {
        (self.packed.rows(), self.packed.cols())
    }

    /// The sums of products with rows of bits, `[m, n]`.
    fn sums<'py>(
        &self,
        py: Python<'py>,
        bits: PyReadonlyArray2<'py, u64>,
    ) -> PyResult<Bound<'py, PyArray2<i32>>> {
        let ([m, _], (n, k)) = (shape(&bits), self.shape());
        let words = bits.as_slice()?;
        filled(py, [m, n], steps(&[m, n, k]), |out| {
            let bits = BitMatrixView::new(words, m, k)?;
            Ok(gemm_i32(bits, &self.packed, out, n)?)
        })
    }

    /// `scale * sum + bias`, `[m, n]`: product and sum each rounded.
    fn affine<'py>(
        &self,
        py: Python<'py>,
        bits: PyReadonlyArray2<'py, u64>,
        scale: PyReadonlyArray1<'py, f32>,
        bias: PyReadonlyArray1<'py, f32>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let ([m, _], (n, k)) = (shape(&bits), self.shape());
        let (words, scale, bias) = (bits.as_slice()?, scale.as_slice()?, bias.as_slice()?);
        filled(py, [m, n], steps(&[m, n, k]), |out| {
            let bits = BitMatrixView::new(words, m, k)?;
            Ok(gemm_f32(bits, &self.packed, scale, bias, out, n)?)
        })
    }
}

/// Rows of floats times rows of signs: `y[i, j] = sum over l of x[i, l] * sign[j, l]`; `bits` are
/// the words of signs `[n, k]`.
#[pyfunction]
pub(crate) fn multiply_floats<'py>(
    py: Python<'py>,
    x: PyReadonlyArray2<'py, f32>,
    bits: PyReadonlyArray2<'py, u64>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let ([m, k], [n, _]) = (shape(&x), shape(&bits));
    let (x, words) = (x.as_slice()?, bits.as_slice()?);
    filled(py, [m, n], steps(&[m, n, k]), |out| {
        let signs = BitMatrixView::new(words, n, k)?.transposed()?;
        Ok(product_with_signs(x, signs.view(), out)?)
    })
}

/// The majority of rows of words, `[1, words]`; where as many rows have a bit as have not, that of
/// `ties` `[words]` decides.
#[pyfunction]
pub(crate) fn majority<'py>(
    py: Python<'py>,
    votes: PyReadonlyArray2<'py, u64>,
    ties: PyReadonlyArray1<'py, u64>,
) -> PyResult<Bound<'py, PyArray2<u64>>> {
    let ([rows, words], all, ties) = (shape(&votes), votes.as_slice()?, ties.as_slice()?);
    filled(py, [1, words], steps(&[rows, words]), |out| {
        let votes = BitMatrixView::new(all, rows, words * u64::BITS as usize)?;
        Ok(internal::majority(votes, ties, out)?)
    })
}
