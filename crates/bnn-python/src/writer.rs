//! Writes model files.

use bnn_core::BitMatrixView;
use bnn_core::model::{Epilogue, InputType, ModelWriter};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrays::{bytes, shape};
use crate::conv2d::Conv2d;
use crate::error::{Error, Refusal};
use crate::windows::pool;

/// A model file in the making: layers in the order in which they run.
#[pyclass(module = "bnn_engine")]
pub(crate) struct Writer {
    writer: ModelWriter,
}

/// What becomes of a layer's sums: nothing, bits by thresholds, or `scale * sum + bias`.
type Thresholds<'py> = Option<PyReadonlyArray1<'py, i32>>;
type Affine<'py> = Option<(PyReadonlyArray1<'py, f32>, PyReadonlyArray1<'py, f32>)>;

#[pymethods]
impl Writer {
    /// A model whose input is bits (`input_bits` 0), or bytes of `input_bits` bits (1 to 8).
    #[new]
    fn new(input_bits: u8) -> Self {
        let input = match input_bits {
            0 => InputType::Bits,
            depth => InputType::Unsigned { depth },
        };
        let writer = ModelWriter::new(input);
        Self { writer }
    }

    /// Adds a dense layer with the packed weights `[n, k]`.
    #[pyo3(signature = (bits, k, thresholds=None, affine=None))]
    fn dense(
        &mut self,
        bits: PyReadonlyArray2<'_, u64>,
        k: usize,
        thresholds: Thresholds<'_>,
        affine: Affine<'_>,
    ) -> PyResult<()> {
        let [n, _] = shape(&bits);
        let weights = BitMatrixView::new(bits.as_slice()?, n, k).map_err(Refusal::from)?;
        with_epilogue(thresholds, affine, |epilogue| {
            Ok(self.writer.dense(weights, epilogue)?)
        })
    }

    /// Adds a convolution with the packed filters `[outputs, patch]`.
    #[pyo3(signature = (conv, bits, thresholds=None, affine=None))]
    fn conv2d(
        &mut self,
        conv: &Conv2d,
        bits: PyReadonlyArray2<'_, u64>,
        thresholds: Thresholds<'_>,
        affine: Affine<'_>,
    ) -> PyResult<()> {
        let [n, _] = shape(&bits);
        let filters = BitMatrixView::new(bits.as_slice()?, n, conv.shape().patch_len());
        let filters = filters.map_err(Refusal::from)?;
        with_epilogue(thresholds, affine, |epilogue| {
            Ok(self.writer.conv2d(conv.shape(), filters, epilogue)?)
        })
    }

    /// Adds a max pool of images `[height, width, channels]`; `padding` is `(top, bottom, left,
    /// right)`.
    fn max_pool2d(
        &mut self,
        image: [usize; 3],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 4],
    ) -> PyResult<()> {
        let pool = pool(image, kernel, stride, padding)?;
        Ok(self.writer.max_pool2d(&pool).map_err(Refusal::from)?)
    }

    /// The bytes of the file, with lines of `key=value` for people and tools.
    fn finish<'py>(&self, py: Python<'py>, meta: &str) -> PyResult<Bound<'py, PyBytes>> {
        let file = self.writer.clone().meta(meta).finish();
        let file = file.map_err(Refusal::from)?;
        bytes(py, &file)
    }
}

fn with_epilogue(
    thresholds: Thresholds<'_>,
    affine: Affine<'_>,
    add: impl FnOnce(Epilogue<'_>) -> Result<(), Refusal>,
) -> PyResult<()> {
    let added = match (&thresholds, &affine) {
        (None, None) => add(Epilogue::Sums),
        (Some(thresholds), None) => add(Epilogue::Threshold(thresholds.as_slice()?.into())),
        (None, Some((scale, bias))) => add(Epilogue::Affine {
            scale: scale.as_slice()?,
            bias: bias.as_slice()?,
        }),
        (Some(_), Some(_)) => {
            return Err(Error::new_err(
                "thresholds and scales: expected one of them",
            ));
        }
    };
    Ok(added?)
}
