//! Quantizers and their gradients equal those of PyTorch (`vectors/make_quantizer_vectors.py`): in
//! f64 to 1e-12 and in f32 to 1e-5 of each tensor's largest magnitude.

use crate::common::operation;

use crate::common::{Case, both};
use bnn_autograd::nn::{BinaryLinear, Module, RPReLU, RSign};
use bnn_autograd::ops::{self, BinaryLinearForward, Estimator, Lsq, ScaledSign, WeightQuantizer};
use bnn_autograd::{Error, Real, Rng, Tape, Var};
use operation::check_operation;

fn load<T: Real>(name: &str) -> Case<T> {
    Case::load(include_str!("../vectors/quantizers.json"), name)
}

both! {
    signs_equal_pytorch => signs;
    scaled_signs_equal_pytorch => scaled_signs;
    dorefa_equals_pytorch => dorefa;
    ternary_weights_equal_pytorch => ternary;
    lsq_equals_pytorch => lsq;
    binary_layers_of_every_estimator_equal_pytorch => binary_linear;
    scaled_binary_layers_equal_pytorch => scaled_binary_linear;
    operations_per_channel_equal_pytorch => channels;
    layers_equal_pytorch => layers;
}

fn signs<T: Real>() {
    for (name, estimator) in [
        ("sign_clipped", Estimator::Clipped),
        ("sign_identity", Estimator::Identity),
        ("sign_approx", Estimator::Approx),
        ("sign_swish", Estimator::SWISH),
        ("sign_swish_steep", Estimator::Swish { beta: 10.0 }),
    ] {
        check_operation(&load::<T>(name), &["x"], |v| ops::sign(&v[0], estimator));
    }
}

fn scaled_signs<T: Real>() {
    for (name, gradient) in [
        ("scaled_sign_magnitude_aware", ScaledSign::MagnitudeAware),
        ("scaled_sign_xnor_net", ScaledSign::XnorNet),
        ("scaled_sign_of_filters", ScaledSign::XnorNet),
    ] {
        let scaled =
            |v: &[Var<T>]| ops::quantize_weights(&v[0], WeightQuantizer::ScaledSign(gradient));
        check_operation(&load::<T>(name), &["w"], scaled);
    }
}

fn dorefa<T: Real>() {
    for bits in [1, 2, 8] {
        let case = load::<T>(&format!("dorefa_activations_{bits}"));
        check_operation(&case, &["x"], |v| ops::dorefa_activations(&v[0], bits));
    }
    for bits in [1, 2, 4] {
        let case = load::<T>(&format!("dorefa_weights_{bits}"));
        check_operation(&case, &["w"], |v| {
            ops::quantize_weights(&v[0], WeightQuantizer::Dorefa { bits })
        });
    }
    let case = load::<T>("dorefa_weights_tie");
    check_operation(&case, &["w"], |v| {
        ops::quantize_weights(&v[0], WeightQuantizer::Dorefa { bits: 3 })
    });
}

fn ternary<T: Real>() {
    check_operation(&load::<T>("ternary"), &["w"], |v| {
        ops::quantize_weights(&v[0], WeightQuantizer::Ternary)
    });
}

fn lsq<T: Real>() {
    for (name, quantizer) in [
        ("lsq_weights", Lsq::weights(3, 66)),
        ("lsq_activations", Lsq::activations(2, 33)),
    ] {
        let quantizer = quantizer.unwrap();
        let quantize = |v: &[Var<T>]| ops::lsq(&v[0], &v[1], quantizer);
        check_operation(&load::<T>(name), &["v", "step"], quantize);
    }
}

fn binary_linear<T: Real>() {
    for (name, estimator) in [
        ("binary_linear_identity", Estimator::Identity),
        ("binary_linear_approx", Estimator::Approx),
        ("binary_linear_swish", Estimator::SWISH),
    ] {
        check_operation(&load::<T>(name), &["x", "w"], |v| {
            let function = BinaryLinearForward {
                estimator,
                ..BinaryLinearForward::new(3, 4, 67)
            };
            v[0].tape().apply(function, &[&v[0], &v[1]])
        });
        // The same in two steps.
        check_operation(&load::<T>(name), &["x", "w"], |v| {
            ops::binary_linear(&ops::sign(&v[0], estimator)?, &v[1])
        });
    }
}

fn scaled_binary_linear<T: Real>() {
    use Estimator::{Approx, Clipped};
    use ScaledSign::{MagnitudeAware, XnorNet};
    for (name, estimator, gradient) in [
        ("bi_real", Approx, MagnitudeAware),
        ("xnor_net", Clipped, XnorNet),
    ] {
        let case = load::<T>(name);
        check_operation(&case, &["x", "w"], |v| {
            ops::scaled_binary_linear(&v[0], &v[1], estimator, gradient)
        });
        // The plain formula, on floats.
        check_operation(&case, &["x", "w"], |v| {
            let (x, w) = (
                ops::sign(&v[0], estimator)?,
                ops::quantize_weights(&v[1], WeightQuantizer::ScaledSign(gradient))?,
            );
            ops::linear(&x, &w, None)
        });
        let layer = BinaryLinear {
            estimator,
            scaled_signs: Some(gradient),
            ..BinaryLinear::new(67, 4, &mut Rng::new(1)).unwrap()
        };
        check_layer(&case, &["weight"], &["w"], layer);
    }
}

fn channels<T: Real>() {
    let scale = |v: &[Var<T>]| ops::mul(&v[0], &v[1]);
    check_operation(&load::<T>("channel_scale"), &["x", "scale"], scale);
    let shift = |v: &[Var<T>]| ops::add(&v[0], &v[1]);
    check_operation(&load::<T>("shift"), &["x", "by"], shift);
    let prelu = |v: &[Var<T>]| ops::prelu(&v[0], &v[1]);
    check_operation(&load::<T>("prelu"), &["x", "slope"], prelu);
}

fn layers<T: Real>() {
    let rsign = RSign::new(7).unwrap();
    check_layer(&load::<T>("rsign"), &["shift"], &["shift"], rsign);
    let names = ["before", "slope", "after"];
    check_layer(
        &load::<T>("rprelu"),
        &names,
        &names,
        RPReLU::new(7).unwrap(),
    );
}

/// Puts values of a case in the parameters of a layer and checks output and gradients.
#[track_caller]
fn check_layer<T: Real>(case: &Case<T>, params: &[&str], keys: &[&str], mut layer: impl Module<T>) {
    let key_of = |name: &str| keys[params.iter().position(|param| *param == name).unwrap()];
    layer.params_mut(&mut |name, param| {
        param.set_value(case.get(key_of(name)).clone()).unwrap();
    });
    let tape = Tape::new();
    let x = tape.leaf(case.get("x").clone());
    let y = layer.forward(&x).unwrap();
    case.check("y", y.value());
    let gradients = y.vjp(case.get("dy").clone()).unwrap();
    case.check("dx", gradients.get(&x).unwrap());
    gradients.add_to(&mut layer).unwrap();
    let mut visited = 0;
    layer.params(&mut |name, param| {
        case.check(&format!("d{}", key_of(name)), param.grad().unwrap());
        visited += 1;
    });
    assert_eq!(visited, params.len());
}

/// What is used above is all there is in the file.
#[test]
fn every_vector_is_checked() {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/quantizers.json")).unwrap();
    let source = include_str!("quantizer_vectors.rs");
    for name in all.as_object().unwrap().keys() {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        assert!(source.contains(stem), "{name} is not checked");
    }
}

/// The layer as built has the straight-through estimator.
#[test]
fn a_layer_as_built_is_the_operation_with_the_clipped_estimator() -> Result<(), Error> {
    let case = load::<f64>("binary_linear_identity");
    let mut layer = BinaryLinear::new(67, 4, &mut Rng::new(1))?;
    layer.params_mut(&mut |_, param| param.set_value(case.get("w").clone()).unwrap());
    let tape = Tape::new();
    let x = tape.leaf(case.get("x").clone());
    let found = layer
        .forward(&x)?
        .vjp(case.get("dy").clone())?
        .get(&x)
        .cloned();
    let y = ops::binary_linear(&x, &tape.constant(case.get("w").clone()))?;
    let expected = y.vjp(case.get("dy").clone())?.get(&x).cloned();
    assert_eq!(found, expected);
    Ok(())
}
