//! Layers with weights of 8 bits: values, gradients, and sums in the order of the weights.

use bnn_autograd::nn::{BatchNorm, FixedNorm, Init, Int8Conv2d, Int8Linear, Linear, Module};
use bnn_autograd::ops::{ConvOptions, Padding};
use bnn_autograd::{Real, Rng, Tape, Tensor, modes_agree, ops};
use proptest::prelude::*;

fn uniform<T: Real>(shape: &[usize], seed: u64) -> Tensor<T> {
    let values = Init::Uniform(1.7).tensor(shape, &mut Rng::new(seed));
    values.unwrap()
}

/// By the definition: the weights as the layer uses them.
fn rounded(w: &Tensor<f32>) -> (Vec<f32>, Vec<f32>) {
    let k = w.numel() / w.shape()[0];
    let rows = w.data().chunks(k);
    let scale = |row: &[f32]| match row.iter().fold(0.0_f32, |most, w| most.max(w.abs())) {
        0.0 => 1.0,
        most => most / 127.0,
    };
    let scales: Vec<f32> = rows.clone().map(scale).collect();
    let integers = rows.zip(&scales).flat_map(|(row, scale)| {
        row.iter()
            .map(move |w| (w / scale).round_ties_even().clamp(-127.0, 127.0))
    });
    (integers.collect(), scales)
}

fn linear(n: usize, k: usize, seed: u64) -> Int8Linear {
    let mut layer = Int8Linear::new(k, n, &mut Rng::new(seed)).unwrap();
    layer.bias.set_value(uniform(&[n], !seed)).unwrap();
    layer
}

/// `x · w^T` with every product and every sum rounded, in order.
fn in_order(x: &[f32], w: &[f32], k: usize) -> Vec<f32> {
    let dot = |x: &[f32], w: &[f32]| {
        let mut sum = 0.0_f32;
        for (x, w) in x.iter().zip(w) {
            let product = x * w;
            sum += product;
        }
        sum
    };
    let rows = x.chunks(k);
    rows.flat_map(|x| w.chunks(k).map(move |w| dot(x, w)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn in_evaluation_the_sums_are_in_the_order_of_the_weights(
        m in 1_usize..40,
        n in 1_usize..40,
        k in 1_usize..150,
        seed: u64,
    ) {
        let x: Tensor<f32> = uniform(&[m, k], seed);
        let tape = Tape::new();
        let var = tape.constant(x.clone());
        let mut layer = linear(n, k, seed);
        layer.set_training(false);
        let (integers, scales) = rounded(layer.weight.value());
        let sums = in_order(x.data(), &integers, k);
        let each = sums.chunks(n).flat_map(|sums| {
            sums.iter().zip(&scales).zip(layer.bias.value().data()).map(|((s, scale), b)| s * scale + b)
        });
        let expected: Vec<f32> = each.collect();
        let found = layer.forward(&var).unwrap();
        prop_assert_eq!(found.value().data(), &expected[..]);
        // In training it is the same but for rounding.
        layer.set_training(true);
        let trained = layer.forward(&var).unwrap();
        for (a, b) in trained.value().data().iter().zip(&expected) {
            prop_assert!((a - b).abs() <= 1e-3 * b.abs().max(1.0), "{a} is not {b}");
        }

        let mut float = Linear::new(k, n, &mut Rng::new(seed)).unwrap();
        float.set_training(false);
        let expected = in_order(x.data(), float.weight.value().data(), k);
        let expected: Vec<f32> = expected.iter().map(|y| y + 0.0).collect();
        let found = float.forward(&var).unwrap();
        prop_assert_eq!(found.value().data(), &expected[..]);
    }

    #[test]
    fn a_stem_is_exact_on_bytes(
        image in (1_usize..9, 1_usize..9, 1_usize..4),
        n in 1_usize..9,
        seed: u64,
    ) {
        let (height, width, channels) = image;
        let options = ConvOptions { padding: Padding::Same, ..ConvOptions::default() };
        let rng = &mut Rng::new(seed);
        let mut stem = Int8Conv2d::new(channels, n, [3, 3], options, rng).unwrap();
        let pixels = (0..height * width * channels).map(|_| rng.uniform(0.0, 256.0).floor() as f32).collect();
        let x: Tensor<f32> = Tensor::new(pixels, &[1, height, width, channels]).unwrap();
        let (integers, scales) = rounded(stem.weight.value());
        let found = stem.forward(&Tape::new().constant(x.clone())).unwrap();
        let at = |y: usize, dy: usize| (y + dy).checked_sub(1);
        for y in 0..height {
            for x_at in 0..width {
                for o in 0..n {
                    let mut sum = 0_i64;
                    for (dy, dx, c) in (0..9 * channels).map(|i| (i / channels / 3, i / channels % 3, i % channels)) {
                        let pixel = match (at(y, dy), at(x_at, dx)) {
                            (Some(y), Some(x_at)) if y < height && x_at < width => {
                                x.data()[(y * width + x_at) * channels + c] as i64
                            }
                            _ => 0,
                        };
                        sum += pixel * integers[((o * 3 + dy) * 3 + dx) * channels + c] as i64;
                    }
                    let y_found = found.value().data()[(y * width + x_at) * n + o];
                    prop_assert_eq!(y_found, sum as f32 * scales[o]);
                }
            }
        }
    }
}

#[test]
fn gradients_pass_straight_through_the_rounding() {
    let (x, w) = (uniform::<f64>(&[3, 5], 1), uniform::<f64>(&[2, 5], 2));
    let product = |v: &[bnn_autograd::Var<f64>]| {
        let mut layer = Int8Linear::<f64>::new(5, 2, &mut Rng::new(1)).unwrap();
        layer.weight.set_value(w.clone()).unwrap();
        layer.forward(&v[0])
    };
    // Of the inputs the layer is linear in its rounded weights.
    modes_agree(std::slice::from_ref(&x), 1e-12, product).unwrap();
    let tape = Tape::new();
    let mut layer = Int8Linear::<f64>::new(5, 2, &mut Rng::new(1)).unwrap();
    layer.weight.set_value(w.clone()).unwrap();
    let y = layer.forward(&tape.constant(x.clone())).unwrap();
    let dy = uniform::<f64>(&[3, 2], 3);
    y.vjp(dy.clone()).unwrap().add_to(&mut layer).unwrap();
    // The gradient of the weights is that of the layer without rounding.
    let plain = tape.leaf(w);
    let y = ops::linear(&tape.constant(x), &plain, None).unwrap();
    let expected = y.vjp(dy).unwrap().get(&plain).unwrap().clone();
    let found = layer.weight.grad().unwrap();
    for (a, b) in found.data().iter().zip(expected.data()) {
        assert!((a - b).abs() <= 1e-12, "{a} is not {b}");
    }
}

#[test]
fn weights_of_nothing_give_the_bias() {
    let mut layer = linear(2, 3, 5);
    layer
        .weight
        .set_value(Tensor::full(0.0, &[2, 3]).unwrap())
        .unwrap();
    let x = Tape::new().constant(uniform(&[1, 3], 1));
    let y = layer.forward(&x).unwrap();
    assert_eq!(y.value().data(), layer.bias.value().data());
}

#[test]
fn fixed_point_numbers_are_the_nearest_and_saturate() {
    let tape = Tape::new();
    // In units of 1/4: halves go up, also below 0.
    let x = [0.1, 0.125, -0.125, -0.13, 0.99, 9000.0, -9000.0, -0.0];
    let x = tape.leaf(Tensor::new(x.to_vec(), &[1, 8]).unwrap());
    let y = ops::fixed_point(&x, 2).unwrap();
    let expected = [0.0, 0.25, 0.0, -0.25, 1.0, 8191.75, -8192.0, 0.0];
    assert_eq!(y.value().data(), expected);
    let gradients = y.vjp(Tensor::full(1.0_f32, &[1, 8]).unwrap()).unwrap();
    let passes = [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0];
    assert_eq!(gradients.get(&x).unwrap().data(), passes);
    let nan = tape.constant(Tensor::new(vec![f32::NAN], &[1]).unwrap());
    assert!(ops::fixed_point(&nan, 2).unwrap().value().data()[0].is_nan());
    for exponent in [-17, 32] {
        assert!(ops::fixed_point(&nan, exponent).is_err());
    }
}

#[test]
fn a_fixed_norm_evaluates_to_what_it_trains_to_but_for_a_unit() {
    let mut layer = FixedNorm {
        norm: BatchNorm::<f32>::new(3).unwrap(),
        exponent: 9,
    };
    let rng = &mut Rng::new(3);
    let sums = (0..300)
        .map(|_| rng.uniform(-500.0, 500.0).round() as f32)
        .collect();
    let x = Tape::new().constant(Tensor::new(sums, &[100, 3]).unwrap());
    layer.norm.momentum = 1.0;
    let trained = layer.forward(&x).unwrap();
    layer.set_training(false);
    let evaluated = layer.forward(&x).unwrap();
    for (a, b) in trained.value().data().iter().zip(evaluated.value().data()) {
        // The variance of the batch, and of the running average, which is divided by 99.
        assert!((a - b).abs() <= 0.02, "{a} is not {b}");
        assert_eq!((b * 512.0).fract(), 0.0);
    }
}

/// A layer from fixed-point numbers to integers, and inputs for it.
fn scores(m: usize, n: usize, k: usize, seed: u64) -> (Int8Linear, Tensor<f32>) {
    let rng = &mut Rng::new(seed);
    let layer = Int8Linear {
        exponent: Some(6),
        scores_exponent: Some(12),
        ..linear(n, k, seed)
    };
    let numbers = (0..m * k).map(|_| rng.uniform(-32768.0, 32768.0).floor() as f32 / 64.0);
    (layer, Tensor::new(numbers.collect(), &[m, k]).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn integer_scores_are_the_exact_ones_but_for_two_units(
        m in 1_usize..20,
        n in 1_usize..20,
        k in 1_usize..300,
        seed: u64,
    ) {
        let (mut layer, x) = scores(m, n, k, seed);
        let (integers, scales) = rounded(layer.weight.value());
        let var = Tape::new().constant(x.clone());
        let trained = Tensor::from(layer.forward(&var).unwrap());
        layer.set_training(false);
        let evaluated = Tensor::from(layer.forward(&var).unwrap());
        prop_assert_eq!(trained.data(), evaluated.data());
        for (at, &y) in evaluated.data().iter().enumerate() {
            let (row, o) = (at / n, at % n);
            let pairs = x.data()[row * k..][..k].iter().zip(&integers[o * k..][..k]);
            let sum: f64 = pairs.map(|(x, w)| f64::from(*x) * f64::from(*w)).sum();
            let exact = sum * f64::from(scales[o]) + f64::from(layer.bias.value().data()[o]);
            // In units: half of one for the product, half for the bias, and for the factor's.
            let units = (f64::from(y) - exact) * 4096.0;
            prop_assert!(units.abs() <= 2.0, "{y} is not {exact}");
            prop_assert_eq!((y * 4096.0).fract(), 0.0);
        }
    }
}

#[test]
fn integer_scores_have_the_gradients_of_the_layer_without_rounding() {
    let with = |scores_exponent: Option<i8>| Int8Linear::<f64> {
        weight: bnn_autograd::nn::Param::new(
            bnn_autograd::nn::ParamKind::Float,
            uniform(&[2, 5], 2),
        ),
        exponent: Some(9),
        scores_exponent,
        ..Int8Linear::new(5, 2, &mut Rng::new(1)).unwrap()
    };
    let x = ops::fixed_point(&Tape::new().constant(uniform(&[3, 5], 1)), 9).unwrap();
    let x = Tensor::from(x);
    let dy = uniform::<f64>(&[3, 2], 3);
    let gradients = |mut layer: Int8Linear<f64>| {
        let tape = Tape::new();
        let x = tape.leaf(x.clone());
        let all = layer.forward(&x).unwrap().vjp(dy.clone()).unwrap();
        let dx = all.get(&x).unwrap().clone();
        all.add_to(&mut layer).unwrap();
        let grads = [&layer.weight, &layer.bias].map(|param| param.grad().unwrap().clone());
        let [dw, db] = grads;
        [dx, dw, db]
    };
    for (found, expected) in gradients(with(Some(12))).iter().zip(&gradients(with(None))) {
        for (a, b) in found.data().iter().zip(expected.data()) {
            assert!((a - b).abs() <= 1e-12, "{a} is not {b}");
        }
    }
    modes_agree(std::slice::from_ref(&x), 1e-12, |v| {
        with(Some(12)).forward(&v[0])
    })
    .unwrap();
}

#[test]
fn integer_scores_saturate_and_need_fixed_point_inputs() {
    let (mut layer, x) = scores(1, 1, 300, 5);
    let var = Tape::new().constant(x);
    layer
        .bias
        .set_value(Tensor::full(1e9, &[1]).unwrap())
        .unwrap();
    let y = layer.forward(&var).unwrap();
    assert_eq!(y.value().data(), [i32::MAX as f32 / 4096.0]);
    layer.exponent = None;
    let text = layer.forward(&var).unwrap_err().to_string();
    assert!(text.contains("integer scores"), "{text}");
    (layer.exponent, layer.scores_exponent) = (Some(6), Some(32));
    assert!(layer.forward(&var).is_err());
}
