//! Models of bare parameters, and numbers to fill them with.

use bnn_autograd::nn::{Init, Module, Param, ParamKind};
use bnn_autograd::{Error, Rng, Tensor, Var};
use proptest::prelude::*;

/// A model of named parameters that computes nothing.
#[derive(Clone)]
pub(crate) struct Params(pub(crate) Vec<(String, Param)>);

impl Module for Params {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        Ok(x.clone())
    }
    fn params(&self, visit: &mut dyn FnMut(&str, &Param)) {
        self.0.iter().for_each(|(name, param)| visit(name, param));
    }
    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param)) {
        self.0
            .iter_mut()
            .for_each(|(name, param)| visit(name, param));
    }
}

impl Params {
    pub(crate) fn one(kind: ParamKind, value: Vec<f32>) -> Self {
        let shape = [value.len()];
        let value = Tensor::new(value, &shape).unwrap();
        Self(vec![("p".into(), Param::new(kind, value))])
    }

    /// A binary and a float parameter of several pieces each.
    pub(crate) fn large() -> Self {
        let mut rng = Rng::new(3);
        let mut param = |kind, shape: &[usize]| {
            Param::new(kind, Init::Uniform(1.0).tensor(shape, &mut rng).unwrap())
        };
        let binary = param(ParamKind::Binary, &[301, 177]);
        let float = param(ParamKind::Float, &[40_001]);
        Self(vec![("binary".into(), binary), ("float".into(), float)])
    }

    pub(crate) fn values(&self) -> Vec<f32> {
        let values = self.0.iter().map(|(_, param)| param.value().data());
        values.flatten().copied().collect()
    }

    pub(crate) fn bits(&self) -> Vec<u32> {
        self.values().iter().map(|x| x.to_bits()).collect()
    }

    /// Replaces the gradients by those of a step.
    pub(crate) fn set_gradients(&mut self, mut of: impl FnMut(usize) -> f32) {
        self.zero_grad();
        for (_, param) in &mut self.0 {
            let grad = (0..param.value().numel()).map(&mut of).collect();
            let grad = Tensor::new(grad, param.value().shape()).unwrap();
            param.add_grad(grad).unwrap();
        }
    }

    pub(crate) fn set_random_gradients(&mut self, seed: u64) {
        let mut rng = Rng::new(seed);
        self.set_gradients(|_| rng.normal() as f32);
    }
}

pub(crate) fn sign(x: f32) -> f32 {
    if x >= 0.0 { 1.0 } else { -1.0 }
}

/// Numbers with the edges of the sign law among them.
pub(crate) fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -1.0_f32..1.0,
        1 => prop::sample::select(vec![0.0, -0.0, f32::MIN_POSITIVE, -1e-45, 1.0, -1.0]),
    ]
}
