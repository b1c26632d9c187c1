//! The gradient of every quantizer equals central differences, in f64, of the function that stands
//! in for it; and forward mode agrees with reverse mode.

use bnn_autograd::nn::Init;
use bnn_autograd::ops::{self, BinaryLinearForward, Estimator, Lsq, ScaledSign, WeightQuantizer};
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

fn mean_abs(w: &[f64]) -> f64 {
    w.iter().map(|w| w.abs()).sum::<f64>() / w.len() as f64
}

fn mapped(x: &Tensor<f64>, f: impl FnMut(&f64) -> f64) -> Result<Tensor<f64>, Error> {
    Tensor::new(x.data().iter().map(f).collect(), x.shape())
}

/// Reverse mode against differences of the surrogate, and forward mode against reverse mode.
fn check(
    at: &[Tensor<f64>],
    function: impl Fn(&[Var<f64>]) -> Result<Var<f64>, Error>,
    surrogate: impl Fn(&[Tensor<f64>]) -> Result<Tensor<f64>, Error>,
) -> Result<(), Error> {
    gradcheck_surrogate(at, Tolerance::default(), &function, surrogate)?;
    modes_agree(at, 1e-12, &function).map(drop)
}

/// The function whose derivative an estimator is.
fn surrogate(estimator: Estimator, x: f64) -> f64 {
    match estimator {
        Estimator::Clipped => x.clamp(-1.0, 1.0),
        Estimator::Identity => x,
        Estimator::Approx if x.abs() >= 1.0 => sign(x),
        Estimator::Approx => 2.0 * x - sign(x) * x * x,
        Estimator::Swish { beta } => {
            let s = 1.0 / (1.0 + (-beta * x).exp());
            2.0 * s * (1.0 + beta * x * (1.0 - s)) - 1.0
        }
    }
}

const ESTIMATORS: [Estimator; 5] = [
    Estimator::Clipped,
    Estimator::Identity,
    Estimator::Approx,
    Estimator::SWISH,
    Estimator::Swish { beta: 1.5 },
];

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), 2_usize..6]
}

fn features() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), Just(63), Just(64), Just(65), Just(7)]
}

fn estimator() -> impl Strategy<Value = Estimator> {
    prop::sample::select(ESTIMATORS.to_vec())
}

fn scaled() -> impl Strategy<Value = ScaledSign> {
    prop::sample::select(vec![ScaledSign::MagnitudeAware, ScaledSign::XnorNet])
}

/// The function of a channel of weights whose gradient at `at` is that of its scaled signs.
fn scaled_surrogate(gradient: ScaledSign, at: &[f64]) -> impl Fn(f64) -> f64 {
    let (alpha, n) = (mean_abs(at), at.len() as f64);
    move |w| match gradient {
        ScaledSign::MagnitudeAware => alpha * w.clamp(-1.0, 1.0),
        ScaledSign::XnorNet => alpha * w.clamp(-1.0, 1.0) + w / n,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_sign_has_the_gradient_of_its_estimator(m in size(), k in features(), seed: u64) {
        let at = [values(&[m, k], seed)];
        for estimator in ESTIMATORS {
            let function = |v: &[Var<f64>]| ops::sign(&v[0], estimator);
            check(&at, function, |v| mapped(&v[0], |&x| surrogate(estimator, x))).unwrap();
            let slopes = mapped(&at[0], |&x| estimator.slope(x)).unwrap();
            let tape = bnn_autograd::Tape::new();
            let x = tape.leaf(at[0].clone());
            let ones = Tensor::full(1.0, &[m, k]).unwrap();
            let gradients = ops::sign(&x, estimator).unwrap().vjp(ones).unwrap();
            prop_assert_eq!(gradients.get(&x), Some(&slopes));
        }
    }

    #[test]
    fn a_binary_layer_has_the_gradient_of_its_estimator(
        m in size(), n in size(), k in features(), estimator in estimator(), seed: u64,
    ) {
        let (x, w) = (values(&[m, k], seed), values(&[n, k], !seed));
        let function = |v: &[Var<f64>]| {
            let function = BinaryLinearForward {
                estimator,
                ..BinaryLinearForward::new(m, n, k)
            };
            v[0].tape().apply(function, &[&v[0], &v[1]])
        };
        // Each operand varies through its surrogate while the other is held at its signs.
        check(&[x.clone(), w.clone()], function, |v| {
            let through_x = product(&v[0], &w, |x| surrogate(estimator, x), |_, w| sign(w));
            let through_w = product(&x, &v[1], sign, |_, w| w);
            Tensor::new(through_x.iter().zip(through_w).map(|(a, b)| a + b).collect(), &[m, n])
        }).unwrap();
    }

    #[test]
    fn a_scaled_binary_layer_has_the_gradient_of_the_plain_formula(
        m in size(), n in size(), k in features(), estimator in estimator(), gradient in scaled(),
        seed: u64,
    ) {
        let (x, w) = (values(&[m, k], seed), values(&[n, k], !seed));
        let rows: Vec<_> = w.data().chunks(k).map(|row| scaled_surrogate(gradient, row)).collect();
        let scales: Vec<_> = w.data().chunks(k).map(mean_abs).collect();
        let function =
            |v: &[Var<f64>]| ops::scaled_binary_linear(&v[0], &v[1], estimator, gradient);
        check(&[x.clone(), w.clone()], function, |v| {
            let through_x =
                product(&v[0], &w, |x| surrogate(estimator, x), |i, w| scales[i] * sign(w));
            let through_w = product(&x, &v[1], sign, |i, w| rows[i](w));
            Tensor::new(through_x.iter().zip(through_w).map(|(a, b)| a + b).collect(), &[m, n])
        }).unwrap();
    }

    #[test]
    fn scaled_signs_have_the_gradient_of_their_paper(
        n in size(), k in features(), gradient in scaled(), seed: u64,
    ) {
        let w = values(&[n, k, 2], seed);
        let rows: Vec<_> =
            w.data().chunks(2 * k).map(|row| scaled_surrogate(gradient, row)).collect();
        check(std::slice::from_ref(&w), |v| ops::quantize_weights(&v[0], WeightQuantizer::ScaledSign(gradient)), |v| {
            let mut i = 0..;
            mapped(&v[0], |&w| rows[i.next().unwrap() / (2 * k)](w))
        }).unwrap();
    }

    #[test]
    fn ternary_and_one_bit_weights_pass_gradients_straight(
        n in size(), k in features(), seed: u64,
    ) {
        let at = [values(&[n, k], seed)];
        check(&at, |v| ops::quantize_weights(&v[0], WeightQuantizer::Ternary), |v| Ok(v[0].clone())).unwrap();
        check(&at, |v| ops::quantize_weights(&v[0], WeightQuantizer::Dorefa { bits: 1 }), |v| Ok(v[0].clone())).unwrap();
    }

    #[test]
    fn dorefa_has_the_gradient_of_its_formula_without_rounding(
        n in size(), k in features(), bits in 2_u8..=16, seed: u64,
    ) {
        let at = [values(&[n, k], seed)];
        let function = |v: &[Var<f64>]| ops::dorefa_activations(&v[0], bits);
        check(&at, function, |v| mapped(&v[0], |x| x.clamp(0.0, 1.0))).unwrap();
        // One weight is the largest by more than a step of the differences.
        let mut at = at;
        let largest = seed as usize % (n * k);
        at[0].data_mut()[largest] = 3.0;
        check(&at, |v| ops::quantize_weights(&v[0], WeightQuantizer::Dorefa { bits }), |v| {
            let max = v[0].data().iter().fold(0.0, |max: f64, w| max.max(w.tanh().abs()));
            mapped(&v[0], |w| w.tanh() / max)
        }).unwrap();
    }

    #[test]
    fn lsq_has_the_gradient_of_its_formula_with_the_rounding_held(
        n in size(), k in features(), bits in 2_u8..=8, signed: bool, step in 0.11_f64..0.9,
        seed: u64,
    ) {
        let quantizer =
            if signed { Lsq::weights(bits, n * k) } else { Lsq::activations(bits, k) }.unwrap();
        let half = f64::from(1 << (bits - 1));
        let (least, most) = if signed { (-half, half - 1.0) } else { (0.0, 2.0 * half - 1.0) };
        let mut v = values(&[n, k], seed);
        for v in v.data_mut() {
            // Away from the outermost levels, where the derivative jumps.
            if [least, most].iter().any(|edge| (*v / step - edge).abs() < 0.01) {
                *v += 0.02;
            }
        }
        let sharing = if signed { n * k } else { k };
        let scale = 1.0 / (sharing as f64 * most).sqrt();
        let rounding = mapped(&v, |v| (v / step).round_ties_even() - v / step).unwrap();
        let at = [v, Tensor::scalar(step)];
        check(&at, |v| ops::lsq(&v[0], &v[1], quantizer), |v| {
            // The step's distance from where it is, times the scale of its gradient.
            let s = step + (v[1].item()? - step) * scale;
            let mut rounding = rounding.data().iter();
            mapped(&v[0], |v| {
                let held = rounding.next().unwrap();
                match v / step {
                    r if r <= least => least * s,
                    r if r >= most => most * s,
                    _ => v + s * held,
                }
            })
        }).unwrap();
        let step_is_constant =
            |v: &[Var<f64>]| ops::lsq(&v[0], &v[0].tape().constant(at[1].clone()), quantizer);
        modes_agree(&at[..1], 1e-12, step_is_constant).unwrap();
    }

    #[test]
    fn operations_per_channel_have_their_own_gradients(
        a in size(), b in size(), c in features(), seed: u64,
    ) {
        let at = [values(&[a, b, c], seed), values(&[c], !seed)];
        for function in [ops::mul, ops::add, ops::prelu] {
            let function = |v: &[Var<f64>]| function(&v[0], &v[1]);
            gradcheck(&at, Tolerance::default(), function).unwrap();
            modes_agree(&at, 1e-12, function).unwrap();
        }
        // With each input alone, the other a constant: less is kept.
        for function in [ops::mul, ops::add, ops::prelu] {
            let of_x = |v: &[Var<f64>]| function(&v[0], &v[0].tape().constant(at[1].clone()));
            gradcheck(&at[..1], Tolerance::default(), of_x).unwrap();
            modes_agree(&at[..1], 1e-12, of_x).unwrap();
            let of_numbers = |v: &[Var<f64>]| function(&v[0].tape().constant(at[0].clone()), &v[0]);
            gradcheck(&at[1..], Tolerance::default(), of_numbers).unwrap();
            modes_agree(&at[1..], 1e-12, of_numbers).unwrap();
        }
    }
}

/// `left(x) · right(row, w)^T` by the definition.
fn product(
    x: &Tensor<f64>,
    w: &Tensor<f64>,
    left: impl Fn(f64) -> f64,
    right: impl Fn(usize, f64) -> f64,
) -> Vec<f64> {
    let k = w.shape()[1];
    let mut y = Vec::new();
    for x in x.data().chunks(k) {
        for (i, w) in w.data().chunks(k).enumerate() {
            y.push(x.iter().zip(w).map(|(&x, &w)| left(x) * right(i, w)).sum());
        }
    }
    y
}

#[test]
fn a_wrong_estimator_is_found() {
    let at = [values(&[2, 9], 3)];
    let found = gradcheck_surrogate(
        &at,
        Tolerance::default(),
        |v| ops::sign(&v[0], Estimator::Approx),
        |v| mapped(&v[0], |x| x.clamp(-1.0, 1.0)),
    );
    assert!(matches!(found, Err(Error::GradientMismatch { .. })));
}
