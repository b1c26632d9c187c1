//! The names that most programs need, for `use bnn_autograd::prelude::*`.
//!
//! ```
//! use bnn_autograd::prelude::*;
//!
//! # fn main() -> Result<(), Error> {
//! let mut rng = Rng::new(1);
//! let mut net = Sequential::new()
//!     .then(SignWeightLinear::new(4, 8, &mut rng)?)
//!     .then(BatchNorm::new(8)?)
//!     .then(BinaryLinear::new(8, 2, &mut rng)?);
//! let mut optimizer = Optimizer::new(Adam::new(0.01)?);
//! let tape = Tape::new();
//! let x = tape.constant(Tensor::new((0..12).map(|i| i as f32).collect(), &[3, 4])?);
//! let loss = ops::cross_entropy(&net.forward(&x)?, &[0_u8, 1, 1], 0.0)?;
//! loss.backward()?.add_to(&mut net)?;
//! optimizer.step(&mut net)?;
//! # Ok(())
//! # }
//! ```

pub use crate::nn::{
    BatchNorm, BinaryConv2d, BinaryLinear, Flatten, MaxPool2d, Module, Param, Sequential,
    SignWeightConv2d, SignWeightLinear,
};
pub use crate::optim::{Adam, Course, Optimizer, Schedule};
pub use crate::{Error, Rng, Tape, Tensor, Var, children, ops};
