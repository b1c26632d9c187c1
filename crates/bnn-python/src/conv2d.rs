//! The binary 2-D convolution: its shape, its forward pass, and gradients from bits.

use bnn_autograd::internal::gradients::conv2d;
use bnn_core::BitMatrixView;
use bnn_core::conv::{Conv2d as Shape, ConvOptions, PackedFilters, PadValue, conv2d_f32};
use numpy::{
    Ix4, PyArray2, PyArray4, PyReadonlyArray2, PyReadonlyArray3, PyReadonlyArray4,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::arrays::{filled, shape};
use crate::error::{Error, Refusal};
use crate::forward::{Forward, Rows, forward, read, rows};
use crate::threads::steps;
use crate::windows;

/// The shape of a convolution of images `[height, width, channels]`.
#[pyclass(frozen, module = "bnn_engine")]
pub(crate) struct Conv2d {
    shape: Shape,
}

#[pymethods]
impl Conv2d {
    /// `padding` is `(top, bottom, left, right)`; `pad_value` is 0, 1 or -1.
    #[new]
    #[pyo3(signature = (image, outputs, kernel, stride=[1, 1], dilation=[1, 1], groups=1, padding=[0, 0, 0, 0], pad_value=0))]
    #[allow(clippy::too_many_arguments, reason = "they are named in Python")]
    fn new(
        image: [usize; 3],
        outputs: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        groups: usize,
        padding: [usize; 4],
        pad_value: i8,
    ) -> PyResult<Self> {
        let pad_value = match pad_value {
            0 => PadValue::Zero,
            1 => PadValue::PlusOne,
            -1 => PadValue::MinusOne,
            other => {
                let message = format!("pad_value: expected 0, 1 or -1, found {other}");
                return Err(Error::new_err(message));
            }
        };
        let options = ConvOptions {
            stride,
            dilation,
            groups,
            padding: windows::padding(padding),
            pad_value,
        };
        let shape = Shape::new(image, outputs, kernel, options).map_err(Refusal::from)?;
        Ok(Self { shape })
    }

    /// `(height, width, channels)` of an output.
    #[getter]
    fn output_shape(&self) -> (usize, usize, usize) {
        let [height, width] = self.shape.windows().output_size();
        (height, width, self.shape.outputs())
    }

    /// The convolution of the signs of images `[batch, height, width, channels]` with the signs of
    /// filters `[outputs, kernel height * kernel width * channels / groups]`. With `clip`, also
    /// what the gradients need.
    #[pyo3(signature = (x, w, clip=None))]
    fn forward<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray4<'py, f32>,
        w: PyReadonlyArray2<'py, f32>,
        clip: Option<f32>,
    ) -> PyResult<Forward<'py, Ix4>> {
        let (conv, batch) = (&self.shape, x.shape().first().copied().unwrap_or_default());
        let (x, [n, _]) = (x.as_slice()?, shape(&w));
        let (height, width, outputs) = self.output_shape();
        let input = Rows {
            x,
            rows: batch,
            k: self.image(),
            clip,
            steps: self.steps(batch),
        };
        let outputs = [batch, height, width, outputs];
        forward(py, outputs, &input, &w, |bits, saved, out| {
            let packed = PackedFilters::new(conv, bits.view())?;
            let (scale, bias) = (vec![1.0; n], vec![0.0; n]);
            match saved {
                _ if batch == 0 => {}
                Some(x) => {
                    let pixels = conv2d::pixels(conv, &x)?;
                    conv2d_f32(pixels.view(), &packed, &scale, &bias, out, n)?;
                }
                None => conv2d_f32(x, &packed, &scale, &bias, out, n)?,
            }
            Ok(())
        })
    }

    /// The gradient of the images, `[batch, height, width, channels]`, from that of the outputs.
    fn input_gradient<'py>(
        &self,
        py: Python<'py>,
        dy: PyReadonlyArray4<'py, f32>,
        saved: PyReadonlyArray3<'py, u64>,
        signs: PyReadonlyArray2<'py, u64>,
    ) -> PyResult<Bound<'py, PyArray4<f32>>> {
        let (conv, batch) = (&self.shape, rows(&saved)?);
        let ([height, width], [n, _]) = (conv.windows().input_size(), shape(&signs));
        let (dy, saved, signs) = (dy.as_slice()?, saved.as_slice()?, signs.as_slice()?);
        let steps = self.steps(batch);
        filled(py, [batch, height, width, conv.channels()], steps, |out| {
            let filters = BitMatrixView::new(signs, n, conv.patch_len())?;
            let saved = read(saved, batch, self.image())?;
            Ok(conv2d::input(conv, filters, &saved, dy, out)?)
        })
    }

    /// The gradient of the filters, `[outputs, patch]`, from that of the outputs.
    fn weight_gradient<'py>(
        &self,
        py: Python<'py>,
        dy: PyReadonlyArray4<'py, f32>,
        saved: PyReadonlyArray3<'py, u64>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let (conv, batch) = (&self.shape, rows(&saved)?);
        let (dy, saved) = (dy.as_slice()?, saved.as_slice()?);
        let steps = self.steps(batch);
        filled(
            py,
            [conv.outputs(), conv.patch_len()],
            steps,
            |out| match batch {
                0 => Ok(()),
                _ => Ok(conv2d::filters(
                    conv,
                    &read(saved, batch, self.image())?,
                    dy,
                    out,
                )?),
            },
        )
    }
}

impl Conv2d {
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Products of a pass.
    fn steps(&self, batch: usize) -> usize {
        let (height, width, outputs) = self.output_shape();
        steps(&[batch, height, width, outputs, self.shape.patch_len()])
    }

    /// Elements of an image.
    fn image(&self) -> usize {
        let [height, width] = self.shape.windows().input_size();
        height * width * self.shape.channels()
    }
}
