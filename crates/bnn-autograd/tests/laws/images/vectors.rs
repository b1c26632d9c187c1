//! Values and gradients equal those of PyTorch (`vectors/make_conv_vectors.py`): in f64 to 1e-12
//! and in f32 to 1e-5 of each tensor's largest magnitude.

use std::collections::BTreeMap;

use bnn_autograd::ops::{self, ConvOptions, PadValue, Padding};
use bnn_autograd::{Error, Real, Tape, Tensor, Var};
use serde_json::Value;

fn load<T: Real>(name: &str) -> BTreeMap<String, Tensor<T>> {
    let all: Value = serde_json::from_str(include_str!("../../vectors/conv_vectors.json")).unwrap();
    let case = all[name].as_object().unwrap();
    let tensors = case.iter().map(|(key, tensor)| {
        let shape = tensor["shape"].as_array().unwrap();
        let shape: Vec<usize> = shape.iter().map(|d| d.as_u64().unwrap() as usize).collect();
        let data = tensor["data"].as_array().unwrap();
        let data = data.iter().map(|x| T::from_f64(x.as_f64().unwrap()));
        (key.clone(), Tensor::new(data.collect(), &shape).unwrap())
    });
    tensors.collect()
}

#[track_caller]
fn near<T: Real>(what: &str, found: &Tensor<T>, expected: &Tensor<T>) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let tolerance = if size_of::<T>() == 8 { 1e-12 } else { 1e-5 };
    let magnitudes = expected.data().iter().map(|x| x.as_f64().abs());
    let allowed = tolerance * magnitudes.fold(1e-3, f64::max);
    for (i, (found, expected)) in found.data().iter().zip(expected.data()).enumerate() {
        let distance = (found.as_f64() - expected.as_f64()).abs();
        assert!(
            distance <= allowed,
            "{what}[{i}] is {found}, expected {expected}"
        );
    }
}

/// Runs an operation on the named inputs forward and backward and checks everything.
#[track_caller]
fn check<T: Real>(
    name: &str,
    inputs: &[&str],
    operation: impl Fn(&[Var<T>]) -> Result<Var<T>, Error>,
) {
    let case = load::<T>(name);
    let tape = Tape::new();
    let leaves: Vec<_> = inputs
        .iter()
        .map(|&key| tape.leaf(case[key].clone()))
        .collect();
    let y = operation(&leaves).unwrap();
    near(&format!("{name}: y"), y.value(), &case["y"]);
    let gradients = y.vjp(case["dy"].clone()).unwrap();
    for (key, leaf) in inputs.iter().zip(&leaves) {
        let key = format!("d{key}");
        near(
            &format!("{name}: {key}"),
            gradients.get(leaf).unwrap(),
            &case[&key],
        );
    }
}

/// PyTorch's `padding`: `vertical` pixels above and below, `horizontal` ones left and right.
fn around(vertical: usize, horizontal: usize) -> Padding {
    Padding::Explicit {
        top: vertical,
        bottom: vertical,
        left: horizontal,
        right: horizontal,
    }
}

fn convolutions<T: Real>() {
    let plain = ConvOptions {
        padding: around(1, 1),
        ..ConvOptions::default()
    };
    let uneven = Padding::Explicit {
        top: 1,
        bottom: 1,
        left: 2,
        right: 0,
    };
    let strided = ConvOptions {
        stride: [2, 1],
        dilation: [1, 2],
        padding: around(1, 2),
        ..plain
    };
    for (name, options) in [
        ("binary", plain),
        ("binary_strided", strided),
        ("binary_grouped", ConvOptions { groups: 2, ..plain }),
        (
            "binary_depthwise",
            ConvOptions {
                groups: 5,
                stride: [2, 2],
                ..plain
            },
        ),
        (
            "binary_minus_one",
            ConvOptions {
                padding: uneven,
                pad_value: PadValue::MinusOne,
                ..plain
            },
        ),
        (
            "binary_plus_one",
            ConvOptions {
                pad_value: PadValue::PlusOne,
                ..plain
            },
        ),
    ] {
        check::<T>(name, &["x", "w"], |v| {
            ops::binary_conv2d(&v[0], &v[1], options)
        });
    }
    check::<T>("sign_weight", &["x", "w"], |v| {
        ops::sign_weight_conv2d(&v[0], &v[1], plain)
    });
    let grouped = ConvOptions { groups: 2, ..plain };
    check::<T>("conv2d", &["x", "w", "b"], |v| {
        ops::conv2d(&v[0], &v[1], Some(&v[2]), grouped)
    });
}

fn pools<T: Real>() {
    check::<T>("max_pool", &["x"], |v| {
        ops::max_pool2d(&v[0], [2, 2], [2, 2], Padding::Valid)
    });
    let overlapping = |v: &[Var<T>]| ops::max_pool2d(&v[0], [3, 3], [2, 2], around(1, 1));
    check::<T>("max_pool_overlapping", &["x"], overlapping);
    let average = |v: &[Var<T>]| ops::avg_pool2d(&v[0], [3, 3], [2, 2], around(1, 1));
    check::<T>("avg_pool", &["x"], average);
    check::<T>("global_avg_pool", &["x"], |v| ops::global_avg_pool(&v[0]));
}

#[test]
fn convolutions_equal_pytorch() {
    convolutions::<f64>();
    convolutions::<f32>();
}

#[test]
fn pools_equal_pytorch() {
    pools::<f64>();
    pools::<f32>();
}
