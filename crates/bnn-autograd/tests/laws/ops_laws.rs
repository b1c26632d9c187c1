//! Forward values equal their definition for every shape, and shapes that do not fit are errors.

use bnn_autograd::nn::{BatchNorm, Init, Linear, Module};
use bnn_autograd::ops;
use bnn_autograd::{Error, Rng, Tape, Tensor, Var};
use proptest::prelude::*;

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        Just(1),
        Just(63),
        Just(64),
        Just(65),
        Just(127),
        2_usize..20
    ]
}

fn values(shape: &[usize], seed: u64) -> Tensor {
    Init::Uniform(2.0)
        .tensor(shape, &mut Rng::new(seed))
        .unwrap()
}

fn sign(x: f32) -> f32 {
    if x >= 0.0 { 1.0 } else { -1.0 }
}

/// `left(x) · sign(w)^T` by the definition.
fn product(x: &Tensor, w: &Tensor, left: impl Fn(f32) -> f32) -> Vec<f32> {
    let k = w.shape()[1];
    let dot = |x: &[f32], w: &[f32]| x.iter().zip(w).map(|(&x, &w)| left(x) * sign(w)).sum();
    let rows = x.data().chunks(k);
    rows.flat_map(|x| w.data().chunks(k).map(move |w| (x, w)))
        .map(|(x, w)| dot(x, w))
        .collect()
}

proptest! {
    #[test]
    fn binary_products_are_exact_for_every_shape_and_rank(
        lead in proptest::collection::vec(1_usize..5, 0..4), n in size(), k in size(), seed: u64,
    ) {
        let x = values(&[lead.clone(), vec![k]].concat(), seed);
        let w = values(&[n, k], !seed);
        let tape = Tape::new();
        let y = ops::binary_linear(&tape.constant(x.clone()), &tape.constant(w.clone())).unwrap();
        prop_assert_eq!(y.shape(), &[lead, vec![n]].concat()[..]);
        prop_assert_eq!(y.value().data(), product(&x, &w, sign));
    }

    #[test]
    fn products_of_pixels_are_exact_for_every_shape(m in size(), n in size(), k in size(), seed: u64) {
        let mut x = values(&[m, k], seed);
        x.data_mut().iter_mut().for_each(|x| *x = (*x * 255.0).round());
        let w = values(&[n, k], !seed);
        let tape = Tape::new();
        let (xv, wv) = (tape.constant(x.clone()), tape.constant(w.clone()));
        let y = ops::sign_weight_linear(&xv, &wv).unwrap();
        prop_assert_eq!(y.value().data(), product(&x, &w, |x| x));
    }

    #[test]
    fn batch_norm_evaluates_its_folded_numbers_bit_for_bit(m in size(), n in size(), seed: u64) {
        let mut layer = BatchNorm::new(n).unwrap();
        let tape = Tape::new();
        for step in 0..3 {
            let batch = values(&[m + 1, n], seed ^ step);
            layer.forward(&tape.constant(batch)).unwrap();
        }
        layer.set_training(false);
        let (gamma, beta) = (layer.gamma.value(), layer.beta.value());
        let affine = ops::fold_batch_norm(gamma, beta, &layer.running, 1e-5).unwrap();
        let x = values(&[m, n], !seed);
        let y = layer.forward(&tape.constant(x.clone())).unwrap();
        for (i, (&x, &y)) in x.data().iter().zip(y.value().data()).enumerate() {
            let product = affine.scale[i % n] * x;
            prop_assert_eq!(y.to_bits(), (product + affine.bias[i % n]).to_bits());
        }
    }
}

#[test]
fn the_sign_law_holds_at_its_edges() {
    let tape = Tape::new();
    let x = Tensor::new(
        vec![
            0.0_f32,
            -0.0,
            f32::NAN,
            f32::MIN_POSITIVE,
            -f32::MIN_POSITIVE,
        ],
        &[5, 1],
    );
    let x = tape.leaf(x.unwrap());
    let w = tape.leaf(Tensor::full(-0.0, &[1, 1]).unwrap());
    let y = ops::binary_linear(&x, &w).unwrap();
    assert_eq!(y.value().data(), [1.0, 1.0, -1.0, 1.0, -1.0]);
    // NaN lies outside the range where the gradient passes.
    let gradients = y.vjp(Tensor::full(1.0, &[5, 1]).unwrap()).unwrap();
    assert_eq!(gradients.get(&x).unwrap().data(), [1.0, 1.0, 0.0, 1.0, 1.0]);
}

#[test]
fn the_gradient_passes_up_to_one_and_no_further() {
    let next = 1.0 + f32::EPSILON;
    let tape = Tape::new();
    let x = tape.leaf(Tensor::new(vec![1.0, -1.0, next, -next], &[4, 1]).unwrap());
    let w = tape.constant(Tensor::full(1.0, &[1, 1]).unwrap());
    for y in [
        ops::binary_linear(&x, &w).unwrap(),
        ops::hard_tanh(&x).unwrap(),
    ] {
        let gradients = y.vjp(Tensor::full(3.0, &[4, 1]).unwrap()).unwrap();
        assert_eq!(gradients.get(&x).unwrap().data(), [3.0, 3.0, 0.0, 0.0]);
    }
}

#[test]
fn losses_of_extreme_scores_stay_finite_and_nan_stays_nan() {
    let tape = Tape::new();
    let loss = |scores: [f32; 2], label: u8| {
        let x = tape.leaf(Tensor::new(scores.to_vec(), &[1, 2]).unwrap());
        let loss = ops::cross_entropy(&x, &[label], 0.0).unwrap();
        let hinge = ops::squared_hinge(&x, &[label]).unwrap();
        (loss.value().item().unwrap(), hinge.value().item().unwrap())
    };
    assert_eq!(loss([1e30, -1e30], 0).0, 0.0);
    assert_eq!(loss([1e6, -1e6], 1).0, 2e6);
    assert!(loss([f32::NAN, 0.0], 0).0.is_nan());
    assert!(loss([f32::NAN, 0.0], 0).1.is_nan());
}

#[test]
fn shapes_that_do_not_fit_are_errors_with_their_numbers() {
    let tape = Tape::<f32>::new();
    let var = |shape: &[usize]| tape.leaf(Tensor::full(1.0, shape).unwrap());
    let error = ops::binary_linear(&var(&[2, 3, 64]), &var(&[5, 65])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "input of a linear operation: expected shape [.., 65] for weights [5, 65], found [2, 3, 64]"
    );
    type Op = fn(&Var, &Var) -> Result<Var, Error>;
    let linear: Op = |x, w| ops::linear(x, w, None);
    for op in [ops::binary_linear as Op, ops::sign_weight_linear, linear] {
        for (x, w) in [
            (&[4, 3][..], &[2, 4][..]),
            (&[3], &[3]),
            (&[], &[2, 1]),
            (&[3], &[1, 1, 3]),
        ] {
            assert!(
                matches!(op(&var(x), &var(w)), Err(Error::Shape { .. })),
                "{x:?} {w:?}"
            );
        }
    }
    let bias = ops::linear(&var(&[4, 3]), &var(&[2, 3]), Some(&var(&[3])));
    assert!(matches!(bias, Err(Error::Shape { .. })));

    let norm = |x: &[usize], gamma: &[usize], beta: &[usize]| {
        ops::batch_norm(&var(x), &var(gamma), &var(beta), 1e-5).map(|_| ())
    };
    assert!(norm(&[4, 3], &[3], &[3]).is_ok());
    assert!(matches!(
        norm(&[4, 3], &[4], &[3]),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(
        norm(&[4, 3], &[3], &[3, 1]),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(
        norm(&[1, 3], &[3], &[3]),
        Err(Error::Count {
            expected: 2,
            found: 1,
            ..
        })
    ));

    let scores = var(&[2, 3]);
    assert!(matches!(
        ops::cross_entropy(&scores, &[0_u8], 0.0),
        Err(Error::Count {
            expected: 2,
            found: 1,
            ..
        })
    ));
    assert!(matches!(
        ops::squared_hinge(&scores, &[0_u8, 3]),
        Err(Error::Label {
            sample: 1,
            label: 3,
            classes: 3
        })
    ));
    assert!(matches!(
        ops::cross_entropy(&scores, &[0_u8, 1], 1.0),
        Err(Error::OutOfRange { .. })
    ));
    let mut rng = Rng::new(0);
    assert!(matches!(
        Linear::<f32>::new(0, 3, &mut rng),
        Err(Error::ZeroDimension { .. })
    ));
    assert!(matches!(
        Linear::<f32>::new(0, 0, &mut rng),
        Err(Error::ZeroDimension { .. })
    ));
    assert!(matches!(
        Linear::<f32>::new(usize::MAX, 3, &mut rng),
        Err(Error::TooLarge { .. })
    ));
}

#[test]
fn weights_that_are_not_finite_are_not_packed() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let w = Tensor::new(vec![0.5, -0.5, 1.0, bad], &[2, 2]).unwrap();
        let error = ops::BinaryWeights::try_from(&w).unwrap_err();
        assert!(
            matches!(error, Error::NotFinite { index: 3, .. }),
            "{error}"
        );
    }
    let error = Error::NotFinite {
        what: "weights of a linear operation",
        index: 3,
        found: f64::NAN,
    };
    let message = "weights of a linear operation: element 3 is NaN, expected a finite number";
    assert_eq!(error.to_string(), message);
}
