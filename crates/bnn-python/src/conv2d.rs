//! The binary 2-D convolution: its shape, its forward pass, and gradients from bits.

use bnn_autograd::internal::gradients::{SavedInput, conv2d};
use bnn_core::conv::{Conv2d as Shape, ConvOptions, PackedFilters, PadValue, Padding, conv2d_f32};
use bnn_core::{BitMatrix, BitMatrixView, row_words};
use numpy::{
    PyArray2, PyArray3, PyArray4, PyArrayMethods, PyReadonlyArray2, PyReadonlyArray3,
    PyReadonlyArray4, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::bits::shape;
use crate::error::{Error, Refusal};
use crate::saved;
use crate::threads::run;

/// Outputs, what is kept of the images, and the packed filters.
type Forward<'py> = (
    Bound<'py, PyArray4<f32>>,
    Option<Bound<'py, PyArray3<u64>>>,
    Option<Bound<'py, PyArray2<u64>>>,
);

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
        let [top, bottom, left, right] = padding;
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
            padding: Padding::Explicit {
                top,
                bottom,
                left,
                right,
            },
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
    ) -> PyResult<Forward<'py>> {
        let (conv, batch) = (&self.shape, x.shape().first().copied().unwrap_or_default());
        let [n, patch] = shape(&w);
        let (height, width, outputs) = self.output_shape();
        let y = PyArray4::zeros(py, [batch, height, width, outputs], false);
        let kept = clip.map(|_| saved::room(py, batch, self.image()));
        let signs = clip.map(|_| PyArray2::<u64>::zeros(py, [n, row_words(patch)], false));
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
            let bits = BitMatrix::pack(w, n, patch)?;
            let packed = PackedFilters::new(conv, bits.view())?;
            let (scale, bias) = (vec![1.0; n], vec![0.0; n]);
            if let Some(to) = sign_words {
                to.copy_from_slice(bits.words());
            }
            match (clip, kept_words) {
                _ if batch == 0 => {}
                (Some(clip), Some(words)) => {
                    let x = SavedInput::save(x, batch, self.image(), clip, words)?;
                    let pixels = conv2d::pixels(conv, &x)?;
                    conv2d_f32(pixels.view(), &packed, &scale, &bias, out, n)?;
                }
                _ => conv2d_f32(x, &packed, &scale, &bias, out, n)?,
            }
            Ok(())
        })?;
        Ok((y, kept, signs))
    }

    /// The gradient of the images, `[batch, height, width, channels]`, from that of the outputs.
    fn input_gradient<'py>(
        &self,
        py: Python<'py>,
        dy: PyReadonlyArray4<'py, f32>,
        saved: PyReadonlyArray3<'py, u64>,
        signs: PyReadonlyArray2<'py, u64>,
    ) -> PyResult<Bound<'py, PyArray4<f32>>> {
        let (conv, batch) = (&self.shape, saved::rows(&saved)?);
        let ([height, width], [n, _]) = (conv.windows().input_size(), shape(&signs));
        let dx = PyArray4::zeros(py, [batch, height, width, conv.channels()], false);
        if batch > 0 {
            let (dy, saved, signs) = (dy.as_slice()?, saved.as_slice()?, signs.as_slice()?);
            let mut out = dx.try_readwrite()?;
            let out = out.as_slice_mut()?;
            run(py, || {
                let filters = BitMatrixView::new(signs, n, conv.patch_len())?;
                let saved = saved::read(saved, batch, self.image())?;
                Ok(conv2d::input(conv, filters, &saved, dy, out)?)
            })?;
        }
        Ok(dx)
    }

    /// The gradient of the filters, `[outputs, patch]`, from that of the outputs.
    fn weight_gradient<'py>(
        &self,
        py: Python<'py>,
        dy: PyReadonlyArray4<'py, f32>,
        saved: PyReadonlyArray3<'py, u64>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let (conv, batch) = (&self.shape, saved::rows(&saved)?);
        let dw = PyArray2::zeros(py, [conv.outputs(), conv.patch_len()], false);
        if batch > 0 {
            let (dy, saved) = (dy.as_slice()?, saved.as_slice()?);
            let mut out = dw.try_readwrite()?;
            let out = out.as_slice_mut()?;
            run(py, || {
                let saved = saved::read(saved, batch, self.image())?;
                Ok(conv2d::filters(conv, &saved, dy, out)?)
            })?;
        }
        Ok(dw)
    }
}

impl Conv2d {
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Elements of an image.
    fn image(&self) -> usize {
        let [height, width] = self.shape.windows().input_size();
        height * width * self.shape.channels()
    }
}
