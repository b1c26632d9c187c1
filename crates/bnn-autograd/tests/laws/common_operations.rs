//! The common operations and losses: values computed by hand, gradients against central differences
//! in f64, forward mode against reverse mode, and shapes that do not fit.

use bnn_autograd::nn::{Init, Module, ReLU};
use bnn_autograd::{Error, Real, Rng, Tape, Tensor, Tolerance, Var, gradcheck, modes_agree, ops};
use proptest::prelude::*;

/// Values in [-2, 2), none within 0.01 of the kink at 0.
fn values(shape: &[usize], seed: u64) -> Tensor<f64> {
    let mut x: Tensor<f64> = Init::Uniform(2.0)
        .tensor(shape, &mut Rng::new(seed))
        .unwrap();
    for x in x.data_mut() {
        if x.abs() < 0.01 {
            *x = 0.01;
        }
    }
    x
}

/// Numbers from 0 to 1.
fn shares(shape: &[usize], seed: u64) -> Tensor<f64> {
    let mut x = values(shape, seed);
    x.data_mut().iter_mut().for_each(|x| *x = (*x + 2.0) / 4.0);
    x
}

/// Both modes against differences and against each other.
fn check(
    at: &[Tensor<f64>],
    function: impl Fn(&[Var<f64>]) -> Result<Var<f64>, Error>,
) -> Result<(), Error> {
    gradcheck(at, Tolerance::default(), &function)?;
    modes_agree(at, 1e-12, &function).map(drop)
}

fn row<T: Real>(x: &[f64]) -> Tensor<T> {
    let data = x.iter().map(|&x| T::from_f64(x)).collect();
    Tensor::new(data, &[1, x.len()]).unwrap()
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), 2_usize..6, Just(65)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn elementwise_operations_have_their_gradients(m in 1_usize..6, n in size(), seed: u64) {
        let at = [values(&[m, n], seed), values(&[m, n], !seed)];
        check(&at, |v| ops::sub(&v[0], &v[1])).unwrap();
        check(&at, |v| ops::mul(&v[0], &v[1])).unwrap();
        check(&at, |v| ops::mul(&v[0], &v[0])).unwrap();
        check(&at[..1], |v| ops::relu(&v[0])).unwrap();
    }

    #[test]
    fn concat_hands_each_input_its_columns(
        lead in proptest::collection::vec(1_usize..4, 0..3),
        widths in proptest::collection::vec(1_usize..5, 1..4),
        seed: u64,
    ) {
        let at: Vec<_> = widths
            .iter()
            .zip(0..)
            .map(|(&width, i)| values(&[lead.clone(), vec![width]].concat(), seed ^ i))
            .collect();
        let joined = |v: &[Var<f64>]| ops::concat(&v.iter().collect::<Vec<_>>());
        check(&at, joined).unwrap();
    }

    #[test]
    fn softmax_and_its_logarithm_have_their_gradients(m in size(), n in 1_usize..7, seed: u64) {
        let at = [values(&[m, n], seed)];
        check(&at, |v| ops::softmax(&v[0])).unwrap();
        check(&at, |v| ops::log_softmax(&v[0])).unwrap();
    }

    #[test]
    fn losses_have_their_gradients(m in size(), n in 1_usize..7, seed: u64) {
        let (at, target) = ([values(&[m, n], seed)], shares(&[m, n], !seed));
        check(&at, |v| ops::mse(&v[0], &target)).unwrap();
        check(&at, |v| ops::bce_with_logits(&v[0], &target)).unwrap();
        // No input is near the kink at its target.
        let away = values(&[m, n], seed).data().iter().map(|x| x + 0.5).collect();
        let away = Tensor::new(away, &[m, n]).unwrap();
        check(&at, |v| ops::l1(&v[0], &away)).unwrap();
        // Its derivative has kinks, but no steps.
        check(&at, |v| ops::huber(&v[0], &target, 1.5)).unwrap();
        check(&at, |v| ops::distillation(&v[0], &away, 2.0)).unwrap();
    }

    #[test]
    fn a_loss_is_the_composition_of_its_operations(m in size(), n in size(), seed: u64) {
        let tape = Tape::new();
        let (x, target) = (tape.leaf(values(&[m, n], seed)), values(&[m, n], !seed));
        let difference = ops::sub(&x, &tape.constant(target.clone())).unwrap();
        let composed = ops::mean(&ops::mul(&difference, &difference).unwrap()).unwrap();
        let loss = ops::mse(&x, &target).unwrap();
        let values = [&loss, &composed].map(|y| y.value().item().unwrap());
        prop_assert!((values[0] - values[1]).abs() <= 1e-14 * values[0].max(1.0));
        let grads = [loss, composed].map(|y| y.backward().unwrap().get(&x).unwrap().clone());
        for (a, b) in grads[0].data().iter().zip(grads[1].data()) {
            prop_assert!((a - b).abs() <= 1e-14);
        }
    }
}

/// The value of `operation` at `x`, and its gradient along ones.
fn at<T: Real>(
    x: &[f64],
    operation: impl Fn(&Var<T>) -> Result<Var<T>, Error>,
) -> (Vec<f64>, Vec<f64>) {
    let tape = Tape::new();
    let x = tape.leaf(row::<T>(x));
    let y = operation(&x).unwrap();
    let ones = Tensor::full(T::one(), y.shape()).unwrap();
    let value = y.value().data().iter().map(|y| y.as_f64()).collect();
    let grad = y.vjp(ones).unwrap().get(&x).unwrap().clone();
    (value, grad.data().iter().map(|g| g.as_f64()).collect())
}

#[track_caller]
fn near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= tolerance,
            "{found} is not {expected}"
        );
    }
}

/// Expected values by hand: ln 2 = 0.693147.., sigmoid(ln 3) = 3/4, softmax(0, ln 3) = (1/4, 3/4).
fn hand_computed<T: Real>(tolerance: f64) {
    let ln3 = 3.0_f64.ln();
    let (y, dx) = at::<T>(&[-1.5, 0.0, 2.0], ops::relu);
    assert_eq!((y, dx), (vec![0.0, 0.0, 2.0], vec![0.0, 0.0, 1.0]));
    let target = row::<T>(&[1.0, 2.0, -1.0, 0.5]);
    let (y, dx) = at::<T>(&[3.0, 2.0, 1.0, 0.0], |x| ops::mse(x, &target));
    near(&y, &[(4.0 + 0.0 + 4.0 + 0.25) / 4.0], tolerance);
    near(&dx, &[1.0, 0.0, 1.0, -0.25], tolerance);
    let (y, dx) = at::<T>(&[3.0, 2.0, 1.0, 0.0], |x| ops::l1(x, &target));
    near(&y, &[(2.0 + 0.0 + 2.0 + 0.5) / 4.0], tolerance);
    near(&dx, &[0.25, 0.0, 0.25, -0.25], tolerance);
    let (y, dx) = at::<T>(&[3.0, 2.0, 0.0, 0.0], |x| ops::huber(x, &target, 1.0));
    near(&y, &[(1.5 + 0.0 + 0.5 + 0.125) / 4.0], tolerance);
    near(&dx, &[0.25, 0.0, 0.25, -0.125], tolerance);
    // At a temperature of 2 the teacher says (1/4, 3/4), the scores say (1/2, 1/2).
    let teacher = row::<T>(&[0.0, 2.0 * ln3]);
    let (y, dx) = at::<T>(&[5.0, 5.0], |x| ops::distillation(x, &teacher, 2.0));
    near(
        &y,
        &[0.75 * 3.0_f64.ln() * 4.0 - 2.0_f64.ln() * 4.0],
        4.0 * tolerance,
    );
    near(&dx, &[2.0 * 0.25, 2.0 * -0.25], tolerance);
    let target = row::<T>(&[1.0, 0.0, 0.5]);
    let (y, dx) = at::<T>(&[0.0, ln3, -ln3], |x| ops::bce_with_logits(x, &target));
    // -ln 1/2, -ln 1/4 and -(ln 1/4 + ln 3/4) / 2.
    let expected = (2.0_f64.ln() + 4.0_f64.ln() + (16.0_f64 / 3.0).ln() / 2.0) / 3.0;
    near(&y, &[expected], tolerance);
    near(&dx, &[-0.5 / 3.0, 0.75 / 3.0, -0.25 / 3.0], tolerance);
    let (y, dx) = at::<T>(&[0.0, ln3], ops::softmax);
    near(&y, &[0.25, 0.75], tolerance);
    near(&dx, &[0.0, 0.0], tolerance);
    let (y, dx) = at::<T>(&[0.0, ln3], ops::log_softmax);
    near(&y, &[-4.0_f64.ln(), ln3 - 4.0_f64.ln()], tolerance);
    near(&dx, &[1.0 - 2.0 * 0.25, 1.0 - 2.0 * 0.75], tolerance);
}

#[test]
fn values_and_gradients_computed_by_hand_hold_for_both_element_types() {
    hand_computed::<f64>(1e-14);
    hand_computed::<f32>(1e-6);
}

#[test]
fn extreme_inputs_neither_overflow_nor_hide_nan() {
    let target = row::<f64>(&[0.0, 1.0]);
    let (y, dx) = at::<f64>(&[1e4, -1e4], |x| ops::bce_with_logits(x, &target));
    assert_eq!((y, dx), (vec![1e4], vec![0.5, -0.5]));
    let (y, _) = at::<f64>(&[1e4, -1e4], ops::softmax);
    assert_eq!(y, [1.0, 0.0]);
    let (y, _) = at::<f64>(&[1e4, -1e4], ops::log_softmax);
    assert_eq!(y, [0.0, -2e4]);
    let nan = [f64::NAN, 1.0];
    assert!(at::<f64>(&nan, ops::relu).0[0].is_nan());
    assert!(at::<f64>(&nan, |x| ops::mse(x, &target)).0[0].is_nan());
    assert!(at::<f64>(&nan, |x| ops::l1(x, &target)).0[0].is_nan());
    assert!(at::<f64>(&nan, |x| ops::huber(x, &target, 1.0)).0[0].is_nan());
    assert!(at::<f64>(&nan, |x| ops::distillation(x, &target, 1.0)).0[0].is_nan());
    assert!(at::<f64>(&nan, |x| ops::bce_with_logits(x, &target)).0[0].is_nan());
    assert!(at::<f64>(&nan, ops::softmax).0.iter().all(|y| y.is_nan()));
}

#[test]
fn the_layer_is_the_operation_and_keeps_one_bit_per_element() {
    let tape = Tape::new();
    let x = tape.leaf(
        Init::Uniform(1.0)
            .tensor::<f32>(&[4, 64], &mut Rng::new(5))
            .unwrap(),
    );
    let y = ReLU.forward(&x).unwrap();
    assert_eq!(y.value(), ops::relu(&x).unwrap().value());
    assert_eq!(tape.memory().nodes[0].bytes, 4 * 64 / 8);
}

#[test]
fn operands_that_do_not_fit_are_refused_with_both_shapes() {
    let tape = Tape::new();
    let (a, b) = (
        tape.constant(row::<f32>(&[1.0, 2.0])),
        tape.constant(row(&[1.0])),
    );
    let scalar = tape.constant(Tensor::scalar(1.0));
    for refused in [ops::sub(&a, &b), ops::mul(&a, &b), ops::mse(&a, b.value())] {
        let message = refused.unwrap_err().to_string();
        assert!(
            message.contains("[1, 2]") && message.contains("[1, 1]"),
            "{message}"
        );
    }
    assert!(matches!(
        ops::concat::<f32>(&[]),
        Err(Error::Count { found: 0, .. })
    ));
    let tall = tape.constant(Tensor::full(1.0, &[2, 3]).unwrap());
    assert_eq!(
        ops::concat(&[&a, &tall]).unwrap_err().to_string(),
        "inputs of concat: expected shape [1] before the last dimension, found [2, 3]"
    );
    assert!(matches!(ops::concat(&[&scalar]), Err(Error::Shape { .. })));
    let beyond = row(&[0.5, 1.5]);
    let refused = ops::bce_with_logits(&a, &beyond).unwrap_err();
    assert!(matches!(refused, Error::OutOfRange { found: 1.5, .. }));
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(ops::huber(&a, &row(&[0.0, 0.0]), wrong).is_err());
        assert!(ops::distillation(&a, &row(&[0.0, 0.0]), wrong).is_err());
    }
    assert!(ops::distillation(&a, b.value(), 1.0).is_err());
}
