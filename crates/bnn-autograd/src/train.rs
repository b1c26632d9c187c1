//! The training loop: epochs of shuffled batches, a schedule, checkpoints that resume exactly.
//!
//! All randomness of an epoch (order, augmentation) is drawn from the seed and the epoch's number,
//! so that a checkpoint at an epoch's end is all that a run needs to go on as if never interrupted.

mod error;
#[cfg(test)]
mod laws;
mod memory;
mod resume;
mod stats;
mod teacher;

use std::convert::Infallible;
use std::fmt;
use std::ops::ControlFlow;

use bnn_core::model::argmax;

pub use error::TrainError;
pub use stats::{BatchStats, EpochStats};
pub use teacher::Teaching;

use crate::data::{Augment, Batch, BatchConfig, Batches, Dataset};
use crate::error::Error;
use crate::nn::Module;
use crate::ops;
use crate::optim::{Adam, Course, Optimizer, Schedule};
use crate::tape::{Memory, Tape, Var};
use crate::tensor::Tensor;
use memory::Needs;
use teacher::Teacher;

/// The settings of a training run.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainConfig {
    /// Passes over the training samples.
    pub epochs: u64,
    /// Samples per step, at least 2 (batch normalisation). A last, smaller batch is left out.
    pub batch: usize,
    /// Peak of the warm-up and cosine schedule; Adam's, unless there is
    /// [another optimizer](Trainer::optimizer).
    pub learning_rate: f64,
    /// Epochs of linear warm-up.
    pub warmup: u64,
    /// Share of the target that goes to all classes alike, 0 to 1.
    pub label_smoothing: f64,
    /// The variations of training images, if there are any.
    pub augment: Option<Augment>,
    /// Seed of order and augmentation.
    pub seed: u64,
    /// Whether the network takes images, `[samples, height, width, channels]`, and not rows of
    /// their elements.
    pub images: bool,
    /// The number that divides scores in the loss, and nowhere else; positive and finite. It is for
    /// networks whose scores are sums, such as
    /// [`MlpConfig::integer_scores`](crate::models::MlpConfig::integer_scores): sums of `k` signs
    /// differ by some `sqrt(k)` at first, and a softmax of such numbers is nearly 0 or 1, with
    /// almost no gradient. The largest score is the same at any temperature.
    pub temperature: f64,
}

impl Default for TrainConfig {
    /// 10 epochs of batches of 64 rows with a learning rate of 3e-3; no warm-up, no label
    /// smoothing, no augmentation, seed 1, temperature 1.
    fn default() -> Self {
        Self {
            epochs: 10,
            batch: 64,
            learning_rate: 3e-3,
            warmup: 0,
            label_smoothing: 0.0,
            augment: None,
            seed: 1,
            images: false,
            temperature: 1.0,
        }
    }
}

/// A network in training.
///
/// [`epoch`](Trainer::epoch) trains on a [`Dataset`]; [`step`](Trainer::step) on anything, with any
/// loss:
/// ```
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Sequential};
/// use bnn_autograd::train::{TrainConfig, Trainer};
/// use bnn_autograd::{Rng, Tensor, ops};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rng = &mut Rng::new(1);
/// let net = Sequential::new().then(BinaryLinear::new(3, 1, rng)?).then(BatchNorm::new(1)?);
/// let mut trainer = Trainer::new(net, TrainConfig::default())?;
/// let mut loss = f64::INFINITY;
/// for _ in 0..100 {
///     let numbers: Vec<f32> = (0..24).map(|_| rng.normal() as f32).collect();
///     let sums = numbers.chunks(3).map(|x| x.iter().sum()).collect();
///     let (x, target) = (Tensor::new(numbers, &[8, 3])?, Tensor::new(sums, &[8, 1])?);
///     loss = trainer.step(x, |output| ops::mse(output, &target))?;
/// }
/// println!("{loss}");
/// let net = trainer.model;
/// # drop(net);
/// # Ok(())
/// # }
/// ```
pub struct Trainer<M> {
    /// The network.
    pub model: M,
    /// At first Adam at the learning rate of the configuration. The warm-up and the cosine apply to
    /// those groups of any other that have no schedule of their own, each from its own learning
    /// rate.
    pub optimizer: Optimizer,
    /// The memory that the tape kept for the backward pass in the last step.
    pub saved: Option<Memory>,
    config: TrainConfig,
    loss: Option<Box<Loss>>,
    teacher: Option<Teacher>,
    history: Vec<EpochStats>,
    /// Once they have been measured.
    needs: Option<Needs>,
}

/// A loss of the outputs for samples with these labels.
type Loss = dyn Fn(&Var, &[u16]) -> Result<Var, Error> + Send + Sync;

impl<M: Module> Trainer<M> {
    /// A trainer for a network whose input is `[samples, features]` and whose outputs are scores,
    /// `[samples, classes]`. Its weights may be random or come from elsewhere
    /// ([`Weights`](crate::checkpoint::Weights)).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a setting outside its range.
    pub fn new(model: M, config: TrainConfig) -> Result<Self, TrainError> {
        let (epochs, batch, warmup) = (config.epochs, config.batch, config.warmup);
        Error::check_range("number of epochs", "at least 1", epochs as f64, epochs >= 1)?;
        Error::check_range("batch size", "at least 2", batch as f64, batch >= 2)?;
        let inside = warmup < epochs;
        Error::check_range(
            "warm-up epochs",
            "less than all epochs",
            warmup as f64,
            inside,
        )?;
        let temperature = config.temperature;
        let inside = temperature > 0.0 && temperature.is_finite();
        Error::check_range("temperature", "positive and finite", temperature, inside)?;
        Ok(Self {
            optimizer: Optimizer::new(Adam::new(config.learning_rate)?),
            model,
            config,
            loss: None,
            teacher: None,
            history: Vec::new(),
            needs: None,
            saved: None,
        })
    }

    /// Replaces cross entropy by another loss: a scalar of the outputs, `[samples, classes]`, and
    /// the labels. [`TrainConfig::label_smoothing`] then has no effect.
    #[must_use]
    pub fn with_loss(
        self,
        loss: impl Fn(&Var, &[u16]) -> Result<Var, Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            loss: Some(Box::new(loss)),
            ..self
        }
    }

    /// Adds a teacher: a share of the loss becomes the distance of the scores from those of a
    /// network that has been trained before (Hinton et al. 2015, arXiv 1503.02531). The teacher
    /// runs in evaluation on the same inputs, varied as they are. It does not change, and a
    /// checkpoint does not hold it: give a resumed run the same teacher.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a share or a temperature outside its range.
    pub fn with_teacher(
        mut self,
        teacher: impl Module + Send + 'static,
        teaching: Teaching,
    ) -> Result<Self, Error> {
        teaching.check()?;
        self.teacher = Some(Teacher::new(Box::new(teacher), teaching));
        Ok(self)
    }

    /// The epochs done so far.
    pub fn history(&self) -> &[EpochStats] {
        &self.history
    }

    /// Whether all epochs are done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.history.len() as u64 >= self.config.epochs
    }

    /// Trains one epoch and then runs the test samples, or, where the test set is to be kept for
    /// the end, samples that were set aside for validation.
    ///
    /// Before the first step the memory of one is estimated, from two steps of a few samples that
    /// leave the network as it is.
    ///
    /// # Errors
    /// [`TrainError`], such as [`TrainError::FewSamples`] for fewer training samples than a batch,
    /// and [`TrainError::Memory`] for a batch whose step takes more memory than there is.
    pub fn epoch(&mut self, train: &Dataset, test: &Dataset) -> Result<EpochStats, TrainError> {
        let watch = |_| ControlFlow::<Infallible>::Continue(());
        match self.run_epoch(train, test, watch)? {
            ControlFlow::Continue(stats) => Ok(stats),
            ControlFlow::Break(never) => match never {},
        }
    }

    /// Trains one epoch as [`epoch`](Trainer::epoch) does, and calls `watch` after every batch,
    /// which may break the epoch off: then there is `None`, the network is in the middle of an
    /// epoch, and only a checkpoint written before is of use.
    ///
    /// # Errors
    /// Those of [`epoch`](Trainer::epoch).
    pub fn epoch_watched(
        &mut self,
        train: &Dataset,
        test: &Dataset,
        watch: impl FnMut(BatchStats) -> ControlFlow<()>,
    ) -> Result<Option<EpochStats>, TrainError> {
        Ok(self.run_epoch(train, test, watch)?.continue_value())
    }

    fn run_epoch<B>(
        &mut self,
        train: &Dataset,
        test: &Dataset,
        mut watch: impl FnMut(BatchStats) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, EpochStats>, TrainError> {
        let (epoch, batch, seed) = (
            self.history.len() as u64,
            self.config.batch,
            self.config.seed,
        );
        let samples = train.samples();
        let batches = samples / batch;
        if batches == 0 {
            return Err(TrainError::FewSamples { batch, samples });
        }
        self.check_memory(train)?;
        self.optimizer.schedule = self.schedule(batches as u64)?;
        let dealt = BatchConfig {
            size: batch,
            drop_last: true,
            augment: self.config.augment.unwrap_or_default(),
            seed,
            epoch,
            ..BatchConfig::default()
        };
        let (mut loss, mut right) = (0.0, 0);
        self.model.set_training(true);
        for (i, dealt) in Batches::new(train, dealt)?.enumerate() {
            let Batch { pixels, labels } = dealt?;
            let x = self.input(pixels, labels.len(), train)?;
            let (batch_loss, batch_right) = self.labelled_step(x, &labels)?;
            loss += batch_loss;
            right += batch_right;
            let done = i + 1;
            let stats = BatchStats {
                done,
                of: batches,
                loss: loss / done as f64,
                accuracy: right as f64 / (done * batch) as f64,
            };
            if let ControlFlow::Break(reason) = watch(stats) {
                return Ok(ControlFlow::Break(reason));
            }
        }
        let stats = EpochStats {
            loss: loss / batches as f64,
            train_accuracy: right as f64 / (batches * batch) as f64,
            test_accuracy: self.accuracy(test)?,
        };
        self.history.push(stats);
        Ok(ControlFlow::Continue(stats))
    }

    /// One step on inputs of any kind: runs the network in training mode, the `loss` of its output,
    /// the reverse pass and the optimizer. Returns the loss. The learning rate is that of the
    /// optimizer, whose schedule is [yours](Trainer::optimizer).
    ///
    /// # Errors
    /// [`TrainError::Diverged`] for a loss that is not finite, before anything has changed but the
    /// network's buffers; those of the network and of `loss`.
    pub fn step(
        &mut self,
        x: Tensor,
        loss: impl FnOnce(&Var) -> Result<Var, Error>,
    ) -> Result<f64, TrainError> {
        self.model.set_training(true);
        let tape = Tape::new();
        // Held until the step ends: what the first layer saves of it is then no copy.
        let x = tape.constant(x);
        let output = self.model.forward(&x)?;
        self.descend(&tape, loss(&output)?)
    }

    /// The share of samples that the network classifies right in evaluation.
    ///
    /// # Errors
    /// Data that does not fit the network.
    pub fn accuracy(&mut self, data: &Dataset) -> Result<f64, TrainError> {
        let scores = self.scores(data)?;
        Ok(count_right(&scores, data.labels()) as f64 / data.samples() as f64)
    }

    /// The scores of all samples in evaluation, `[samples, classes]`.
    ///
    /// # Errors
    /// Data that does not fit the network.
    pub fn scores(&mut self, data: &Dataset) -> Result<Tensor, TrainError> {
        // Bounds the activations that are alive at once.
        let at_once = self.evaluated_at_once(data);
        self.model.set_training(false);
        let tape = Tape::new();
        let (mut scores, mut classes) = (Vec::new(), 0);
        let all: Vec<usize> = (0..data.samples()).collect();
        for indices in all.chunks(at_once) {
            let (pixels, _) = data.batch(indices)?;
            let x = tape.constant(self.input(pixels, indices.len(), data)?);
            let y = tape.no_grad(|| self.model.forward(&x))?;
            classes = y.shape().last().copied().unwrap_or(0);
            scores.extend_from_slice(y.value().data());
        }
        Ok(Tensor::new(scores, &[data.samples(), classes])?)
    }

    /// Pixels in the shape that the network takes.
    fn input(&self, pixels: Vec<f32>, samples: usize, data: &Dataset) -> Result<Tensor, Error> {
        match self.config.images {
            true => {
                let layout = data.layout();
                let shape = [samples, layout.height, layout.width, layout.channels];
                Tensor::new(pixels, &shape)
            }
            false => Tensor::new(pixels, &[samples, data.features()]),
        }
    }

    /// The schedule of the whole run, for epochs of `batches` batches.
    fn schedule(&self, batches: u64) -> Result<Schedule, Error> {
        let steps = self.config.epochs.checked_mul(batches);
        Error::check_range(
            "number of epochs",
            "few enough to count the steps",
            self.config.epochs as f64,
            steps.is_some(),
        )?;
        let warmup = self.config.warmup * batches; // less than all steps
        let course = Course::Cosine {
            steps: steps.unwrap_or_default() - warmup,
        };
        Ok(Schedule { warmup, course })
    }

    /// One step on labelled samples; the loss and how many samples were classified right.
    fn labelled_step(&mut self, x: Tensor, labels: &[u16]) -> Result<(f64, usize), TrainError> {
        let tape = Tape::new();
        // Held until the step ends: what the first layer saves of it is then no copy.
        let x = tape.constant(x);
        let scores: Var = self.model.forward(&x)?;
        let right = count_right(scores.value(), labels);
        let scores = self.cooled(scores)?;
        let mut loss = match &self.loss {
            Some(loss) => loss(&scores, labels)?,
            None => ops::cross_entropy(&scores, labels, self.config.label_smoothing)?,
        };
        if let Some(teacher) = &mut self.teacher {
            let Teaching { share, temperature } = teacher.teaching;
            let taught = ops::distillation(&scores, &teacher.scores(&x)?, temperature)?;
            let part = |loss: &Var, share: f64| {
                ops::mul(loss, &tape.constant(Tensor::scalar(share as f32)))
            };
            loss = ops::add(&part(&loss, 1.0 - share)?, &part(&taught, share)?)?;
        }
        Ok((self.descend(&tape, loss)?, right))
    }

    /// The reverse pass and the optimizer's step.
    fn descend(&mut self, tape: &Tape, loss: Var) -> Result<f64, TrainError> {
        let value = f64::from(loss.value().item()?);
        if !value.is_finite() {
            return Err(TrainError::Diverged {
                epoch: self.history.len() as u64 + 1,
                loss: value,
            });
        }
        self.saved = Some(tape.memory());
        loss.backward()?.add_to(&mut self.model)?;
        self.optimizer.step(&mut self.model)?;
        self.model.zero_grad();
        Ok(value)
    }

    /// The scores divided by the temperature.
    fn cooled(&self, scores: Var) -> Result<Var, Error> {
        if self.config.temperature == 1.0 {
            return Ok(scores);
        }
        let classes = scores.shape().last().copied().unwrap_or(1);
        let factor = Tensor::full((1.0 / self.config.temperature) as f32, &[classes])?;
        let factors = scores.tape().constant(factor);
        ops::mul(&scores, &factors)
    }
}

impl<M: fmt::Debug> fmt::Debug for Trainer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("model", &self.model)
            .field("config", &self.config)
            .field("optimizer", &self.optimizer)
            .field("teacher", &self.teacher)
            .field("history", &self.history)
            .finish_non_exhaustive()
    }
}

/// How many rows of scores have their largest at the label.
fn count_right(scores: &Tensor, labels: &[u16]) -> usize {
    let classes = scores.shape().last().copied().unwrap_or(1);
    let rows = scores.data().chunks(classes);
    let right = |(row, label): &(&[f32], &u16)| argmax(row) == Some(usize::from(**label));
    rows.zip(labels).filter(right).count()
}
