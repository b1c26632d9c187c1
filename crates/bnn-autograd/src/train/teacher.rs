//! Learning from the scores of a network that has been trained before.

use std::fmt;

use crate::error::Error;
use crate::nn::Module;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;

/// The influence of a teacher ([`Trainer::with_teacher`](super::Trainer::with_teacher)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Teaching {
    /// The share of the loss that is the distance from the teacher's scores, 0 to 1; the rest is
    /// that of the labels.
    pub share: f64,
    /// The number that divides the scores of both networks before they become probabilities,
    /// positive and finite: those of the teacher as they are, those of the network in training
    /// after its [own temperature](super::TrainConfig::temperature). A teacher that was trained at
    /// a temperature has to divide its scores by it. See
    /// [`ops::distillation`](crate::ops::distillation).
    pub temperature: f64,
}

impl Default for Teaching {
    /// Nine tenths of the loss, at a temperature of 4.
    fn default() -> Self {
        Self {
            share: 0.9,
            temperature: 4.0,
        }
    }
}

impl Teaching {
    pub(super) fn check(&self) -> Result<(), Error> {
        let (share, temperature) = (self.share, self.temperature);
        let inside = (0.0..=1.0).contains(&share);
        Error::check_range("share of the teacher in the loss", "0 to 1", share, inside)?;
        let inside = temperature > 0.0 && temperature.is_finite();
        let what = "temperature of a distillation";
        Error::check_range(what, "positive and finite", temperature, inside)
    }
}

/// A network in evaluation, and how much it is heeded.
pub(super) struct Teacher {
    model: Box<dyn Module + Send>,
    pub(super) teaching: Teaching,
}

impl Teacher {
    pub(super) fn new(mut model: Box<dyn Module + Send>, teaching: Teaching) -> Self {
        model.set_training(false);
        Self { model, teaching }
    }

    /// The teacher's scores of the inputs `x`, without a gradient.
    pub(super) fn scores(&mut self, x: &Var) -> Result<Tensor, Error> {
        let tape = Tape::new();
        let x = tape.constant(x.value().clone());
        Ok(tape.no_grad(|| self.model.forward(&x))?.into())
    }
}

impl fmt::Debug for Teacher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {:?}", self.model.kind(), self.teaching)
    }
}
