//! Training binary neural networks.
//!
//! A [`Tape`] records [`Function`]s applied to [`Var`]iables and runs them backwards. A function
//! keeps the data for its backward pass in its [`Context`], as bits wherever bits suffice: a binary
//! layer keeps two bits per activation instead of a 32-bit float. Further parts are [`ops`], layers
//! ([`nn`]), optimizers ([`optim`]), `checkpoint`s, `data`, a [`summary`](summary()) of any model,
//! [`export`] to files that run on bits, and [`gradcheck`].
//!
//! Two rules hold everywhere: `sign(x)` is `+1` where `x >= 0` and `-1` elsewhere (so `+1` for
//! `-0.0` and `-1` for NaN), and results are the same bits for any number of threads.
//!
//! # Example
//! A binary network learns XOR, which no single layer can:
//! ```
//! use bnn_autograd::nn::{BatchNorm, BinaryLinear, Linear, Module, Sequential};
//! use bnn_autograd::optim::{Adam, Optimizer};
//! use bnn_autograd::{Error, Rng, Tape, Tensor, ops};
//!
//! # fn main() -> Result<(), Error> {
//! let mut rng = Rng::new(1);
//! let points: Vec<f32> = (0..512).map(|_| rng.uniform(-1.0, 1.0) as f32).collect();
//! let labels: Vec<u8> = points.chunks(2).map(|p| u8::from(p[0] * p[1] < 0.0)).collect();
//! let points = Tensor::new(points, &[256, 2])?;
//!
//! let mut net = Sequential::new()
//!     .then(Linear::new(2, 64, &mut rng)?)
//!     .then(BatchNorm::new(64)?)
//!     .then(BinaryLinear::new(64, 64, &mut rng)?)
//!     .then(BatchNorm::new(64)?)
//!     .then(BinaryLinear::new(64, 2, &mut rng)?)
//!     .then(BatchNorm::new(2)?);
//! let mut optimizer = Optimizer::new(Adam::new(0.02)?);
//! for _ in 0..100 {
//!     let tape = Tape::new(); // one tape per step
//!     let scores = net.forward(&tape.constant(points.clone()))?;
//!     let loss = ops::cross_entropy(&scores, &labels, 0.0)?;
//!     loss.backward()?.add_to(&mut net)?;
//!     optimizer.step(&mut net)?;
//!     net.zero_grad();
//! }
//!
//! net.set_training(false);
//! let tape = Tape::new();
//! let scores = tape.no_grad(|| net.forward(&tape.constant(points)))?;
//! let pairs = scores.value().data().chunks(2).zip(&labels);
//! let right = pairs.filter(|(scores, label)| (scores[1] > scores[0]) == (**label == 1)).count();
//! assert!(right >= 240, "{right} of 256 right");
//! # Ok(())
//! # }
//! ```

// Says beside each item which feature it is of.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod affine;
mod bits;
mod buffer;
#[cfg(feature = "checkpoint")]
pub mod checkpoint;
mod context;
#[cfg(feature = "data")]
pub mod data;
mod error;
pub mod export;
#[cfg(feature = "checkpoint")]
pub mod files;
pub mod function;
mod gradcheck;
#[doc(hidden)]
pub mod internal;
mod linalg;
mod memory;
pub mod models;
pub mod nn;
pub mod ops;
pub mod optim;
mod parallel;
mod param;
pub mod prelude;
mod real;
mod rng;
mod saved_input;
mod summary;
mod tape;
mod tensor;
#[cfg(all(feature = "data", feature = "checkpoint"))]
pub mod train;

pub use context::{Context, KeptInput, SavedState};
pub use error::Error;
pub use function::{Derivatives, Function};
pub use gradcheck::{Tolerance, gradcheck, gradcheck_surrogate, modes_agree};
pub use real::Real;
pub use rng::Rng;
pub use summary::{ParamCounts, Summary, SummaryRow, summary};
pub use tape::{Gradients, Memory, NodeMemory, Tape, Var};
pub use tensor::Tensor;

/// The examples of the README and of the guides, compiled and run.
#[cfg(all(doctest, feature = "data", feature = "checkpoint"))]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../../../docs/TRAINING.md")]
#[doc = include_str!("../../../docs/FUNCTIONS.md")]
struct Documents;

/// The example of this crate's README, run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
