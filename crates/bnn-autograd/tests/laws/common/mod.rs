//! Vectors computed by PyTorch, and what runs optimizers on them.

pub(crate) mod operation;
pub(crate) mod params;

use std::collections::BTreeMap;

use bnn_autograd::nn::{Module, Param, ParamKind};
use bnn_autograd::optim::Optimizer;
use bnn_autograd::{Error, Real, Tensor, Var};
use serde_json::Value;

/// The tensors of one case, and how near to them results must be.
pub(crate) struct Case<T: Real> {
    name: String,
    tensors: BTreeMap<String, Tensor<T>>,
    tolerance: f64,
}

impl<T: Real> Case<T> {
    /// Reads a case of a file of vectors.
    pub(crate) fn load(file: &str, name: &str) -> Self {
        let all: Value = serde_json::from_str(file).unwrap();
        let case = all[name].as_object().unwrap();
        let tensors = case.iter().map(|(key, tensor)| {
            let shape = tensor["shape"].as_array().unwrap();
            let shape: Vec<usize> = shape.iter().map(|d| d.as_u64().unwrap() as usize).collect();
            let data = tensor["data"].as_array().unwrap();
            let data = data
                .iter()
                .map(|x| T::from_f64(x.as_f64().unwrap()))
                .collect();
            (key.clone(), Tensor::new(data, &shape).unwrap())
        });
        Self {
            name: name.to_string(),
            tensors: tensors.collect(),
            tolerance: if size_of::<T>() == 8 { 1e-12 } else { 1e-5 },
        }
    }

    pub(crate) fn get(&self, key: &str) -> &Tensor<T> {
        self.find(key).unwrap()
    }

    pub(crate) fn find(&self, key: &str) -> Option<&Tensor<T>> {
        self.tensors.get(key)
    }

    /// Compares a tensor with the one that PyTorch computed.
    #[track_caller]
    pub(crate) fn check(&self, key: &str, found: &Tensor<T>) {
        let expected = self.get(key);
        assert_eq!(found.shape(), expected.shape(), "{}: {key}", self.name);
        let largest = expected
            .data()
            .iter()
            .map(|x| x.as_f64().abs())
            .fold(1e-3, f64::max);
        for (i, (found, expected)) in found.data().iter().zip(expected.data()).enumerate() {
            let distance = (found.as_f64() - expected.as_f64()).abs();
            assert!(
                distance <= self.tolerance * largest,
                "{}: {key}[{i}] is {found}, expected {expected}",
                self.name
            );
        }
    }
}

/// Every case for both element types.
macro_rules! both {
    ($($test:ident => $check:ident;)*) => {$(
        #[test]
        fn $test() {
            $check::<f64>();
            $check::<f32>();
        }
    )*};
}
pub(crate) use both;

/// A model of nothing but one parameter.
pub(crate) struct Bare<T: Real>(pub(crate) Param<T>);

impl<T: Real> Module<T> for Bare<T> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        Ok(x.clone())
    }
    fn params(&self, visit: &mut dyn FnMut(&str, &Param<T>)) {
        visit("p", &self.0);
    }
    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param<T>)) {
        visit("p", &mut self.0);
    }
}

/// Steps with the gradients of a case give its parameter after each step.
#[track_caller]
pub(crate) fn check_steps<T: Real>(case: &Case<T>, kind: ParamKind, optimizer: &mut Optimizer<T>) {
    let mut model = Bare(Param::new(kind, case.get("p").clone()));
    for step in 0.. {
        let Some(grad) = case.find(&format!("grad{step}")) else {
            assert!(step > 0, "no gradients");
            return;
        };
        model.zero_grad();
        model.0.add_grad(grad.clone()).unwrap();
        optimizer.step(&mut model).unwrap();
        case.check(&format!("p{step}"), model.0.value());
    }
}
