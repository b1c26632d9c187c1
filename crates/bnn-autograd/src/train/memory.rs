//! The memory of a training step, told before the first one.

use super::teacher::Teacher;
use super::{TrainError, Trainer};
use crate::buffer::peak_of;
use crate::data::{BatchConfig, Dataset};
use crate::error::Error;
use crate::memory::available;
use crate::nn::{Module, walk};
use crate::tape::Tape;
use crate::tensor::Tensor;

/// What a step takes besides network and data, as two small steps have shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    /// Bytes for each sample of a batch.
    pub(super) per_sample: usize,
    /// Bytes for any batch.
    fixed: usize,
}

impl Needs {
    pub(super) fn of_batch(self, samples: usize) -> usize {
        self.per_sample
            .saturating_mul(samples)
            .saturating_add(self.fixed)
    }
}

/// The least batch: batch normalisation needs two samples.
const LEAST: usize = 2;
/// Samples of the larger of the two steps at most, so that what does not grow with the batch is
/// told from what does; fewer if so many take more than [`MOST_BYTES`].
const MOST: usize = 32;
const MOST_BYTES: usize = 64 << 20;

/// Bytes that threads and their allocators take besides.
const BESIDES: usize = 64 << 20;

/// Bytes that evaluation may take at once for the activations of its samples.
const EVALUATION_BYTES: usize = 256 << 20;
/// Samples that run at once in evaluation, at most.
const EVALUATION_SAMPLES: usize = 1000;

impl<M: Module> Trainer<M> {
    /// Refuses a batch whose step takes more memory than there is. A network that cannot be run on
    /// a few samples is not looked at: training will tell what is wrong.
    pub(super) fn check_memory(&mut self, data: &Dataset) -> Result<(), TrainError> {
        let Some(needs) = self.needs(data) else {
            return Ok(());
        };
        let batch = self.config.batch;
        let bytes = needs.of_batch(batch);
        available(bytes.saturating_add(BESIDES)).map_err(|_| TrainError::Memory { batch, bytes })
    }

    /// The samples that run at once in evaluation: where there is no memory for many, as many as in
    /// a training step, which has had it.
    pub(super) fn evaluated_at_once(&mut self, data: &Dataset) -> usize {
        let Some(needs) = self.needs(data) else {
            return EVALUATION_SAMPLES;
        };
        let many = EVALUATION_BYTES / needs.per_sample.max(1);
        let many = many.clamp(1, EVALUATION_SAMPLES).min(data.samples());
        match available(needs.of_batch(many).saturating_add(BESIDES)) {
            Ok(()) => many,
            Err(_) => many.min(self.config.batch),
        }
    }

    /// Measured once; the network is as before.
    fn needs(&mut self, data: &Dataset) -> Option<Needs> {
        if self.needs.is_none() {
            self.needs = self.measured(data).ok();
        }
        self.needs
    }

    fn measured(&mut self, data: &Dataset) -> Result<Needs, TrainError> {
        let least = self.step_bytes(data, LEAST)?;
        let more = (MOST_BYTES / least.max(1) * LEAST).clamp(LEAST + 1, MOST);
        let more = more.min(data.samples());
        let activations = match more > LEAST {
            true => self.step_bytes(data, more)?.saturating_sub(least) / (more - LEAST),
            false => least / LEAST,
        };
        // The batch as numbers: the one of the step, those that wait, the one in the making.
        let batches = BatchConfig::default().queue + 2;
        let input = data.features() * size_of::<f32>() * batches;
        let mut weights = 0;
        self.model
            .params(&mut |_, param| weights += param.value().numel());
        Ok(Needs {
            per_sample: activations + input,
            // Gradients are among the buffers; a rule such as Adam's has two numbers for a weight.
            fixed: least.saturating_sub(LEAST * activations) + 2 * size_of::<f32>() * weights,
        })
    }

    /// Bytes that a step on the first `samples` samples takes at its peak, without the samples.
    fn step_bytes(&mut self, data: &Dataset, samples: usize) -> Result<usize, TrainError> {
        let indices: Vec<usize> = (0..samples).collect();
        let (pixels, _) = data.batch(&indices)?;
        let x = self.input(pixels, samples, data)?;
        let teacher = &mut self.teacher;
        let step = |model: &mut dyn Module| reverse_pass(model, teacher.as_mut(), x);
        let (saved, peak) = peak_of(|| walk::in_mode(&mut self.model, true, step));
        Ok(saved? + peak)
    }
}

/// Both passes of a step, without its loss; bytes that were saved and are no tensors.
fn reverse_pass(
    model: &mut dyn Module,
    teacher: Option<&mut Teacher>,
    x: Tensor,
) -> Result<usize, Error> {
    let tape = Tape::new();
    let x = tape.constant(x);
    let scores = model.forward(&x)?;
    let saved = tape.memory().besides_tensors;
    if let Some(teacher) = teacher {
        teacher.scores(&x)?;
    }
    let ones = Tensor::full(1.0, scores.shape())?;
    scores.vjp(ones)?;
    Ok(saved)
}
