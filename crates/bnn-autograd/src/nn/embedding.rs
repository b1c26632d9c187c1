//! A table of vectors, looked up by number.

use super::{Init, Module, Param, ParamKind};
use crate::error::Error;
use crate::ops;
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;

/// Row `i` of `weight`, `[n, d]`, for every element `i` of the input, `[..]`: output `[.., d]`.
///
/// The elements are whole numbers from 0 to `n - 1`; see [`ops::embedding`]. Parameter: `weight`.
#[derive(Clone, Debug)]
pub struct Embedding<T: Real = f32> {
    /// The table, `[n, d]`.
    pub weight: Param<T>,
}

impl<T: Real> Embedding<T> {
    /// A table of `rows` vectors of `features` numbers, at first evenly distributed in `[-1, 1)`:
    /// the range in which the sign of a number gets a gradient.
    ///
    /// # Errors
    /// Sizes of 0 or too large.
    pub fn new(rows: usize, features: usize, rng: &mut Rng) -> Result<Self, Error> {
        let weight = Init::Uniform(1.0).tensor(&[rows, features], rng)?;
        Ok(Self {
            weight: Param::new(ParamKind::Float, weight),
        })
    }
}

impl<T: Real> Module<T> for Embedding<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        ops::embedding(x.value(), &x.tape().param(&self.weight))
    }

    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("weight", &self.weight);
    }

    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("weight", &mut self.weight);
    }
}
