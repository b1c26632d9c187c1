//! Quantizers keep the sign law, keep no more than they say, and give the same bits for any number
//! of threads.

use bnn_autograd::nn::{BinaryLinear, Init, Module, RSign};
use bnn_autograd::ops::{self, BinaryLinearForward, Estimator, Lsq, ScaledSign, WeightQuantizer};
use bnn_autograd::{Error, Real, Rng, Tape, Tensor, Var};

const EDGES: [f32; 9] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    1e-45,
    -1e-45,
];

const ESTIMATORS: [Estimator; 4] = [
    Estimator::Clipped,
    Estimator::Identity,
    Estimator::Approx,
    Estimator::SWISH,
];

fn tensor(x: &[f32]) -> Tensor {
    Tensor::new(x.to_vec(), &[1, x.len()]).unwrap()
}

fn values(shape: &[usize], seed: u64) -> Tensor {
    Init::Uniform(1.5)
        .tensor(shape, &mut Rng::new(seed))
        .unwrap()
}

/// The gradient of the sum of the output.
fn gradient(
    x: &Tensor,
    function: impl FnOnce(&Var) -> Result<Var, Error>,
) -> Result<Tensor, Error> {
    let tape = Tape::new();
    let x = tape.leaf(x.clone());
    let y = function(&x)?;
    let gradients = y.vjp(Tensor::full(1.0, y.shape())?)?;
    Ok(gradients.get(&x).unwrap().clone())
}

/// Bytes that the functions after the first `skipped` keep, in order.
fn kept(tape: &Tape, skipped: usize) -> Vec<usize> {
    let nodes = tape.memory().nodes;
    nodes[skipped..].iter().map(|node| node.bytes).collect()
}

#[test]
fn every_sign_keeps_the_sign_law_at_its_edges() -> Result<(), Error> {
    let signs = [1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0];
    for estimator in ESTIMATORS {
        let tape = Tape::new();
        let x = tape.constant(tensor(&EDGES));
        assert_eq!(ops::sign(&x, estimator)?.value().data(), signs);
        // The binary layer sees the same signs, before and after.
        let w = tape.constant(tensor(&[1.0; 9]));
        let function = BinaryLinearForward {
            estimator,
            ..BinaryLinearForward::new(1, 1, 9)
        };
        assert_eq!(tape.apply(function, &[&x, &w])?.value().data(), [1.0]);
    }
    // Of finite weights also with a scale.
    let tape = Tape::new();
    let w = tape.constant(tensor(&[0.0, -0.0, 2.0, -2.0]));
    for gradient in [ScaledSign::MagnitudeAware, ScaledSign::XnorNet] {
        let y = ops::quantize_weights(&w, WeightQuantizer::ScaledSign(gradient))?;
        assert_eq!(y.value().data(), [1.0, 1.0, 1.0, -1.0]);
    }
    let y = ops::quantize_weights(&w, WeightQuantizer::Dorefa { bits: 1 })?;
    assert_eq!(y.value().data(), [1.0, 1.0, 1.0, -1.0]);
    Ok(())
}

#[test]
fn gradients_at_the_edges_are_as_documented() -> Result<(), Error> {
    let at = |estimator| {
        gradient(&tensor(&EDGES), |x| ops::sign(x, estimator)).map(|d| d.data().to_vec())
    };
    let clipped = [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0];
    assert_eq!(at(Estimator::Clipped)?, clipped);
    assert_eq!(at(Estimator::Identity)?, [1.0; 9]);
    let approx = [2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0];
    assert_eq!(at(Estimator::Approx)?, approx);
    let swish = at(Estimator::SWISH)?;
    // The slope of SignSwish at 0 is beta.
    assert_eq!(swish[..2], [5.0, 5.0]);
    assert_eq!(swish[4..7], [0.0, 0.0, 0.0]);
    assert_eq!(swish[2], swish[3]);
    assert!(swish[2] < 0.0 && swish[2] > -0.3, "{}", swish[2]);
    // `slope` is what the reverse pass multiplies with.
    for estimator in ESTIMATORS {
        let slopes: Vec<f32> = EDGES.iter().map(|&x| estimator.slope(x)).collect();
        assert_eq!(at(estimator)?, slopes);
    }
    Ok(())
}

#[test]
fn sign_swish_does_not_overflow_far_out() {
    for x in [1e-30_f64, 1.0, 20.0, 200.0, 1e10, 1e300, f64::MAX] {
        for beta in [1e-3, 5.0, 1e3] {
            let slope = Estimator::Swish { beta }.slope(x);
            assert!(slope.is_finite(), "{slope} at {x}, beta {beta}");
            assert_eq!(slope, Estimator::Swish { beta }.slope(-x));
        }
    }
}

#[test]
fn range_masks_and_rounding_hold_at_the_edges() -> Result<(), Error> {
    let x = tensor(&[-0.0, 1.0, 0.5, -1e-45, 1.0000001, f32::INFINITY, f32::NAN]);
    let tape = Tape::new();
    let y = ops::dorefa_activations(&tape.constant(x.clone()), 2)?;
    // 3 * 0.5 = 1.5 is as near to 1 as to 2, and goes to the even one.
    assert_eq!(y.value().data()[..6], [0.0, 1.0, 2.0 / 3.0, 0.0, 1.0, 1.0]);
    assert!(y.value().data()[6].is_nan());
    let d = gradient(&x, |x| ops::dorefa_activations(x, 2))?;
    assert_eq!(d.data(), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);

    // Levels -2..=1 of step 1: at the outermost ones the gradient is cut (strict inequalities).
    let v = tensor(&[-3.0, -2.0, -1.5, 0.5, 1.0, 1.5, f32::NAN]);
    let step = || Tensor::scalar(1.0);
    let y = ops::lsq(
        &tape.constant(v.clone()),
        &tape.constant(step()),
        Lsq::weights(2, 7)?,
    )?;
    assert_eq!(y.value().data()[..6], [-2.0, -2.0, -2.0, 0.0, 1.0, 1.0]);
    assert!(y.value().data()[6].is_nan());
    let constant_step = |v: &Var| ops::lsq(v, &v.tape().constant(step()), Lsq::weights(2, 7)?);
    let learned_step = |v: &Var| ops::lsq(v, &v.tape().leaf(step()), Lsq::weights(2, 7)?);
    let expected = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0];
    assert_eq!(gradient(&v, constant_step)?.data(), expected);
    assert_eq!(gradient(&v, learned_step)?.data(), expected);
    Ok(())
}

#[test]
fn channels_without_magnitude_stay_finite_and_nan_is_not_hidden() -> Result<(), Error> {
    let tape = Tape::new();
    let zeros = tape.leaf(Tensor::full(0.0_f32, &[2, 3])?);
    for y in [
        ops::quantize_weights(&zeros, WeightQuantizer::Ternary)?,
        ops::quantize_weights(&zeros, WeightQuantizer::ScaledSign(ScaledSign::XnorNet))?,
        ops::quantize_weights(&zeros, WeightQuantizer::Dorefa { bits: 1 })?,
    ] {
        assert_eq!(y.value().data(), [0.0; 6]);
    }
    let y = ops::quantize_weights(&zeros, WeightQuantizer::Dorefa { bits: 2 })?;
    let third = y.value().data()[0];
    assert!((third - 1.0 / 3.0).abs() < 1e-6, "{third}");
    assert_eq!(y.vjp(Tensor::full(1.0, &[2, 3])?)?.get(&zeros), None);
    for bad in [f32::NAN, f32::INFINITY] {
        let w = tape.constant(Tensor::new(vec![bad, 0.5, 0.5, 0.25], &[2, 2])?);
        let y = ops::quantize_weights(&w, WeightQuantizer::Ternary)?;
        assert!(y.value().data()[..2].iter().all(|y| y.is_nan()));
        assert_eq!(y.value().data()[2..], [0.5, 0.0]);
    }
    Ok(())
}

#[test]
fn signs_keep_a_bit_nothing_or_the_shared_input() -> Result<(), Error> {
    let (rows, cols) = (16, 128);
    let bits = rows * cols / 8;
    let x = values(&[rows, cols], 1);
    for (estimator, own, shared) in [
        (Estimator::Clipped, bits, 0),
        (Estimator::Identity, 0, 0),
        (Estimator::Approx, 0, 4 * rows * cols),
        (Estimator::SWISH, 0, 4 * rows * cols),
    ] {
        let tape = Tape::new();
        let leaf = tape.leaf(x.clone());
        ops::sign(&leaf, estimator)?;
        let node = tape.memory().nodes[0];
        assert_eq!((node.bytes - node.shared, node.shared), (own, shared));

        // A binary layer keeps its signs, the same for the estimator, and a bit per weight.
        let tape = Tape::new();
        let leaf = tape.leaf(x.clone());
        let mut layer = BinaryLinear {
            estimator,
            ..BinaryLinear::new(cols, 64, &mut Rng::new(2))?
        };
        layer.forward(&leaf)?;
        let node = tape.memory().nodes[0];
        let (signs, weights) = (bits, 64 * cols / 8);
        assert_eq!(node.bytes - node.shared, own + signs + weights);
        assert_eq!(node.shared, shared);
    }
    Ok(())
}

#[test]
fn an_input_that_can_be_computed_again_is_not_kept() -> Result<(), Error> {
    let run = |recompute| {
        let tape = Tape::new();
        tape.set_recompute(recompute);
        let x = tape.leaf(values(&[8, 64], 1));
        let w = tape.leaf(values(&[64, 64], 2));
        let ones = tape.leaf(Tensor::full(0.75, &[64])?);
        let sums = ops::binary_linear(&x, &w)?;
        let y = ops::mul(&sums, &ones)?;
        // Integers, of which ApproxSign lets some through.
        let y2 = ops::sign(&sums, Estimator::Approx)?;
        let y3 = ops::mul(&y2, &ones)?;
        let y4 = ops::prelu(&sums, &ones)?;
        let kept = kept(&tape, 1);
        let mut gradients = Vec::new();
        for y in [&y, &y3, &y4] {
            gradients.push(y.value().clone());
        }
        let total = ops::sum(&ops::linear(
            &y3,
            &tape.constant(values(&[3, 64], 3)),
            None,
        )?)?;
        let found = total.backward()?;
        for leaf in [&x, &w, &ones] {
            gradients.push(found.get(leaf).unwrap().clone());
        }
        Ok::<_, Error>((kept, gradients))
    };
    let (with, values_with) = run(true)?;
    let (without, values_without) = run(false)?;
    assert_eq!(values_with, values_without);
    let (all, numbers) = (4 * 8 * 64, 4 * 64);
    assert_eq!(with, [numbers, 0, numbers, numbers]);
    assert_eq!(without, [all + numbers, all, all + numbers, all + numbers]);
    Ok(())
}

#[test]
fn weight_quantizers_and_rectifiers_keep_what_they_say() -> Result<(), Error> {
    let (n, k) = (8, 128);
    let tape = Tape::new();
    let w = tape.leaf(values(&[n, k], 1));
    let slopes = tape.constant(Tensor::full(0.25, &[k])?);
    ops::quantize_weights(&w, WeightQuantizer::ScaledSign(ScaledSign::XnorNet))?;
    ops::quantize_weights(&w, WeightQuantizer::Ternary)?;
    ops::quantize_weights(&w, WeightQuantizer::Dorefa { bits: 1 })?;
    ops::dorefa_activations(&w, 2)?;
    ops::lsq(
        &w,
        &tape.constant(Tensor::scalar(0.1)),
        Lsq::weights(4, n * k)?,
    )?;
    ops::prelu(&w, &slopes)?;
    ops::add(&w, &slopes)?;
    let bits = n * k / 8;
    let own = |node: &bnn_autograd::NodeMemory| node.bytes - node.shared;
    let found: Vec<_> = tape.memory().nodes.iter().map(own).collect();
    assert_eq!(found, [bits + 4 * n, 0, 0, bits, bits, bits, 0]);
    Ok(())
}

#[test]
fn a_sign_and_a_layer_that_takes_it_as_it_is_keep_no_mask_of_ones() -> Result<(), Error> {
    let mut rng = Rng::new(1);
    let tape = Tape::new();
    let x = tape.leaf(values(&[16, 128], 1));
    let mut rsign = RSign::new(128)?;
    let mut layer = BinaryLinear {
        estimator: Estimator::Identity,
        ..BinaryLinear::new(128, 64, &mut rng)?
    };
    layer.forward(&rsign.forward(&x)?)?;
    let names: Vec<_> = tape.memory().nodes.iter().map(|node| node.name).collect();
    assert_eq!(names, ["shift", "sign", "binary_linear"]);
    // The shifted input is the sign's alone; the layer has signs and weights, one bit each.
    let expected = [0, 4 * 16 * 128, 16 * 128 / 8 + 64 * 128 / 8];
    assert_eq!(kept(&tape, 0), expected);
    Ok(())
}

#[test]
fn without_gradients_nothing_is_kept() -> Result<(), Error> {
    let tape = Tape::new();
    let w = tape.leaf(values(&[8, 64], 1));
    let x = tape.constant(values(&[4, 64], 2));
    // Only the weights need a gradient: nothing is kept for the slope of x.
    let function = BinaryLinearForward {
        estimator: Estimator::Approx,
        ..BinaryLinearForward::new(4, 8, 64)
    };
    tape.apply(function, &[&x, &w])?;
    assert_eq!(kept(&tape, 0), [4 * 64 / 8 + 8 * 64 / 8]);
    tape.no_grad(|| ops::sign(&w, Estimator::Approx))?;
    assert_eq!(tape.memory().nodes.len(), 1);
    Ok(())
}

#[test]
fn a_sign_of_weights_composes_with_a_product_that_stays_on_bits() -> Result<(), Error> {
    // Small integers, so that sums are exact in every order.
    let mut dy = values(&[5, 3], 3);
    dy.data_mut()
        .iter_mut()
        .for_each(|d| *d = (4.0 * *d).round());
    for estimator in [Estimator::Clipped, Estimator::Identity] {
        let run = |product: &dyn Fn(&Var, &Var) -> Result<Var, Error>| {
            let tape = Tape::new();
            let x = tape.leaf(values(&[5, 70], 1));
            let w = tape.leaf(values(&[3, 70], 2));
            let y = product(&ops::sign(&x, estimator)?, &ops::sign(&w, estimator)?)?;
            let gradients = y.vjp(dy.clone())?;
            let of = |leaf| gradients.get(leaf).cloned();
            Ok::<_, Error>((y.value().clone(), of(&x), of(&w)))
        };
        let on_bits = run(&ops::binary_linear)?;
        let on_floats = run(&|x, w| ops::linear(x, w, None))?;
        assert_eq!(on_bits, on_floats);
    }
    Ok(())
}

type Operation<'a, T> = dyn Fn(&[Var<T>]) -> Result<Var<T>, Error> + 'a;

/// Every quantizer's value and gradients, as bits.
fn everything<T: Real>() -> Vec<u64> {
    let (rows, cols) = (67, 1023);
    let draw = |shape: &[usize], seed| -> Tensor<T> {
        Init::Uniform(1.5)
            .tensor(shape, &mut Rng::new(seed))
            .unwrap()
    };
    let (x, w) = (draw(&[rows, cols], 1), draw(&[33, cols], 2));
    let row = draw(&[cols], 3);
    let step = Tensor::scalar(T::from_f64(0.3));
    let mut bits = Vec::new();
    let mut run = |inputs: &[&Tensor<T>], f: &Operation<'_, T>| {
        let tape = Tape::new();
        let leaves: Vec<_> = inputs.iter().map(|&x| tape.leaf(x.clone())).collect();
        let y = f(&leaves).unwrap();
        let gradients = y.vjp(draw(y.shape(), 4)).unwrap();
        let found = leaves.iter().map(|leaf| gradients.get(leaf).unwrap());
        for tensor in found.chain([y.value()]) {
            bits.extend(tensor.data().iter().map(|x| x.as_f64().to_bits()));
        }
    };
    for estimator in ESTIMATORS {
        run(&[&x], &|v| ops::sign(&v[0], estimator));
    }
    for gradient in [ScaledSign::MagnitudeAware, ScaledSign::XnorNet] {
        run(&[&w], &|v| {
            ops::quantize_weights(&v[0], WeightQuantizer::ScaledSign(gradient))
        });
        run(&[&x, &w], &|v| {
            ops::scaled_binary_linear(&v[0], &v[1], Estimator::SWISH, gradient)
        });
    }
    for k in [1, 4] {
        run(&[&x], &|v| ops::dorefa_activations(&v[0], k));
        run(&[&x], &|v| {
            ops::quantize_weights(&v[0], WeightQuantizer::Dorefa { bits: k })
        });
    }
    run(&[&w], &|v| {
        ops::quantize_weights(&v[0], WeightQuantizer::Ternary)
    });
    run(&[&x, &step], &|v| {
        ops::lsq(&v[0], &v[1], Lsq::weights(4, rows * cols)?)
    });
    run(&[&x, &row], &|v| ops::mul(&v[0], &v[1]));
    run(&[&x, &row], &|v| ops::add(&v[0], &v[1]));
    run(&[&x, &row], &|v| ops::prelu(&v[0], &v[1]));
    bits
}

#[test]
fn results_are_the_same_bits_for_any_number_of_threads() {
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(everything::<f32>)
    };
    let one = with_threads(1);
    assert!(!one.is_empty());
    assert_eq!(one, with_threads(3));
}

#[test]
fn numbers_outside_their_range_and_shapes_that_do_not_fit_are_errors() -> Result<(), Error> {
    let tape = Tape::new();
    let x = tape.leaf(values(&[2, 4], 1));
    let scalar = tape.leaf(Tensor::scalar(0.5));
    let out_of_range = |found: Result<Var, Error>| matches!(found, Err(Error::OutOfRange { .. }));
    for beta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(out_of_range(ops::sign(&x, Estimator::Swish { beta })));
        let mut layer = BinaryLinear::new(4, 2, &mut Rng::new(1))?;
        layer.estimator = Estimator::Swish { beta };
        assert!(out_of_range(layer.forward(&x)));
    }
    for bits in [0, 17] {
        assert!(out_of_range(ops::dorefa_activations(&x, bits)));
        assert!(out_of_range(ops::quantize_weights(
            &x,
            WeightQuantizer::Dorefa { bits }
        )));
        assert!(Lsq::activations(bits, 4).is_err());
    }
    assert!(Lsq::weights(1, 8).is_err(), "one bit has no positive level");
    for step in [0.0, -0.1, f32::NAN, f32::INFINITY] {
        let step = tape.leaf(Tensor::scalar(step));
        assert!(out_of_range(ops::lsq(&x, &step, Lsq::weights(2, 8)?)));
    }
    let shape = |found: Result<Var, Error>| matches!(found, Err(Error::Shape { .. }));
    assert!(shape(ops::lsq(&x, &x, Lsq::weights(2, 8)?)));
    assert!(shape(ops::quantize_weights(
        &scalar,
        WeightQuantizer::Ternary
    )));
    assert!(shape(ops::quantize_weights(
        &scalar,
        WeightQuantizer::ScaledSign(ScaledSign::XnorNet)
    )));
    for function in [ops::mul, ops::add, ops::prelu] {
        assert!(shape(function(&x, &scalar)));
        assert!(shape(function(&x, &tape.leaf(values(&[2], 1)))));
        assert!(shape(function(&x, &tape.leaf(values(&[4, 2], 1)))));
    }
    Ok(())
}

#[test]
fn the_step_to_start_with_is_as_documented() -> Result<(), Error> {
    let v = tensor(&[1.0, -2.0, 3.0, -2.0]);
    // 2 * mean(|v|) / sqrt(Q_P)
    assert_eq!(
        Lsq::weights(3, 4)?.initial_step(&v).item()?,
        4.0 / 3.0_f32.sqrt()
    );
    assert_eq!(Lsq::activations(1, 4)?.initial_step(&v).item()?, 4.0);
    Ok(())
}
