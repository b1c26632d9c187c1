//! Dropout with its random numbers.

use super::Module;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;
use crate::tensor::Tensor;

/// [`ops::dropout`] in training, the identity in evaluation.
///
/// The random numbers of a call depend on the seed and the number of earlier calls. Buffer:
/// `calls`, that number, `[1]`. A checkpoint holds it, so a resumed run continues with the same
/// numbers.
#[derive(Clone, Debug)]
pub struct Dropout<T: Real = f32> {
    p: f64,
    seed: u64,
    calls: Tensor<T>,
    training: bool,
}

impl<T: Real> Dropout<T> {
    /// Drops an element with probability `p`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a `p` outside `0 <= p < 1`.
    pub fn new(p: f64, seed: u64) -> Result<Self, Error> {
        ops::check_probability(p)?;
        Ok(Self {
            p,
            seed,
            calls: Tensor::full(T::zero(), &[1])?,
            training: true,
        })
    }
}

impl<T: Real> Module<T> for Dropout<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        if !self.training {
            return Ok(x.clone());
        }
        let calls = self.calls.item()?;
        // Seeds that differ only in the call give unrelated streams, because the generator hashes
        // them.
        let mut rng = Rng::new(self.seed ^ (calls.as_f64() as u64).rotate_left(32));
        let y = ops::dropout(x, self.p, &mut rng)?;
        // Exact in f32 up to 2^24 calls; then from the start.
        let next = if calls.as_f64() < 16_777_216.0 {
            calls + T::one()
        } else {
            T::zero()
        };
        self.calls = Tensor::full(next, &[1])?;
        Ok(y)
    }

    fn lower(&self, _: &mut Lowering) -> Result<(), ExportError> {
        Ok(())
    }

    fn buffers(&self, visit: &mut dyn FnMut(&str, &Tensor<T>)) {
        visit("calls", &self.calls);
    }

    fn buffers_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Tensor<T>)) {
        visit("calls", &mut self.calls);
    }

    fn set_training(&mut self, training: bool) {
        self.training = training;
    }

    fn is_training(&self) -> Option<bool> {
        Some(self.training)
    }
}
