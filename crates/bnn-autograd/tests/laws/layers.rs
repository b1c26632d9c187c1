//! Residuals, shapes, dropout, embedding, attention: values, gradients in both modes, memory.

use bnn_autograd::nn::{
    BatchNorm, BinaryAttention, BinaryLinear, Dropout, Embedding, Flatten, Init, Module, Residual,
    Sequential,
};
use bnn_autograd::optim::{Adam, Optimizer};
use bnn_autograd::{
    Error, Rng, Tape, Tensor, Tolerance, Var, gradcheck, gradcheck_surrogate, modes_agree, ops,
};
use proptest::prelude::*;

fn values(shape: &[usize], seed: u64) -> Tensor<f64> {
    let mut x: Tensor<f64> = Init::Uniform(1.7)
        .tensor(shape, &mut Rng::new(seed))
        .unwrap();
    for x in x.data_mut() {
        for kink in [-1.0, 0.0, 1.0] {
            if (*x - kink).abs() < 0.01 {
                *x = kink + 0.01;
            }
        }
    }
    x
}

fn check(at: &[Tensor<f64>], function: impl Fn(&[Var<f64>]) -> Result<Var<f64>, Error>) {
    gradcheck(at, Tolerance::default(), &function).unwrap();
    modes_agree(at, 1e-12, &function).unwrap();
}

#[test]
fn sums_and_reshapes_have_their_own_gradients() {
    let at = [values(&[2, 3, 4], 1), values(&[2, 3, 4], 2)];
    check(&at, |v| ops::add(&v[0], &v[1]));
    check(&at[..1], |v| ops::add(&v[0], &v[0]));
    check(&at[..1], |v| ops::reshape(&v[0], &[4, 6]));
    check(&at[..1], |v| ops::flatten(&v[0]));
    let tape = Tape::new();
    let (a, b) = (tape.leaf(values(&[2, 3], 1)), tape.leaf(values(&[3, 2], 1)));
    assert!(matches!(ops::add(&a, &b), Err(Error::Shape { .. })));
    assert!(matches!(
        ops::reshape(&a, &[5]),
        Err(Error::ElementCount { .. })
    ));
    assert_eq!(
        ops::flatten(&tape.leaf(Tensor::scalar(1.0)))
            .unwrap()
            .shape(),
        [1, 1]
    );
    assert_eq!(tape.memory().total, 0);
}

#[test]
fn a_residual_adds_its_input() {
    let mut rng = Rng::new(1);
    let mut inner = BinaryLinear::<f64>::new(65, 65, &mut rng).unwrap();
    let x = Tape::new().constant(values(&[3, 65], 4));
    let expected = ops::add(&x, &inner.forward(&x).unwrap()).unwrap();
    let found = Residual(inner).forward(&x).unwrap();
    assert_eq!(found.value(), expected.value());
}

proptest! {
    #[test]
    fn dropout_drops_its_share_and_keeps_the_expectation(p in 0.0..0.9_f64, seed: u64) {
        let at = [values(&[7, 65], seed)];
        check(&at, |v| ops::dropout(&v[0], p, &mut Rng::new(seed)));
        let tape = Tape::<f32>::new();
        let ones = tape.leaf(Tensor::full(1.0, &[100, 130]).unwrap());
        let y = ops::dropout(&ones, p, &mut Rng::new(seed)).unwrap();
        let kept = y.value().data().iter().filter(|&&y| y != 0.0).count() as f64 / 13_000.0;
        // 5 standard deviations.
        prop_assert!((kept - (1.0 - p)).abs() <= 5.0 * (p * (1.0 - p) / 13_000.0).sqrt());
        let factor = (1.0 / (1.0 - p)) as f32;
        prop_assert!(y.value().data().iter().all(|&y| y == 0.0 || y == factor));
        prop_assert_eq!(tape.memory().total, 100 * 3 * 8);
    }

    #[test]
    fn embedding_has_its_own_gradient(n in 1_usize..9, d in 1_usize..6, seed: u64) {
        let picks: Vec<f64> = (0..6).map(|i| (seed as usize >> i) as f64 % n as f64).collect();
        let indices = Tensor::new(picks.iter().map(|x| x.floor()).collect(), &[2, 3]).unwrap();
        check(&[values(&[n, d], seed)], |v| ops::embedding(&indices, &v[0]));
    }

    #[test]
    fn attention_is_its_definition_with_the_gradient_of_its_surrogate(
        b in 1_usize..3, t in 1_usize..5, s in 1_usize..5, heads in 1_usize..4, w in 1_usize..5,
        seed: u64,
    ) {
        let d = heads * w;
        let at = [values(&[b, t, d], seed), values(&[b, s, d], !seed), values(&[b, s, d], seed ^ 1)];
        let op = |v: &[Var<f64>]| ops::binary_attention(&v[0], &v[1], &v[2], heads);
        let tape = Tape::new();
        let vars: Vec<_> = at.iter().map(|x| tape.constant(x.clone())).collect();
        let sizes = [b, t, s, heads, w];
        let found = op(&vars).unwrap();
        prop_assert_eq!(found.value(), &defined(&at, sizes, |_, _| None));
        // Each operand varies through its surrogate while the others are held.
        gradcheck_surrogate(&at, Tolerance::default(), op, |v| {
            let mut total = Tensor::full(0.0, &[b, t, d])?;
            for (i, x) in v.iter().enumerate() {
                let y = defined(&at, sizes, |j, e| (i == j).then(|| x.data()[e]));
                total.data_mut().iter_mut().zip(y.data()).for_each(|(sum, y)| *sum += y);
            }
            Ok(total)
        }).unwrap();
        modes_agree(&at, 1e-12, op).unwrap();
    }
}

fn sign(x: f64) -> f64 {
    if x >= 0.0 { 1.0 } else { -1.0 }
}

/// Attention by the definition. Where `varied(operand, element)` is a number, that element takes
/// part by the hard tanh of it instead of its sign, and a score by what it has changed by within
/// [-1, 1].
fn defined(
    at: &[Tensor<f64>],
    [b, t, s, heads, w]: [usize; 5],
    varied: impl Fn(usize, usize) -> Option<f64>,
) -> Tensor<f64> {
    let d = heads * w;
    let fixed = |j: usize, e: usize| sign(at[j].data()[e]);
    let moving = |j: usize, e: usize| varied(j, e).map_or(fixed(j, e), |x| x.clamp(-1.0, 1.0));
    let mut y = vec![0.0; b * t * d];
    for (i, j, h) in (0..b * t * heads).map(|n| (n / (t * heads), n / heads % t, n % heads)) {
        let q = |c| (i * t + j) * d + h * w + c;
        for l in 0..s {
            let k = |c| (i * s + l) * d + h * w + c;
            let score = |f: &dyn Fn(usize, usize) -> f64| {
                (0..w).map(|c| f(0, q(c)) * f(1, k(c))).sum::<f64>() / (w as f64).sqrt()
            };
            let held = score(&fixed);
            let inside = if held.abs() <= 1.0 { 1.0 } else { 0.0 };
            let base = if held >= 0.0 { 1.0 } else { 0.0 };
            let chosen = base + inside * (score(&moving) - held);
            for c in 0..w {
                y[q(c)] += chosen * moving(2, k(c));
            }
        }
    }
    Tensor::new(y, &[b, t, d]).unwrap()
}

#[test]
fn attention_keeps_two_bits_per_element_and_score() {
    let tape = Tape::<f32>::new();
    let (b, t, d, heads) = (2, 64, 128, 2);
    let x = || tape.leaf(Tensor::full(0.5, &[b, t, d]).unwrap());
    ops::binary_attention(&x(), &x(), &x(), heads).unwrap();
    assert_eq!(tape.memory().total, (3 * b * t * d + b * heads * t * t) / 4);
}

#[test]
fn what_does_not_fit_is_named() {
    let tape = Tape::<f32>::new();
    let x = |shape: &[usize]| tape.constant(Tensor::full(0.5, shape).unwrap());
    let attend = |q: &[usize], k: &[usize], v: &[usize], heads| {
        ops::binary_attention(&x(q), &x(k), &x(v), heads)
            .unwrap_err()
            .to_string()
    };
    assert!(attend(&[2, 3, 8], &[2, 3, 8], &[2, 3, 8], 3).contains("multiple of the 3 heads"));
    assert!(attend(&[2, 3, 8], &[2, 3, 8], &[2, 3, 8], 0).contains("multiple of the 0 heads"));
    assert!(attend(&[8], &[8], &[8], 1).contains("[.., t, d]"));
    assert!(attend(&[2, 3, 8], &[1, 3, 8], &[1, 3, 8], 2).contains("keys"));
    assert!(attend(&[2, 3, 8], &[2, 4, 8], &[2, 3, 8], 2).contains("values"));
    let table = x(&[4, 2]);
    for bad in [4.0, -1.0, 0.5, f32::NAN, f32::INFINITY] {
        let error = ops::embedding(&Tensor::scalar(bad), &table).unwrap_err();
        assert!(matches!(error, Error::OutOfRange { .. }), "{error}");
    }
    for bad in [1.0, -0.1, f64::NAN] {
        assert!(Dropout::<f32>::new(bad, 1).is_err());
    }
    assert!(BinaryAttention::<f32>::new(8, 3, &mut Rng::new(1)).is_err());
}

#[test]
fn dropout_goes_on_with_the_same_numbers_after_a_restart_and_rests_in_evaluation() {
    let x = Tape::new().constant(Tensor::full(1.0_f32, &[8, 8]).unwrap());
    let mut layer = Dropout::new(0.5, 7).unwrap();
    let first = Tensor::from(layer.forward(&x).unwrap());
    let mut resumed = Dropout::new(0.5, 7).unwrap();
    layer.buffers(&mut |_, calls| resumed.buffers_mut(&mut |_, mine| *mine = calls.clone()));
    let second = Tensor::from(layer.forward(&x).unwrap());
    assert_ne!(first, second);
    assert_eq!(resumed.forward(&x).unwrap().value(), &second);
    layer.set_training(false);
    assert_eq!(layer.forward(&x).unwrap().value(), x.value());
}

/// The label of a sequence is whether its first token occurs again.
#[test]
fn a_network_with_attention_learns() {
    let (samples, t, d) = (256, 6, 32);
    let mut rng = Rng::new(5);
    let tokens: Vec<f32> = (0..samples * t)
        .map(|_| rng.uniform(0.0, 8.0).floor() as f32)
        .collect();
    let labels: Vec<u8> = tokens
        .chunks(t)
        .map(|row| u8::from(row[1..].contains(&row[0])))
        .collect();
    let tokens = Tensor::new(tokens, &[samples, t]).unwrap();
    let mut net = Sequential::new()
        .then(Embedding::new(8, d, &mut rng).unwrap())
        .then(Residual(BinaryAttention::new(d, 2, &mut rng).unwrap()))
        .then(Flatten)
        .then(BinaryLinear::new(t * d, 64, &mut rng).unwrap())
        .then(BatchNorm::new(64).unwrap())
        .then(BinaryLinear::new(64, 2, &mut rng).unwrap())
        .then(BatchNorm::new(2).unwrap());
    let mut adam = Optimizer::new(Adam::new(0.01).unwrap());
    let mut right = 0;
    for _ in 0..250 {
        let tape = Tape::new();
        let scores = net.forward(&tape.constant(tokens.clone())).unwrap();
        let rows = scores.value().data().chunks(2).zip(&labels);
        right = rows
            .filter(|(s, label)| (s[1] > s[0]) == (**label == 1))
            .count();
        let loss = ops::cross_entropy(&scores, &labels, 0.0).unwrap();
        loss.backward().unwrap().add_to(&mut net).unwrap();
        adam.step(&mut net).unwrap();
        net.zero_grad();
    }
    assert!(right >= 240, "{right} of {samples} right");
}
