//! Optimizers: parameters changed by their gradients.
//!
//! An [`Optimizer`] has one [`Rule`] for all parameters, or several, each for a group of them. A
//! rule is a formula with its settings. The optimizer keeps what is remembered between steps in one
//! [`OptimizerState`], which a checkpoint holds. Rules and schedules are plain data; each step
//! begins with a check of their settings.
//!
//! | rule | for | remembers per weight |
//! | --- | --- | --- |
//! | [`Sgd`] | any parameter; latent weights are clipped to `[-1, 1]` | nothing, or 1 number with momentum |
//! | [`Adam`], [`AdamW`] | any parameter; latent weights are clipped to `[-1, 1]` | 2 numbers |
//! | [`Bop`] | binary weights without latent weights | 1 number |
//! | [`DiodeMix`] | binary weights without latent weights | 2 numbers |
//!
//! Binary weights by their own rule, everything else by Adam:
//! ```
//! use bnn_autograd::nn::ParamKind;
//! use bnn_autograd::optim::{Adam, Bop, Course, Optimizer, Schedule, Scheduled};
//!
//! # fn main() -> Result<(), bnn_autograd::Error> {
//! let bop = Scheduled {
//!     rule: Bop::new(1e-3, 1e-6)?,
//!     schedule: Course::Exponential(0.999).into(),
//! };
//! let adam = Adam { betas: (0.9, 0.99), ..Adam::new(0.01)? };
//! let mut optimizer: Optimizer = Optimizer::new(adam)
//!     .with_group(|_, param| param.kind() == ParamKind::Binary, bop);
//! optimizer.schedule = Schedule { warmup: 50, course: Course::Cosine { steps: 1000 } };
//! # Ok(())
//! # }
//! ```
//! [`clip_grad_norm`] and [`clip_grad_value`] limit gradients before a step; [`SignSnapshot`]
//! counts the weights that a step has flipped.

mod adam;
mod bop;
mod checks;
mod clip_grad;
mod diode_mix;
mod flips;
mod optimizer;
mod rule;
mod schedule;
mod sgd;
mod state;

pub use adam::{Adam, AdamW};
pub use bop::Bop;
pub use clip_grad::{clip_grad_norm, clip_grad_value};
pub use diode_mix::DiodeMix;
pub use flips::{FlipCount, Flips, SignSnapshot};
pub use optimizer::Optimizer;
pub use rule::{Rule, Scheduled, Step};
pub use schedule::{Course, Schedule};
pub use sgd::Sgd;
pub use state::OptimizerState;
