//! Backward passes equal central differences in f64: of the operation itself where it is smooth, of
//! its straight-through surrogate where it takes signs.

use std::sync::Arc;

use bnn_autograd::nn::Init;
use bnn_autograd::ops::{self, BinaryWeights, ColumnStats};
use bnn_autograd::{
    Error, Rng, Tensor, Tolerance, Var, gradcheck, gradcheck_surrogate, modes_agree,
};
use proptest::prelude::*;

/// Values in [-2, 2), none within 0.01 of a kink at -1, 0 or 1.
fn values(shape: &[usize], seed: u64) -> Tensor<f64> {
    let mut x: Tensor<f64> = Init::Uniform(2.0)
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

fn sign(x: f64) -> f64 {
    if x >= 0.0 { 1.0 } else { -1.0 }
}

/// `left(x) · right(w)^T` by the definition; `x` has its leading dimensions flattened.
fn product(
    x: &Tensor<f64>,
    w: &Tensor<f64>,
    left: impl Fn(f64) -> f64,
    right: impl Fn(f64) -> f64,
) -> Vec<f64> {
    let k = w.shape()[1];
    let dot = |x: &[f64], w: &[f64]| x.iter().zip(w).map(|(&x, &w)| left(x) * right(w)).sum();
    let rows = x.data().chunks(k);
    rows.flat_map(|x| w.data().chunks(k).map(move |w| (x, w)))
        .map(|(x, w)| dot(x, w))
        .collect()
}

fn sum(a: Vec<f64>, b: Vec<f64>, shape: &[usize]) -> Result<Tensor<f64>, Error> {
    Tensor::new(a.into_iter().zip(b).map(|(a, b)| a + b).collect(), shape)
}

/// Both modes of a function against differences and against each other.
fn check(
    at: &[Tensor<f64>],
    function: impl Fn(&[Var<f64>]) -> Result<Var<f64>, Error>,
) -> Result<(), Error> {
    gradcheck(at, Tolerance::default(), &function)?;
    modes_agree(at, 1e-12, &function).map(drop)
}

/// Large, so that a column whose values happen to lie close together does not curve too strongly.
const EPS: f64 = 0.1;

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), 2_usize..6]
}

fn features() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), Just(63), Just(64), Just(65), Just(7)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn binary_linear_has_the_gradient_of_its_surrogate(
        a in size(), b in size(), n in size(), k in features(), seed: u64,
    ) {
        let (x, w) = (values(&[a, b, k], seed), values(&[n, k], !seed));
        let at = [x.clone(), w.clone()];
        // Each operand varies through its surrogate while the other is held at its signs.
        gradcheck_surrogate(&at, Tolerance::default(), |v| ops::binary_linear(&v[0], &v[1]), |v| {
            let through_x = product(&v[0], &w, |x| x.clamp(-1.0, 1.0), sign);
            let through_w = product(&x, &v[1], sign, |w| w);
            sum(through_x, through_w, &[a, b, n])
        }).unwrap();
        modes_agree(&at, 1e-12, |v| ops::binary_linear(&v[0], &v[1])).unwrap();
        let packed = Arc::new(BinaryWeights::try_from(&w).unwrap());
        let by_packed = |v: &[Var<f64>]| ops::binary_linear_packed(&v[0], &packed);
        modes_agree(&at[..1], 1e-12, by_packed).unwrap();
    }

    #[test]
    fn sign_weight_linear_has_the_gradient_of_its_surrogate(
        m in size(), n in size(), k in features(), seed: u64,
    ) {
        let (x, w) = (values(&[m, k], seed), values(&[n, k], !seed));
        let at = [x.clone(), w.clone()];
        gradcheck_surrogate(&at, Tolerance::default(), |v| ops::sign_weight_linear(&v[0], &v[1]), |v| {
            let through_x = product(&v[0], &w, |x| x, sign);
            let through_w = product(&x, &v[1], |x| x, |w| w);
            sum(through_x, through_w, &[m, n])
        }).unwrap();
        modes_agree(&at, 1e-12, |v| ops::sign_weight_linear(&v[0], &v[1])).unwrap();
    }

    #[test]
    fn linear_has_its_own_gradient(m in size(), n in size(), k in features(), seed: u64) {
        let at = [values(&[m, k], seed), values(&[n, k], !seed), values(&[n], seed ^ 1)];
        let with_bias = |v: &[Var<f64>]| ops::linear(&v[0], &v[1], Some(&v[2]));
        check(&at, with_bias).unwrap();
        let without = |v: &[Var<f64>]| ops::linear(&v[0], &v[1], None);
        check(&at[..2], without).unwrap();
    }

    #[test]
    fn batch_norm_has_its_own_gradient(m in 3_usize..9, n in features(), seed: u64) {
        let at = [values(&[m, n], seed), values(&[n], !seed), values(&[n], seed ^ 1)];
        let training = |v: &[Var<f64>]| Ok(ops::batch_norm(&v[0], &v[1], &v[2], EPS)?.0);
        check(&at, training).unwrap();

        let stats = ColumnStats {
            mean: values(&[n], seed ^ 2),
            var: Tensor::full(0.7, &[n]).unwrap(),
        };
        let evaluation =
            |v: &[Var<f64>]| ops::batch_norm_eval(&v[0], &v[1], &v[2], &stats, EPS);
        check(&at, evaluation).unwrap();
    }

    #[test]
    fn hard_tanh_and_reductions_have_their_own_gradients(m in size(), n in features(), seed: u64) {
        let at = [values(&[m, n], seed)];
        check(&at, |v| ops::hard_tanh(&v[0])).unwrap();
        check(&at, |v| ops::sum(&v[0])).unwrap();
        check(&at, |v| ops::mean(&v[0])).unwrap();
    }

    #[test]
    fn losses_have_their_own_gradients(m in size(), classes in 1_usize..12, seed: u64) {
        let at = [values(&[m, classes], seed)];
        let labels: Vec<usize> = (0..m).map(|i| (seed as usize >> i) % classes).collect();
        for smoothing in [0.0, 0.3] {
            let loss = |v: &[Var<f64>]| ops::cross_entropy(&v[0], &labels, smoothing);
            check(&at, loss).unwrap();
        }
        let loss = |v: &[Var<f64>]| ops::squared_hinge(&v[0], &labels);
        check(&at, loss).unwrap();
    }
}

#[test]
fn batch_norm_of_integers_has_the_gradient_of_the_same_numbers_as_reals() {
    // Kept as i16 when all are integers, as they are when one of them is not.
    let x: Vec<f64> = (0..24).map(|i| f64::from(i * i % 17 - 8)).collect();
    let x = Tensor::new(x, &[6, 4]).unwrap();
    let at = [x, values(&[4], 3), values(&[4], 4)];
    let training = |v: &[Var<f64>]| Ok(ops::batch_norm(&v[0], &v[1], &v[2], 1e-5)?.0);
    check(&at, training).unwrap();
}

#[test]
fn a_wrong_gradient_is_found_and_named() {
    // sign(x) · sign(w) is flat: against itself its straight-through gradient is wrong.
    let at = [values(&[2, 3], 1), values(&[1, 3], 2)];
    let found = gradcheck(&at, Tolerance::default(), |v| {
        ops::binary_linear(&v[0], &v[1])
    });
    let Err(Error::GradientMismatch {
        numeric, analytic, ..
    }) = found
    else {
        panic!("{found:?} for a gradient that is wrong");
    };
    assert_eq!(numeric, 0.0);
    assert!(analytic.abs() >= 0.5);
}
