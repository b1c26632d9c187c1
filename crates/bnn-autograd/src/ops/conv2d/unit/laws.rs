//! The joined unit is its operations one after the other.

use bnn_core::conv::{ConvOptions, PadValue, Padding};
use proptest::prelude::*;

use super::{ResidualUnit, UnitVars, residual_unit};
use crate::error::Error;
use crate::gradcheck::{Tolerance, gradcheck};
use crate::ops::{self, BinaryConv2dForward, ColumnStats, Estimator};
use crate::real::Real;
use crate::rng::Rng;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;

/// The sizes and parts of a unit.
#[derive(Clone, Debug)]
struct Case {
    /// `[batch, height, width, channels]`
    input: [usize; 4],
    outputs: usize,
    kernel: [usize; 2],
    options: ConvOptions,
    shifted: bool,
    rectified: bool,
    activated: bool,
    /// Whether the images are the shortcut, where they fit.
    plain: bool,
    evaluates: bool,
    seed: u64,
}

/// The inputs of a unit, in the order of [`UnitVars`], those that are not there left out.
struct Inputs<T: Real> {
    tensors: Vec<Tensor<T>>,
    running: ColumnStats<T>,
    dy: Tensor<T>,
}

impl Case {
    fn plain(&self) -> bool {
        let same = self.options.padding == Padding::Same && self.options.stride == [1, 1];
        self.plain && same && self.outputs == self.input[3]
    }

    fn inputs<T: Real>(&self) -> Inputs<T> {
        let rng = &mut Rng::new(self.seed);
        let [batch, height, width, channels] = self.input;
        let n = self.outputs;
        let [kh, kw] = self.kernel;
        let conv =
            bnn_core::conv::Conv2d::new([height, width, channels], n, self.kernel, self.options);
        let [oh, ow] = conv.unwrap().windows().output_size();
        let mut random = |low: f64, high: f64, shape: &[usize]| {
            let count = shape.iter().product();
            // Numbers of few bits, so that both types have the same.
            let numbers = (0..count).map(|_| (rng.uniform(low, high) * 1024.0).round() / 1024.0);
            Tensor::new(numbers.map(T::from_f64).collect(), shape).unwrap()
        };
        let mut tensors = vec![random(-1.5, 1.5, &self.input)];
        if self.shifted {
            tensors.push(random(-0.5, 0.5, &[channels]));
        }
        tensors.push(random(-1.0, 1.0, &[n, kh, kw, channels]));
        tensors.push(random(0.5, 2.0, &[n]));
        tensors.push(random(-1.0, 1.0, &[n]));
        let output = [batch, oh, ow, n];
        if !self.plain() {
            tensors.push(random(-2.0, 2.0, &output));
        }
        if self.activated {
            tensors.extend([-1.0, 0.1, -1.0].map(|low| random(low, low + 0.9, &[n])));
        }
        Inputs {
            tensors,
            running: ColumnStats {
                mean: random(-3.0, 3.0, &[n]),
                var: random(0.5, 9.0, &[n]),
            },
            dy: random(-1.0, 1.0, &output),
        }
    }

    fn unit<T: Real>(&self, running: &ColumnStats<T>) -> ResidualUnit<T> {
        ResidualUnit {
            options: self.options,
            rectified: self.rectified,
            eps: T::from_f64(1e-5),
            running: self.evaluates.then(|| running.clone()),
        }
    }

    fn vars<'a, T: Real>(&self, vars: &'a [Var<T>]) -> UnitVars<'a, T> {
        let mut rest = vars.iter();
        let mut next = || rest.next().unwrap();
        UnitVars {
            x: next(),
            shift: self.shifted.then(&mut next),
            filters: next(),
            gamma: next(),
            beta: next(),
            shortcut: (!self.plain()).then(&mut next),
            activation: self.activated.then(|| [next(), next(), next()]),
        }
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let channels = prop_oneof![1_usize..20, Just(32_usize), Just(64), Just(70)];
    let padding = prop_oneof![Just(Padding::Same), Just(Padding::Valid)];
    let value = prop_oneof![
        Just(PadValue::Zero),
        Just(PadValue::MinusOne),
        Just(PadValue::PlusOne)
    ];
    (
        (2_usize..20, 3_usize..8, 3_usize..8, channels, 1_usize..40),
        (
            prop_oneof![Just(1_usize), Just(3)],
            1_usize..3,
            padding,
            value,
        ),
        any::<[bool; 5]>(),
        any::<u64>(),
    )
        .prop_map(
            |((batch, height, width, channels, outputs), conv, parts, seed)| {
                let (kernel, stride, padding, pad_value) = conv;
                let [shifted, rectified, activated, plain, evaluates] = parts;
                let plain = plain && padding == Padding::Same;
                Case {
                    input: [batch, height, width, channels],
                    outputs: if plain { channels } else { outputs },
                    kernel: [kernel; 2],
                    options: ConvOptions {
                        stride: [if plain { 1 } else { stride }; 2],
                        padding,
                        pad_value,
                        ..ConvOptions::default()
                    },
                    shifted,
                    rectified,
                    activated,
                    plain,
                    evaluates,
                    seed,
                }
            },
        )
}

fn apart<T: Real>(
    unit: &ResidualUnit<T>,
    vars: &UnitVars<'_, T>,
) -> Result<(Var<T>, ColumnStats<T>), Error> {
    let (gamma, beta) = (vars.gamma, vars.beta);
    let shifted = match vars.shift {
        Some(by) => ops::shift(vars.x, by)?,
        None => vars.x.clone(),
    };
    let conv = BinaryConv2dForward {
        options: unit.options,
        estimator: Estimator::Approx,
    };
    let mut sums = vars.x.tape().apply(conv, &[&shifted, vars.filters])?;
    if unit.rectified {
        sums = ops::relu(&sums)?;
    }
    let (y, stats) = match &unit.running {
        None => ops::batch_norm(&sums, gamma, beta, unit.eps)?,
        Some(running) => {
            let y = ops::batch_norm_eval(&sums, gamma, beta, running, unit.eps)?;
            (y, running.clone())
        }
    };
    let y = ops::add(&y, vars.shortcut.unwrap_or(vars.x))?;
    let y = match vars.activation {
        None => y,
        Some([before, slope, after]) => {
            let y = ops::prelu(&ops::shift(&y, before)?, slope)?;
            ops::shift(&y, after)?
        }
    };
    Ok((y, stats))
}

/// Output, statistics, gradients, and the bytes that the tape keeps.
type Run<T> = (Tensor<T>, ColumnStats<T>, Vec<Tensor<T>>, usize);

fn run<T: Real>(case: &Case, joined: bool) -> Run<T> {
    let Inputs {
        tensors,
        running,
        dy,
    } = case.inputs::<T>();
    let tape = Tape::new();
    let vars: Vec<_> = tensors.into_iter().map(|x| tape.leaf(x)).collect();
    let (unit, of) = (case.unit(&running), case.vars(&vars));
    let (y, stats) = match joined {
        true => residual_unit(unit, &of).unwrap().unwrap(),
        false => apart(&unit, &of).unwrap(),
    };
    let kept = tape.memory().total;
    let gradients = y.vjp(dy).unwrap();
    let gradients = vars.iter().map(|v| gradients.get(v).unwrap().clone());
    (y.value().clone(), stats, gradients.collect(), kept)
}

fn check<T: Real>(case: &Case, tolerance: f64) -> Result<(), TestCaseError> {
    let (y, stats, gradients, kept) = run::<T>(case, true);
    let (y_apart, stats_apart, gradients_apart, kept_apart) = run::<T>(case, false);
    prop_assert_eq!(y, y_apart);
    prop_assert_eq!(stats, stats_apart);
    // A few numbers for each channel are kept of both sides of the convolution.
    let per_channel = 8 * (32 * case.outputs + 4 * case.input[3]);
    prop_assert!(kept <= kept_apart + per_channel, "{} {}", kept, kept_apart);
    for (i, (a, b)) in gradients.iter().zip(&gradients_apart).enumerate() {
        prop_assert_eq!(a.shape(), b.shape());
        let largest = b
            .data()
            .iter()
            .map(|b| b.as_f64().abs())
            .fold(1.0, f64::max);
        for (a, b) in a.data().iter().zip(b.data()) {
            let distance = (a.as_f64() - b.as_f64()).abs();
            prop_assert!(
                distance <= tolerance * largest,
                "input {}: {} is not {}",
                i,
                a,
                b
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_unit_is_its_operations_one_after_the_other(case in cases()) {
        check::<f32>(&case, 2e-5)?;
        check::<f64>(&case, 1e-11)?;
    }

    #[test]
    fn a_unit_gives_the_same_bits_for_any_number_of_threads(case in cases()) {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run::<f32>(&case, true))
        };
        let (one, three) = (on(1), on(3));
        prop_assert_eq!((one.0, one.1, one.2), (three.0, three.1, three.2));
    }
}

/// A small unit with all parts, and another shortcut.
fn small() -> Case {
    Case {
        input: [3, 3, 4, 3],
        outputs: 2,
        kernel: [3, 3],
        options: ConvOptions {
            padding: Padding::Same,
            ..ConvOptions::default()
        },
        shifted: true,
        rectified: true,
        activated: true,
        plain: false,
        evaluates: false,
        seed: 5,
    }
}

#[test]
fn what_varies_smoothly_has_the_gradient_of_its_differences() {
    for evaluates in [false, true] {
        let case = Case {
            evaluates,
            ..small()
        };
        let Inputs {
            tensors, running, ..
        } = case.inputs::<f64>();
        // The images, the shift and the filters vary the signs alone.
        let (fixed, smooth) = tensors.split_at(3);
        gradcheck(smooth, Tolerance::default(), |smooth| {
            let tape = smooth[0].tape();
            let fixed = fixed.iter().map(|x| tape.constant(x.clone()));
            let vars: Vec<_> = fixed.chain(smooth.iter().cloned()).collect();
            let unit = residual_unit(case.unit(&running), &case.vars(&vars))?;
            Ok(unit.unwrap().0)
        })
        .unwrap();
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors_and_forward_mode_is_left_to_the_operations() {
    let case = small();
    let Inputs {
        tensors, running, ..
    } = case.inputs::<f32>();
    for (i, tensor) in tensors.iter().enumerate() {
        let tape = Tape::new();
        let mut vars: Vec<_> = tensors.iter().map(|x| tape.leaf(x.clone())).collect();
        let mut shape = tensor.shape().to_vec();
        *shape.last_mut().unwrap() += 1;
        vars[i] = tape.leaf(Tensor::full(0.5, &shape).unwrap());
        let joined = residual_unit(case.unit(&running), &case.vars(&vars)).map(|_| ());
        let apart = apart(&case.unit(&running), &case.vars(&vars)).map(|_| ());
        assert!(joined.is_err() && apart.is_err(), "input {i}");

        vars[i] = tape
            .leaf(tensor.clone())
            .with_tangent(tensor.clone())
            .unwrap();
        let unit = residual_unit(case.unit(&running), &case.vars(&vars));
        assert!(unit.unwrap().is_none());
    }
    // One row has no variance.
    let one = Case {
        input: [1, 1, 1, 3],
        ..case
    };
    let Inputs {
        tensors, running, ..
    } = one.inputs::<f32>();
    let tape = Tape::new();
    let vars: Vec<_> = tensors.into_iter().map(|x| tape.leaf(x)).collect();
    let unit = residual_unit(one.unit(&running), &one.vars(&vars));
    assert!(matches!(unit, Err(Error::Count { found: 1, .. })));
}
