//! `--optimizer`: the library's rules with settings that suit most data.

use bnn_autograd::Error;
use bnn_autograd::nn::ParamKind;
use bnn_autograd::optim::{Adam, AdamW, Bop, DiodeMix, Optimizer, Rule, Sgd};

use crate::args::OptimizerKind;

/// The weight decay of `adamw`.
const WEIGHT_DECAY: f64 = 0.01;
/// The momentum of `sgd`.
const MOMENTUM: f64 = 0.9;
/// A weight flips where the average of its gradient is above it; see docs/TRAINING.md.
const BOP_THRESHOLD: f64 = 1e-5;
/// Running averages of the signs of gradients that suit short trainings; see docs/TRAINING.md.
const DIODE_MIX_BETAS: (f64, f64) = (0.9, 0.99);

/// The rate of Adam for parameters that are not binary, if a rule of its own moves those that are.
const ADAM_RATE: f64 = 3e-3;

/// The learning rate where the user says nothing; `adam` is that of Adam for the data.
pub(super) fn default_rate(kind: OptimizerKind, adam: f64) -> f64 {
    match kind {
        OptimizerKind::Adam | OptimizerKind::Adamw => adam,
        OptimizerKind::DiodeMix => 1.0,
        OptimizerKind::Sgd => 0.1,
        // Its adaptivity rate takes this role.
        OptimizerKind::Bop => 0.03,
    }
}

/// The text of the value on the command line.
pub(super) fn name(kind: OptimizerKind) -> &'static str {
    match kind {
        OptimizerKind::Adam => "adam",
        OptimizerKind::Adamw => "adamw",
        OptimizerKind::Sgd => "sgd",
        OptimizerKind::Bop => "bop",
        OptimizerKind::DiodeMix => "diode-mix",
    }
}

/// The optimizer, with a learning rate at its peak.
pub(super) fn optimizer(kind: OptimizerKind, rate: f64) -> Result<Optimizer, Error> {
    match kind {
        OptimizerKind::Adam => Ok(Optimizer::new(Adam::new(rate)?)),
        OptimizerKind::Adamw => Ok(Optimizer::new(AdamW::new(rate, WEIGHT_DECAY)?)),
        OptimizerKind::Sgd => Ok(Optimizer::new(Sgd::new(rate, MOMENTUM)?)),
        OptimizerKind::Bop => beside_adam(Bop::new(rate, BOP_THRESHOLD)?),
        OptimizerKind::DiodeMix => beside_adam(DiodeMix {
            betas: DIODE_MIX_BETAS,
            ..DiodeMix::new(rate)?
        }),
    }
}

/// A rule for binary weights, and Adam for all other parameters.
fn beside_adam(rule: impl Rule<f32> + 'static) -> Result<Optimizer, Error> {
    let rest = Adam::new(ADAM_RATE)?;
    Ok(Optimizer::new(rest).with_group(|_, param| param.kind() == ParamKind::Binary, rule))
}
