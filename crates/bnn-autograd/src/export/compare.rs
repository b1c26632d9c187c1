//! A model file beside the network that it was made from, on samples.

use bnn_core::BitMatrix;
use bnn_core::internal::output_exponent;
use bnn_core::model::{AlignedBytes, Input, InputType, Model, Output, OutputType, PackedModel};

use super::ExportError;
use super::lowering::Lowered;
use super::operations::Operations;
use crate::error::Error;
use crate::nn::{Module, walk};
use crate::rng::Rng;
use crate::tape::Tape;
use crate::tensor::Tensor;

/// Samples to compare on.
pub(super) struct Samples {
    input: InputType,
    /// The shape of one sample, as the network takes it.
    shape: Vec<usize>,
    /// The numbers of all samples, one after the other.
    numbers: Vec<f32>,
}

/// How many random samples are compared: rows, and images, which take longer.
const ROWS: usize = 64;
const IMAGES: usize = 16;
/// How many samples the network computes at once.
const AT_ONCE: usize = 64;

impl Samples {
    /// Samples of the model's input type: the smallest and the largest elements everywhere, then
    /// random ones.
    pub(super) fn random(
        input: InputType,
        image: Option<[usize; 3]>,
        file: &[u8],
    ) -> Result<Self, ExportError> {
        let file = AlignedBytes::from(file);
        let elements: usize = Model::open(&file)?.input_shape().iter().product();
        let (shape, samples) = match image {
            Some(image) => (image.to_vec(), IMAGES),
            None => (vec![elements], ROWS),
        };
        let rng = &mut Rng::new(1);
        let mut numbers = Vec::with_capacity(samples * elements);
        for sample in 0..samples {
            for _ in 0..elements {
                let drawn = rng.uniform(0.0, 1.0);
                let share = match sample {
                    0 => 0.0,
                    1 => 1.0,
                    _ => drawn,
                };
                numbers.push(match input {
                    InputType::Bits if share < 0.5 => -1.0,
                    InputType::Bits => 1.0,
                    _ => {
                        (share * f64::from(largest(input) + 1.0)).min(largest(input).into()) as f32
                    }
                });
            }
        }
        numbers.iter_mut().for_each(|x| *x = x.floor());
        Ok(Self {
            input,
            shape,
            numbers,
        })
    }

    /// The caller's samples, `[samples, ..]`.
    pub(super) fn given(
        input: InputType,
        samples: &Tensor,
        file: &[u8],
    ) -> Result<Self, ExportError> {
        let file = AlignedBytes::from(file);
        let elements: usize = Model::open(&file)?.input_shape().iter().product();
        let shape = samples.shape().get(1..).unwrap_or_default();
        if samples.shape().is_empty() || shape.iter().product::<usize>() != elements {
            return Err(ExportError::Network(Error::Shape {
                what: "samples to compare on",
                expected: format!("[samples, ..] with {elements} elements in each"),
                found: samples.shape().to_vec(),
            }));
        }
        let fits = |x: f32| match input {
            InputType::Bits => x == 1.0 || x == -1.0,
            _ => x.fract() == 0.0 && (0.0..=largest(input)).contains(&x),
        };
        if let Some(at) = samples.data().iter().position(|&x| !fits(x)) {
            return Err(ExportError::Sample {
                sample: at / elements,
                input: at % elements,
                value: samples.data()[at],
                expected: match input {
                    InputType::Bits => "-1 or 1".to_owned(),
                    _ => format!("an integer from 0 to {}", largest(input)),
                },
            });
        }
        Ok(Self {
            input,
            shape: shape.to_vec(),
            numbers: samples.data().to_vec(),
        })
    }

    fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Groups of samples, as tensors.
    fn groups(&self) -> impl Iterator<Item = Result<Tensor, Error>> {
        let (elements, shape) = (self.elements(), &self.shape);
        self.numbers.chunks(AT_ONCE * elements).map(move |group| {
            let shape = [&[group.len() / elements], &**shape].concat();
            Tensor::new(group.to_vec(), &shape)
        })
    }
}

/// The largest element of an input of integers.
fn largest(input: InputType) -> f32 {
    match input {
        InputType::Unsigned { depth } => ((1_u32 << depth) - 1) as f32,
        _ => 255.0,
    }
}

/// Compares the outputs of a file with those of the network in evaluation, and the operations of
/// the network's forward pass with those that its layers have accounted for.
pub(super) fn compare(
    network: &mut dyn Module,
    lowered: &Lowered,
    operations: &Operations,
    samples: &Samples,
) -> Result<(), ExportError> {
    let file = AlignedBytes::from(lowered.file.as_slice());
    let model = Model::open(&file)?;
    let packed = PackedModel::new(model)?;
    let columns = lowered.differences.len();
    let unit = f32::from(-output_exponent(&model)).exp2();
    let (mut first, mut differing, mut outputs) = (None, 0, 0);
    walk::in_evaluation(network, |network| {
        for (group, numbers) in samples.groups().enumerate() {
            let numbers = numbers?;
            let count = numbers.shape()[0];
            let mut by_file = run(&model, &packed, samples.input, count, numbers.data())?;
            by_file.iter_mut().for_each(|score| *score *= unit);
            let by_network = forward(network, numbers, (group == 0).then_some(operations))?;
            Error::check_count("outputs of the model", by_file.len(), by_network.numel())?;
            let each = by_file.len() / count;
            let pairs = by_file.iter().zip(by_network.data());
            for (at, (&file, &model)) in pairs.enumerate() {
                let allowed = lowered.differences[at % columns];
                let difference = (f64::from(file) - f64::from(model)).abs();
                if file == model || difference <= allowed {
                    continue;
                }
                differing += 1;
                let (sample, output) = (group * AT_ONCE + at / each, at % each);
                first.get_or_insert((sample, output, model, file));
            }
            outputs += by_file.len();
        }
        Ok::<_, ExportError>(())
    })?;
    match first {
        None => Ok(()),
        Some((sample, output, model, file)) => Err(ExportError::Differs {
            sample,
            output,
            model,
            file,
            differing,
            outputs,
        }),
    }
}

/// The outputs of the network; with `operations`, these are checked.
fn forward(
    network: &mut dyn Module,
    numbers: Tensor,
    operations: Option<&Operations>,
) -> Result<Tensor, ExportError> {
    let tape = Tape::new();
    let Some(operations) = operations else {
        let x = tape.constant(numbers);
        return Ok(tape.no_grad(|| network.forward(&x))?.into());
    };
    let x = tape.leaf(numbers);
    let y = network.forward(&x)?;
    if !y.requires_grad() {
        return Err(ExportError::Untraced);
    }
    operations.check(&tape.trace(&x))?;
    Ok(y.into())
}

/// The outputs of the file, as numbers.
fn run(
    model: &Model<'_>,
    packed: &PackedModel<'_>,
    input: InputType,
    samples: usize,
    numbers: &[f32],
) -> Result<Vec<f32>, ExportError> {
    let [_, _, channels] = model.input_shape();
    let (bits, bytes);
    let input = match input {
        InputType::Bits => {
            bits = BitMatrix::pack(numbers, numbers.len() / channels, channels)
                .map_err(Error::from)?;
            Input::Bits(bits.words())
        }
        _ => {
            bytes = numbers.iter().map(|&x| x as u8).collect::<Vec<_>>();
            Input::Bytes(&bytes)
        }
    };
    let len = samples * model.sizes().output_len;
    match model.output().1 {
        OutputType::F32 => {
            let mut scores = vec![0.0; len];
            packed.run(samples, input, Output::F32(&mut scores))?;
            Ok(scores)
        }
        OutputType::I32 => {
            let mut sums = vec![0; len];
            packed.run(samples, input, Output::I32(&mut sums))?;
            Ok(sums.iter().map(|&sum| sum as f32).collect())
        }
        _ => {
            let mut words = vec![0; len];
            packed.run(samples, input, Output::Bits(&mut words))?;
            let [height, width, channels] = model.output_shape();
            let bits = BitMatrix::from_words(words, samples * height * width, channels);
            Ok(bits.and_then(|bits| bits.unpack()).map_err(Error::from)?)
        }
    }
}
