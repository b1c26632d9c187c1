//! Values and gradients equal those of PyTorch (`vectors/make_vectors.py`): in f64 to 1e-12 and in
//! f32 to 1e-5 of each tensor's largest magnitude.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;

use bnn_autograd::nn::{BatchNorm, Module, Param, ParamKind};
use bnn_autograd::ops::{self, BatchStats};
use bnn_autograd::optim::{Adam, Optimizer, Sgd};
use bnn_autograd::{Error, Real, Tape, Tensor, Var};
use serde_json::Value;

/// The tensors of one case, and how near to them results must be.
struct Case<T: Real> {
    name: String,
    tensors: BTreeMap<String, Tensor<T>>,
    tolerance: f64,
}

impl<T: Real> Case<T> {
    fn load(name: &str) -> Self {
        let all: Value = serde_json::from_str(include_str!("vectors/vectors.json")).unwrap();
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

    fn get(&self, key: &str) -> &Tensor<T> {
        &self.tensors[key]
    }

    #[track_caller]
    fn check(&self, key: &str, found: &Tensor<T>) {
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

    /// Runs an operation on the named inputs forward and backward and checks everything.
    #[track_caller]
    fn check_operation(
        &self,
        inputs: &[&str],
        operation: impl Fn(&[Var<T>]) -> Result<Var<T>, Error>,
    ) {
        let tape = Tape::new();
        let leaves: Vec<_> = inputs
            .iter()
            .map(|key| tape.leaf(self.get(key).clone()))
            .collect();
        let y = operation(&leaves).unwrap();
        self.check("y", y.value());
        let gradients = y.vjp(self.get("dy").clone()).unwrap();
        for (key, leaf) in inputs.iter().zip(&leaves) {
            self.check(&format!("d{key}"), gradients.get(leaf).unwrap());
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

both! {
    binary_linear_equals_pytorch => binary_linear;
    sign_weight_linear_equals_pytorch => sign_weight_linear;
    linear_equals_pytorch => linear;
    hard_tanh_equals_pytorch => hard_tanh;
    batch_norm_in_training_equals_pytorch => batch_norm_training;
    batch_norm_in_evaluation_equals_pytorch => batch_norm_evaluation;
    losses_equal_pytorch => losses;
    reductions_equal_pytorch => reductions;
    attention_equals_pytorch => attention;
    sums_and_look_ups_equal_pytorch => sums_and_look_ups;
    optimizers_equal_pytorch => optimizers;
}

fn binary_linear<T: Real>() {
    let case = Case::<T>::load("binary_linear");
    case.check_operation(&["x", "w"], |v| ops::binary_linear(&v[0], &v[1]));
}

fn sign_weight_linear<T: Real>() {
    let case = Case::<T>::load("sign_weight_linear");
    case.check_operation(&["x", "w"], |v| ops::sign_weight_linear(&v[0], &v[1]));
}

fn linear<T: Real>() {
    let case = Case::<T>::load("linear");
    case.check_operation(&["x", "w", "b"], |v| ops::linear(&v[0], &v[1], Some(&v[2])));
}

fn hard_tanh<T: Real>() {
    Case::<T>::load("hard_tanh").check_operation(&["x"], |v| ops::hard_tanh(&v[0]));
}

fn batch_norm_training<T: Real>() {
    let case = Case::<T>::load("batch_norm_training");
    let eps = T::from_f64(1e-5);
    case.check_operation(&["x", "gamma", "beta"], |v| {
        ops::batch_norm(&v[0], &v[1], &v[2], eps).map(|(y, _)| y)
    });

    let mut layer = BatchNorm::new(5).unwrap();
    let tape = Tape::new();
    layer
        .forward(&tape.constant(case.get("x").clone()))
        .unwrap();
    layer.buffers(&mut |name, buffer| case.check(name, buffer));
}

fn batch_norm_evaluation<T: Real>() {
    let case = Case::<T>::load("batch_norm_evaluation");
    let stats = BatchStats {
        mean: case.get("mean").clone(),
        var: case.get("var").clone(),
    };
    let eps = T::from_f64(1e-5);
    case.check_operation(&["x", "gamma", "beta"], |v| {
        ops::batch_norm_eval(&v[0], &v[1], &v[2], &stats, eps)
    });
}

fn losses<T: Real>() {
    let labels = [3_u8, 0, 2, 2, 1, 3];
    Case::<T>::load("cross_entropy")
        .check_operation(&["x"], |v| ops::cross_entropy(&v[0], &labels, 0.0));
    Case::<T>::load("cross_entropy_smooth")
        .check_operation(&["x"], |v| ops::cross_entropy(&v[0], &labels, 0.1));
    Case::<T>::load("squared_hinge")
        .check_operation(&["x"], |v| ops::squared_hinge(&v[0], &labels));
}

fn reductions<T: Real>() {
    Case::<T>::load("mean").check_operation(&["x"], |v| ops::mean(&v[0]));
    Case::<T>::load("sum").check_operation(&["x"], |v| ops::sum(&v[0]));
}

fn attention<T: Real>() {
    let case = Case::<T>::load("binary_attention");
    case.check_operation(&["q", "k", "v"], |v| {
        ops::binary_attention(&v[0], &v[1], &v[2], 2)
    });
}

fn sums_and_look_ups<T: Real>() {
    Case::<T>::load("add").check_operation(&["a", "b"], |v| ops::add(&v[0], &v[1]));
    Case::<T>::load("flatten").check_operation(&["x"], |v| ops::flatten(&v[0]));
    let case = Case::<T>::load("embedding");
    case.check_operation(&["w"], |v| ops::embedding(case.get("indices"), &v[0]));
}

/// A model of nothing but one parameter.
struct Bare<T: Real>(Param<T>);

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

fn optimizers<T: Real>() {
    let check = |name: &str, optimizer: &mut dyn Optimizer<T>| {
        let case = Case::<T>::load(name);
        let mut model = Bare(Param::new(ParamKind::Float, case.get("p").clone()));
        for step in 0..4 {
            model.zero_grad();
            let grad = case.get(&format!("grad{step}")).clone();
            model.0.add_grad(grad).unwrap();
            optimizer.step(&mut model).unwrap();
            case.check(&format!("p{step}"), model.0.value());
        }
    };
    check("sgd", &mut Sgd::new(0.1, 0.0).unwrap());
    check("sgd_momentum", &mut Sgd::new(0.1, 0.9).unwrap());
    check("adam", &mut Adam::new(0.05).unwrap());
    let adam = Adam::new(0.05).unwrap().with_betas(0.8, 0.99).unwrap();
    check("adam_decay", &mut adam.with_weight_decay(0.1).unwrap());
}
