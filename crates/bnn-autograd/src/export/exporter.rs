//! Exports a network and compares the file with it.

use bnn_core::model::InputType;

use super::compare::{Samples, compare};
use super::{ExportError, Lowering};
use crate::nn::Module;
use crate::tensor::Tensor;

/// How to export a network: [`export`](super::export) with settings.
///
/// ```
/// use bnn_autograd::export::Exporter;
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Sequential};
/// use bnn_autograd::{Rng, Tensor};
/// use bnn_core::model::InputType;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut net = Sequential::new()
///     .then(BinaryLinear::new(4, 2, &mut Rng::new(1))?)
///     .then(BatchNorm::new(2)?);
/// let samples = Tensor::new(vec![1.0, -1.0, -1.0, 1.0, -1.0, 1.0, 1.0, 1.0], &[2, 4])?;
/// let file = Exporter::new(InputType::Bits)
///     .with_meta("name=example\n")
///     .with_samples(&samples)
///     .export(&mut net)?;
/// # assert!(!file.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Exporter<'a> {
    input: InputType,
    meta: &'a str,
    image: Option<[usize; 3]>,
    samples: Option<&'a Tensor>,
    tolerance: f64,
}

impl<'a> Exporter<'a> {
    /// An exporter of networks whose samples are of the type `input`.
    #[must_use]
    pub fn new(input: InputType) -> Self {
        Self {
            input,
            meta: "",
            image: None,
            samples: None,
            tolerance: 0.0,
        }
    }

    /// With text that the file keeps, by convention lines of `key=value`.
    #[must_use]
    pub fn with_meta(self, meta: &'a str) -> Self {
        Self { meta, ..self }
    }

    /// With samples that are images `[height, width, channels]`.
    #[must_use]
    pub fn with_images(self, image: [usize; 3]) -> Self {
        Self {
            image: Some(image),
            ..self
        }
    }

    /// With samples to compare file and network on, instead of random ones: `[samples, ..]`, as the
    /// network takes them.
    #[must_use]
    pub fn with_samples(self, samples: &'a Tensor) -> Self {
        Self {
            samples: Some(samples),
            ..self
        }
    }

    /// With a difference that is allowed between the scores of file and network; see
    /// [`Lowering::set_tolerance`].
    #[must_use]
    pub fn with_tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// The bytes of a model file that computes what `model` does in evaluation. The modes of the model
    /// and its buffers are afterwards as before.
    ///
    /// # Errors
    /// Those of [`export`](super::export); [`ExportError::Sample`] for a given sample that is not of the
    /// input type.
    pub fn export(&self, model: &mut dyn Module) -> Result<Vec<u8>, ExportError> {
        let mut lowering = Lowering::new(model.kind(), self.input, self.meta)?;
        lowering.set_tolerance(self.tolerance)?;
        if let Some(image) = self.image {
            lowering.image(image)?;
        }
        model.lower(&mut lowering)?;
        let lowered = lowering.lowered()?;
        let samples = match self.samples {
            Some(samples) => Samples::given(self.input, samples, &lowered.file)?,
            None => Samples::random(self.input, lowering.image, &lowered.file)?,
        };
        compare(model, &lowered, &lowering.operations, &samples)?;
        Ok(lowered.file)
    }
}
