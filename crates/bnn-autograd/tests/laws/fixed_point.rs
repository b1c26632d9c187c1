//! Activations of fixed-point numbers have the integers of the file format.

use bnn_autograd::nn::{
    FixedPReLU, FixedRPReLU, Init, Int8Linear, Module, PReLU, Param, ParamKind, RPReLU,
};
use bnn_autograd::{Rng, Tape, Tensor};
use proptest::prelude::*;

fn uniform(bound: f64, shape: &[usize], seed: u64) -> Tensor {
    let values = Init::Uniform(bound).tensor(shape, &mut Rng::new(seed));
    values.unwrap()
}

fn layer([before, slope, after]: [Tensor; 3], exponent: i8) -> FixedRPReLU {
    let param = |numbers| Param::new(ParamKind::Float, numbers);
    let rprelu = RPReLU {
        before: param(before),
        prelu: PReLU {
            slope: param(slope),
        },
        after: param(after),
    };
    FixedRPReLU { rprelu, exponent }
}

/// `floor(x + 1/2)`.
fn round(x: f64) -> f64 {
    (x + 0.5).floor()
}

fn saturated(v: f64) -> f64 {
    v.clamp(-32768.0, 32767.0)
}

/// RPReLU as `docs/MODEL_FORMAT.md` has it, of integers; every number here is exact in `f64`.
fn by_the_format(v: f64, [before, slope, after]: [f64; 3]) -> f64 {
    let u = saturated(v + before);
    let rectified = match u >= 0.0 {
        true => u,
        false => saturated(round(u * slope / 65536.0)),
    };
    saturated(rectified + after)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn activations_are_those_of_the_file_format(
        rows in 1_usize..9,
        channels in 1_usize..9,
        exponent in -16_i8..32,
        bound in prop_oneof![Just(3.0), Just(40_000.0)],
        steep in prop_oneof![Just(0.5), Just(3.0), Just(1e6)],
        seed: u64,
    ) {
        let rng = &mut Rng::new(seed);
        let unit = f64::from(exponent).exp2();
        let integers = (0..rows * channels).map(|_| rng.uniform(-32768.0, 32768.0).floor());
        let integers: Vec<f64> = integers.collect();
        let x = integers.iter().map(|v| (v / unit) as f32).collect();
        let x = Tensor::new(x, &[rows, channels]).unwrap();
        let shifts = |seed| uniform(bound / unit, &[channels], seed);
        let numbers = [shifts(seed), uniform(steep, &[channels], !seed), shifts(seed ^ 1)];
        let units = [unit, 65536.0, unit];
        let rounded = |at: usize, channel: usize| {
            let integer = round(f64::from(numbers[at].data()[channel]) * units[at]);
            integer.clamp(-2_147_483_648.0, 2_147_483_647.0)
        };
        let mut layer = layer(numbers.clone(), exponent);
        let mut prelu = FixedPReLU { prelu: layer.rprelu.prelu.clone(), exponent };
        let x = Tape::new().constant(x);
        for training in [true, false] {
            layer.set_training(training);
            let y = layer.forward(&x).unwrap();
            let z = prelu.forward(&x).unwrap();
            for (at, &v) in integers.iter().enumerate() {
                let [before, slope, after] = [0, 1, 2].map(|i| rounded(i, at % channels));
                let expected = by_the_format(v, [before, slope, after]);
                prop_assert_eq!(f64::from(y.value().data()[at]) * unit, expected);
                let expected = by_the_format(v, [0.0, slope, 0.0]);
                prop_assert_eq!(f64::from(z.value().data()[at]) * unit, expected);
            }
        }
    }
}

#[test]
fn an_exponent_outside_its_range_is_refused() {
    let x = Tape::new().constant(uniform(1.0, &[2, 3], 1));
    for exponent in [-17, 32] {
        let mut layer = FixedRPReLU {
            rprelu: RPReLU::new(3).unwrap(),
            exponent,
        };
        assert!(layer.forward(&x).is_err());
    }
    let mut narrow = FixedPReLU {
        prelu: PReLU::new(2).unwrap(),
        exponent: 8,
    };
    assert!(narrow.forward(&x).is_err());
}

/// The results of rows `x` of two numbers each: whether each is NaN.
fn lost(net: &mut dyn Module, x: [f32; 4]) -> Vec<bool> {
    let x = Tensor::new(x.to_vec(), &[2, 2]).unwrap();
    let y = net.forward(&Tape::new().constant(x)).unwrap();
    y.value().data().iter().map(|y| y.is_nan()).collect()
}

/// Integers have no NaN, and a run that diverges has to be seen in its loss.
#[test]
fn what_is_not_finite_is_no_integer_in_training() {
    const SOUND: [f32; 4] = [0.5, -0.5, -1.0, 2.0];
    const ONE_NAN: [f32; 4] = [0.5, f32::NAN, -1.0, 2.0];
    let numbers = || [0.1, 0.2, 0.3].map(|x| Tensor::full(x, &[2]).unwrap());
    assert_eq!(lost(&mut layer(numbers(), 8), SOUND), [false; 4]);
    assert_eq!(
        lost(&mut layer(numbers(), 8), ONE_NAN),
        [false, true, false, false]
    );
    for wrong in [f32::NAN, f32::INFINITY] {
        for i in 0..3 {
            let mut numbers = numbers();
            numbers[i].data_mut()[1] = wrong;
            let found = lost(&mut layer(numbers, 8), SOUND);
            assert_eq!(found, [false, true, false, true], "{i}");
        }
    }

    let head = || Int8Linear::<f32> {
        exponent: Some(8),
        scores_exponent: Some(12),
        ..Int8Linear::new(2, 2, &mut Rng::new(1)).unwrap()
    };
    assert_eq!(lost(&mut head(), SOUND), [false; 4]);
    assert_eq!(lost(&mut head(), ONE_NAN), [true, true, false, false]);
    for wrong in [f32::NAN, f32::INFINITY] {
        let changed = |param: &mut Param, at: usize| {
            let mut value = param.value().clone();
            value.data_mut()[at] = wrong;
            param.set_value(value).unwrap();
        };
        let mut net = head();
        changed(&mut net.weight, 2);
        assert_eq!(lost(&mut net, SOUND), [false, true, false, true]);
        let mut net = head();
        changed(&mut net.bias, 1);
        assert_eq!(lost(&mut net, SOUND), [false, true, false, true]);
    }
}
