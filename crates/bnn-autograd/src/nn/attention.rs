//! Multi-head self-attention on bits.

use super::{BatchNorm, BinaryLinear, Module};
use crate::error::Error;
use crate::ops;
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::Var;

/// Self-attention of `[.., t, d]` in which every product runs on bits: queries, keys and values are
/// binary linear layers of the input, each with batch norm; their [`ops::binary_attention`] passes
/// through batch norm and a last binary linear layer with batch norm. Output `[.., t, d]`.
///
/// Children: `q`, `k`, `v`, `out` and `q_norm`, `k_norm`, `v_norm`, `context_norm`, `out_norm`.
#[derive(Clone, Debug)]
pub struct BinaryAttention<T: Real = f32> {
    heads: usize,
    q: Normed<T>,
    k: Normed<T>,
    v: Normed<T>,
    context_norm: BatchNorm<T>,
    out: Normed<T>,
}

/// A binary linear layer and its batch norm.
#[derive(Clone, Debug)]
struct Normed<T: Real> {
    linear: BinaryLinear<T>,
    norm: BatchNorm<T>,
}

impl<T: Real> Normed<T> {
    fn new(features: usize, rng: &mut Rng) -> Result<Self, Error> {
        Ok(Self {
            linear: BinaryLinear::new(features, features, rng)?,
            norm: BatchNorm::new(features)?,
        })
    }

    fn forward(&mut self, name: &str, x: &Var<T>) -> Result<Var<T>, Error> {
        let y = self.linear.forward(x).map_err(|e| e.in_layer(name))?;
        let norm = |e: Error| e.in_layer(&format!("{name}_norm"));
        self.norm.forward(&y).map_err(norm)
    }
}

impl<T: Real> BinaryAttention<T> {
    /// `features` is `d`; each of the `heads` has an equal share of it.
    ///
    /// # Errors
    /// Sizes of 0 or too large; [`Error::OutOfRange`] if `heads` does not divide `features`.
    pub fn new(features: usize, heads: usize, rng: &mut Rng) -> Result<Self, Error> {
        let inside = heads > 0 && features.is_multiple_of(heads);
        let expected = "a divisor of the number of features";
        Error::check_range("heads of an attention", expected, heads as f64, inside)?;
        Ok(Self {
            heads,
            q: Normed::new(features, rng)?,
            k: Normed::new(features, rng)?,
            v: Normed::new(features, rng)?,
            context_norm: BatchNorm::new(features)?,
            out: Normed::new(features, rng)?,
        })
    }
}

impl<T: Real> Module<T> for BinaryAttention<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let q = self.q.forward("q", x)?;
        let k = self.k.forward("k", x)?;
        let v = self.v.forward("v", x)?;
        let context = ops::binary_attention(&q, &k, &v, self.heads)?;
        let context = self.context_norm.forward(&context);
        let context = context.map_err(|e| e.in_layer("context_norm"))?;
        self.out.forward("out", &context)
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module<T>)) {
        visit("q", &self.q.linear);
        visit("q_norm", &self.q.norm);
        visit("k", &self.k.linear);
        visit("k_norm", &self.k.norm);
        visit("v", &self.v.linear);
        visit("v_norm", &self.v.norm);
        visit("context_norm", &self.context_norm);
        visit("out", &self.out.linear);
        visit("out_norm", &self.out.norm);
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module<T>)) {
        visit("q", &mut self.q.linear);
        visit("q_norm", &mut self.q.norm);
        visit("k", &mut self.k.linear);
        visit("k_norm", &mut self.k.norm);
        visit("v", &mut self.v.linear);
        visit("v_norm", &mut self.v.norm);
        visit("context_norm", &mut self.context_norm);
        visit("out", &mut self.out.linear);
        visit("out_norm", &mut self.out.norm);
    }
}
