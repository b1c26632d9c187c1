//! The training loop: epochs of shuffled batches, a schedule, checkpoints that resume exactly.
//!
//! All randomness of an epoch (order, augmentation) is drawn from the seed and the epoch's number,
//! so that a checkpoint at an epoch's end is all that a run needs to go on as if never interrupted.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use bnn_core::model::argmax;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::data::{Augment, Batch, BatchConfig, Batches, DataError, Dataset};
use crate::error::Error;
use crate::nn::Module;
use crate::ops;
use crate::optim::{Adam, Optimizer, Schedule};
use crate::tape::{Memory, Tape, Var};
use crate::tensor::Tensor;

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainConfig {
    /// Passes over the training samples.
    pub epochs: u64,
    /// Samples per step, at least 2 (batch normalisation). A last, smaller batch is left out.
    pub batch: usize,
    /// Peak of the warm-up and cosine schedule; Adam's, unless there is
    /// [another optimizer](Trainer::with_optimizer).
    pub learning_rate: f64,
    /// Epochs of linear warm-up.
    pub warmup: u64,
    /// Share of the target that goes to all classes alike, 0 to 1.
    pub label_smoothing: f64,
    /// How training images are varied, if they are.
    pub augment: Option<Augment>,
    /// Seed of order and augmentation.
    pub seed: u64,
}

/// What an epoch gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochStats {
    /// Mean loss over the epoch's batches.
    pub loss: f64,
    /// Share of training samples that were classified right when their batch came.
    pub train_accuracy: f64,
    /// Share of test samples classified right after the epoch.
    pub test_accuracy: f64,
}

/// Why training, or resuming it, stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A configuration that cannot be trained with, or an operation that failed.
    #[error(transparent)]
    Network(#[from] Error),
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The loss is no longer a number.
    #[error(
        "the loss is {loss} in epoch {epoch}: training has diverged, try a smaller learning rate"
    )]
    Diverged {
        /// Epoch, counted from 1.
        epoch: u64,
        /// The loss.
        loss: f64,
    },
    /// A checkpoint could not be written, read, or does not fit this network.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint was written by a run with another setting.
    #[error("the checkpoint was written with {name} = {found}, this run has {expected}")]
    Setting {
        /// Which setting.
        name: String,
        /// This run's value.
        expected: String,
        /// The checkpoint's value.
        found: String,
    },
}

/// A network in training.
#[derive(Debug)]
pub struct Trainer<M> {
    model: M,
    config: TrainConfig,
    optimizer: Optimizer,
    /// Not 1 where scores are divided by it in the loss.
    temperature: f64,
    history: Vec<EpochStats>,
    saved: Option<Memory>,
}

/// What [`Trainer::epoch`] reports after each batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchStats {
    /// Batches done in this epoch.
    pub done: usize,
    /// Batches in an epoch.
    pub of: usize,
    /// Mean loss over the batches done.
    pub loss: f64,
    /// Accuracy over the batches done.
    pub accuracy: f64,
}

impl<M: Module> Trainer<M> {
    /// A trainer for a fresh network whose input is `[samples, features]` and whose output are
    /// scores, `[samples, classes]`.
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
        Ok(Self {
            optimizer: Optimizer::new(Adam::new(config.learning_rate)?),
            model,
            config,
            temperature: 1.0,
            history: Vec::new(),
            saved: None,
        })
    }

    /// With another optimizer than Adam at the learning rate of the configuration. The warm-up and
    /// the cosine apply to those of its groups that have no schedule of their own, each from its own
    /// learning rate.
    #[must_use]
    pub fn with_optimizer(self, optimizer: Optimizer) -> Self {
        Self { optimizer, ..self }
    }

    /// With scores divided by `temperature` in the loss, and nowhere else: for a network whose scores are sums,
    /// such as [`Mlp::integer_scores`](crate::models::Mlp::integer_scores). Sums of `k` signs are some `sqrt(k)`
    /// apart at first, and a softmax of such numbers is nearly 0 or 1, with next to no gradient. The largest score
    /// is the same at any temperature.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless it is positive and finite.
    pub fn with_temperature(self, temperature: f64) -> Result<Self, Error> {
        let inside = temperature > 0.0 && temperature.is_finite();
        Error::check_range("temperature", "positive and finite", temperature, inside)?;
        Ok(Self {
            temperature,
            ..self
        })
    }

    /// The network.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The network, to be exported or changed.
    pub fn model_mut(&mut self) -> &mut M {
        &mut self.model
    }

    /// The network alone.
    pub fn into_model(self) -> M {
        self.model
    }

    /// The epochs done so far.
    pub fn history(&self) -> &[EpochStats] {
        &self.history
    }

    /// What the tape kept for the backward pass of a training step, from the step that was taken
    /// last.
    pub fn saved(&self) -> Option<&Memory> {
        self.saved.as_ref()
    }

    /// Whether all epochs are done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.history.len() as u64 >= self.config.epochs
    }

    /// Trains one epoch and then runs the test samples. `watch` is called after every batch and may
    /// break the epoch off: then there is `None`, the network is in the middle of an epoch, and only
    /// a checkpoint written before is of use.
    ///
    /// # Errors
    /// [`TrainError`]; fewer training samples than a batch are an [`Error::OutOfRange`].
    pub fn epoch(
        &mut self,
        train: &Dataset,
        test: &Dataset,
        mut watch: impl FnMut(BatchStats) -> ControlFlow<()>,
    ) -> Result<Option<EpochStats>, TrainError> {
        let (epoch, batch, seed) = (
            self.history.len() as u64,
            self.config.batch,
            self.config.seed,
        );
        let batches = train.samples() / batch;
        let enough = "at most the number of training samples";
        Error::check_range("batch size", enough, batch as f64, batches > 0)?;
        let per_epoch = batches as u64;
        let steps = self.config.epochs.checked_mul(per_epoch);
        let few = "few enough to count the steps";
        Error::check_range(
            "number of epochs",
            few,
            self.config.epochs as f64,
            steps.is_some(),
        )?;
        let warmup = self.config.warmup * per_epoch; // less than all steps
        let schedule = Schedule::cosine(steps.unwrap_or_default() - warmup)?.with_warmup(warmup);
        self.optimizer.set_schedule(schedule);
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
            let x = Tensor::new(pixels, &[labels.len(), train.features()])?;
            let (batch_loss, batch_right) = self.step(x, &labels)?;
            if !batch_loss.is_finite() {
                let epoch = epoch + 1;
                return Err(TrainError::Diverged {
                    epoch,
                    loss: batch_loss,
                });
            }
            loss += batch_loss;
            right += batch_right;
            let done = i + 1;
            let stats = BatchStats {
                done,
                of: batches,
                loss: loss / done as f64,
                accuracy: right as f64 / (done * batch) as f64,
            };
            if watch(stats).is_break() {
                return Ok(None);
            }
        }
        let scores = self.scores(test)?;
        let stats = EpochStats {
            loss: loss / batches as f64,
            train_accuracy: right as f64 / (batches * batch) as f64,
            test_accuracy: count_right(&scores, test.labels()) as f64 / test.samples() as f64,
        };
        self.history.push(stats);
        Ok(Some(stats))
    }

    /// The scores of all samples in evaluation, `[samples, classes]`.
    ///
    /// # Errors
    /// Data that does not fit the network.
    pub fn scores(&mut self, data: &Dataset) -> Result<Tensor, TrainError> {
        self.model.set_training(false);
        let tape = Tape::new();
        let (mut scores, mut classes) = (Vec::new(), 0);
        let all: Vec<usize> = (0..data.samples()).collect();
        // Bounds the activations that are alive at once.
        for indices in all.chunks(1000) {
            let (pixels, _) = data.batch(indices)?;
            let x = tape.constant(Tensor::new(pixels, &[indices.len(), data.features()])?);
            let y = tape.no_grad(|| self.model.forward(&x))?;
            classes = y.shape().last().copied().unwrap_or(0);
            scores.extend_from_slice(y.value().data());
        }
        Ok(Tensor::new(scores, &[data.samples(), classes])?)
    }

    /// One step; the loss and how many samples were classified right.
    fn step(&mut self, x: Tensor, labels: &[u8]) -> Result<(f64, usize), TrainError> {
        let tape = Tape::new();
        // Held until the step ends: what the first layer saves of it is then no copy.
        let x = tape.constant(x);
        let scores: Var = self.model.forward(&x)?;
        let right = count_right(scores.value(), labels);
        let scores = self.cooled(scores)?;
        let loss = ops::cross_entropy(&scores, labels, self.config.label_smoothing)?;
        let value = f64::from(loss.value().item()?);
        self.saved = Some(tape.memory());
        loss.backward()?.add_to(&mut self.model)?;
        self.optimizer.step(&mut self.model)?;
        self.model.zero_grad();
        Ok((value, right))
    }

    /// The scores divided by the temperature.
    fn cooled(&self, scores: Var) -> Result<Var, Error> {
        if self.temperature == 1.0 {
            return Ok(scores);
        }
        let classes = scores.shape().last().copied().unwrap_or(1);
        let factor = Tensor::full((1.0 / self.temperature) as f32, &[classes])?;
        let factors = scores.tape().constant(factor);
        ops::channel_scale(&scores, &factors)
    }

    /// Writes a checkpoint: network, optimizer, history, and the settings, `(name, value)` each,
    /// that must be the same to go on from it.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`]; what was at `path` before is then still there.
    pub fn save(&self, path: &Path, settings: &[(&str, String)]) -> Result<(), TrainError> {
        let settings = settings.iter();
        let mut metadata: BTreeMap<String, String> = settings
            .map(|(name, value)| (format!("{SETTING}{name}"), value.clone()))
            .collect();
        metadata.insert(HISTORY.to_owned(), write_history(&self.history));
        Checkpoint::capture(&self.model, Some(&self.optimizer), metadata)?.save(path)?;
        Ok(())
    }

    /// Takes up a checkpoint that [`Trainer::save`] wrote; on an error the trainer is as before. A setting that the
    /// checkpoint does not mention, since it was written by a program that had none such, is no error; the names and
    /// shapes of parameters and buffers must be the network's all the same.
    ///
    /// # Errors
    /// [`TrainError::Setting`] names the first setting that differs; [`TrainError::Checkpoint`].
    pub fn resume(&mut self, path: &Path, settings: &[(&str, String)]) -> Result<(), TrainError> {
        let checkpoint: Checkpoint = Checkpoint::load(path)?;
        let noted = checkpoint.metadata();
        for (name, expected) in settings {
            // A checkpoint may be older than a setting. What changes the network shows when it is restored.
            match noted.get(&format!("{SETTING}{name}")) {
                Some(found) if found != expected => {
                    return Err(TrainError::Setting {
                        name: (*name).to_owned(),
                        expected: expected.clone(),
                        found: found.clone(),
                    });
                }
                _ => {}
            }
        }
        let history = noted.get(HISTORY).map_or("", String::as_str);
        let history = read_history(history).ok_or_else(|| TrainError::Setting {
            name: HISTORY.to_owned(),
            expected: "three numbers per epoch".to_owned(),
            found: history.to_owned(),
        })?;
        let mut optimizer = self.optimizer.clone();
        checkpoint.restore_optimizer(&mut optimizer, &self.model)?;
        checkpoint.restore_model(&mut self.model)?;
        self.optimizer = optimizer;
        self.history = history;
        Ok(())
    }
}

const SETTING: &str = "setting.";
const HISTORY: &str = "history";

/// A line per epoch. `Display` of an `f64` reads back as the same number.
fn write_history(history: &[EpochStats]) -> String {
    let line = |e: &EpochStats| format!("{} {} {}\n", e.loss, e.train_accuracy, e.test_accuracy);
    history.iter().map(line).collect()
}

fn read_history(text: &str) -> Option<Vec<EpochStats>> {
    let epoch = |line: &str| {
        let numbers: Option<Vec<f64>> = line.split(' ').map(|n| n.parse().ok()).collect();
        let [loss, train_accuracy, test_accuracy] = numbers?.try_into().ok()?;
        Some(EpochStats {
            loss,
            train_accuracy,
            test_accuracy,
        })
    };
    text.lines().map(epoch).collect()
}

/// How many rows of scores have their largest at the label.
fn count_right(scores: &Tensor, labels: &[u8]) -> usize {
    let classes = scores.shape().last().copied().unwrap_or(1);
    let rows = scores.data().chunks(classes);
    let right = |(row, label): &(&[f32], &u8)| argmax(row) == Some(usize::from(**label));
    rows.zip(labels).filter(right).count()
}

#[cfg(test)]
mod laws;
