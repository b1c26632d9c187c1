//! Model files.

use bnn_core::model::{
    AlignedBytes, Input, InputType, Model as File, Output, OutputType, PackedModel,
};
use bnn_core::row_words;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use self_cell::self_cell;

use crate::arrays::{bytes, filled};
use crate::error::{Error, Refusal};
use crate::threads::{MANY, run};

self_cell!(
    /// A model and the file that it reads.
    struct Opened {
        owner: AlignedBytes,
        #[covariant]
        dependent: Parts,
    }
);

/// A model, in the layout of its file and in that of this CPU.
struct Parts<'a> {
    file: File<'a>,
    packed: PackedModel<'a>,
}

/// A checked model file, laid out for this CPU. It never changes, and any number of threads may use
/// it at once.
#[pyclass(frozen, module = "bnn_engine")]
pub(crate) struct Model {
    opened: Opened,
}

#[pymethods]
impl Model {
    /// Opens the bytes of a model file, which are copied.
    #[new]
    fn new(py: Python<'_>, file: &[u8]) -> PyResult<Self> {
        let opened = run(py, MANY, || {
            Opened::try_new(AlignedBytes::from(file), |bytes| {
                let file = File::open(bytes)?;
                let packed = PackedModel::new(file)?;
                Ok::<_, Refusal>(Parts { file, packed })
            })
        })?;
        Ok(Self { opened })
    }

    /// `(height, width, channels)` of a sample.
    #[getter]
    fn input_shape(&self) -> [usize; 3] {
        self.file().input_shape()
    }

    /// `(height, width, channels)` of an output.
    #[getter]
    fn output_shape(&self) -> [usize; 3] {
        self.file().output_shape()
    }

    /// "bits", "u1" to "u8", or "thresholds": bytes of which the model makes bits.
    #[getter]
    fn input_type(&self) -> PyResult<String> {
        match self.file().input().1 {
            InputType::Bits => Ok("bits".to_owned()),
            InputType::Unsigned { depth } => Ok(format!("u{depth}")),
            InputType::Thresholds => Ok("thresholds".to_owned()),
            other => Err(Error::new_err(format!("an input of the type {other}"))),
        }
    }

    /// "bits", "int32" or "float32".
    #[getter]
    fn output_type(&self) -> PyResult<&'static str> {
        match self.file().output().1 {
            OutputType::Bits => Ok("bits"),
            OutputType::I32 => Ok("int32"),
            OutputType::F32 => Ok("float32"),
            other => Err(Error::new_err(format!("an output of the type {other}"))),
        }
    }

    /// The text of the meta section, lines of `key=value`.
    #[getter]
    fn meta(&self) -> &str {
        self.file().meta()
    }

    /// Bytes of the file.
    #[getter]
    fn file_bytes(&self) -> usize {
        self.file().file_bytes()
    }

    /// Bytes of scratch memory that one sample takes on a machine without an allocator.
    #[getter]
    fn scratch_bytes(&self) -> PyResult<usize> {
        let words = self.file().scratch_words(1).map_err(Refusal::from)?;
        Ok(words * size_of::<u64>())
    }

    /// Operations of a run of one sample.
    #[getter]
    fn operations(&self) -> u64 {
        self.file().operations()
    }

    /// The model as an ONNX file.
    fn onnx<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let file = run(py, MANY, || Ok(bnn_onnxruntime::onnx(self.file())?))?;
        bytes(py, &file)
    }

    /// One line per layer.
    fn layers(&self) -> Vec<String> {
        let layers = self.file().layers();
        layers
            .map(|layer| {
                let kind = match layer.kind {
                    bnn_core::model::LayerKind::Dense => "dense",
                    bnn_core::model::LayerKind::Conv2d(_) => "conv2d",
                    bnn_core::model::LayerKind::MaxPool2d(_) => "max_pool2d",
                    _ => "layer",
                };
                let (from, to) = (layer.input_shape, layer.output_shape);
                format!("{kind} {from:?} {} -> {to:?} {}", layer.input, layer.output)
            })
            .collect()
    }

    /// Runs samples of bytes.
    fn run_bytes<'py>(
        &self,
        py: Python<'py>,
        samples: usize,
        x: PyReadonlyArray1<'py, u8>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.run(py, samples, Input::Bytes(x.as_slice()?))
    }

    /// Runs samples of packed bits.
    fn run_bits<'py>(
        &self,
        py: Python<'py>,
        samples: usize,
        x: PyReadonlyArray1<'py, u64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.run(py, samples, Input::Bits(x.as_slice()?))
    }
}

impl Model {
    fn file(&self) -> &File<'_> {
        &self.opened.borrow_dependent().file
    }

    fn run<'py>(
        &self,
        py: Python<'py>,
        samples: usize,
        input: Input<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let packed = &self.opened.borrow_dependent().packed;
        let [height, width, channels] = self.file().output_shape();
        let pixels = samples.saturating_mul(height * width);
        // Products of bits, 64 at a time.
        let work = samples.saturating_mul((self.file().operations() / 16) as usize);
        macro_rules! into {
            ($kind:ident, $number:ty, $len:expr) => {{
                let run =
                    |out: &mut [$number]| Ok(packed.run(samples, input, Output::$kind(out))?);
                Ok(filled(py, [$len], work, run)?.into_any())
            }};
        }
        match self.file().output().1 {
            OutputType::Bits => into!(Bits, u64, pixels.saturating_mul(row_words(channels))),
            OutputType::I32 => into!(I32, i32, pixels.saturating_mul(channels)),
            OutputType::F32 => into!(F32, f32, pixels.saturating_mul(channels)),
            other => Err(Error::new_err(format!("an output of the type {other}"))),
        }
    }
}
