//! Values and gradients equal those of PyTorch (`vectors/make_vectors.py`): in f64 to 1e-12 and in
//! f32 to 1e-5 of each tensor's largest magnitude.

use crate::common::operation;

use crate::common::{Case, both, check_steps};
use bnn_autograd::nn::{BatchNorm, Module, ParamKind};
use bnn_autograd::ops::{self, ColumnStats};
use bnn_autograd::optim::{Adam, AdamW, Optimizer, Rule, Sgd};
use bnn_autograd::{Real, Tape};
use operation::check_operation;

fn load<T: Real>(name: &str) -> Case<T> {
    Case::load(include_str!("../vectors/vectors.json"), name)
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
    let case = load::<T>("binary_linear");
    check_operation(&case, &["x", "w"], |v| ops::binary_linear(&v[0], &v[1]));
}

fn sign_weight_linear<T: Real>() {
    let case = load::<T>("sign_weight_linear");
    check_operation(&case, &["x", "w"], |v| {
        ops::sign_weight_linear(&v[0], &v[1])
    });
}

fn linear<T: Real>() {
    let case = load::<T>("linear");
    check_operation(&case, &["x", "w", "b"], |v| {
        ops::linear(&v[0], &v[1], Some(&v[2]))
    });
}

fn hard_tanh<T: Real>() {
    check_operation(&load::<T>("hard_tanh"), &["x"], |v| ops::hard_tanh(&v[0]));
}

fn batch_norm_training<T: Real>() {
    let case = load::<T>("batch_norm_training");
    let eps = T::from_f64(1e-5);
    check_operation(&case, &["x", "gamma", "beta"], |v| {
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
    let case = load::<T>("batch_norm_evaluation");
    let stats = ColumnStats {
        mean: case.get("mean").clone(),
        var: case.get("var").clone(),
    };
    let eps = T::from_f64(1e-5);
    check_operation(&case, &["x", "gamma", "beta"], |v| {
        ops::batch_norm_eval(&v[0], &v[1], &v[2], &stats, eps)
    });
}

fn losses<T: Real>() {
    let labels = [3_u8, 0, 2, 2, 1, 3];
    check_operation(&load::<T>("cross_entropy"), &["x"], |v| {
        ops::cross_entropy(&v[0], &labels, 0.0)
    });
    check_operation(&load::<T>("cross_entropy_smooth"), &["x"], |v| {
        ops::cross_entropy(&v[0], &labels, 0.1)
    });
    check_operation(&load::<T>("squared_hinge"), &["x"], |v| {
        ops::squared_hinge(&v[0], &labels)
    });
}

fn reductions<T: Real>() {
    check_operation(&load::<T>("mean"), &["x"], |v| ops::mean(&v[0]));
    check_operation(&load::<T>("sum"), &["x"], |v| ops::sum(&v[0]));
}

fn attention<T: Real>() {
    check_operation(&load::<T>("binary_attention"), &["q", "k", "v"], |v| {
        ops::binary_attention(&v[0], &v[1], &v[2], 2)
    });
}

fn sums_and_look_ups<T: Real>() {
    check_operation(&load::<T>("add"), &["a", "b"], |v| ops::add(&v[0], &v[1]));
    check_operation(&load::<T>("flatten"), &["x"], |v| ops::flatten(&v[0]));
    let case = load::<T>("embedding");
    check_operation(&case, &["w"], |v| {
        ops::embedding(case.get("indices"), &v[0])
    });
}

fn optimizers<T: Real>() {
    fn check<T: Real>(name: &str, rule: impl Rule<T> + 'static) {
        check_steps(&load(name), ParamKind::Float, &mut Optimizer::new(rule));
    }
    check::<T>("sgd", Sgd::new(0.1, 0.0).unwrap());
    check::<T>("sgd_momentum", Sgd::new(0.1, 0.9).unwrap());
    check::<T>("adam", Adam::new(0.05).unwrap());
    let adam = AdamW::new(0.05, 0.1).unwrap();
    let betas = (0.8, 0.99);
    check::<T>("adam_decay", AdamW { betas, ..adam });
}
