//! A convolution that is joined with its max pool is the two layers one after the other.

use bnn_autograd::nn::{BinaryConv2d, MaxPool2d, Module, Param, ParamKind, SignWeightConv2d};
use bnn_autograd::ops::{ConvOptions, Estimator, PadValue, Padding};
use bnn_autograd::{Error, Real, Tape, Tensor, modes_agree};
use proptest::prelude::*;

use super::definition::{Case, cases, padding, small_cases, values};

fn binary<T: Real>(case: &Case, w: &Tensor<T>, estimator: Estimator) -> BinaryConv2d<T> {
    BinaryConv2d {
        weight: Param::new(ParamKind::Binary, w.clone()),
        options: case.options,
        estimator,
        pool: None,
    }
}

fn first<T: Real>(case: &Case, w: &Tensor<T>) -> SignWeightConv2d<T> {
    SignWeightConv2d {
        weight: Param::new(ParamKind::Binary, w.clone()),
        options: case.options,
        pool: None,
    }
}

/// Output, gradients of images and filters, and the bytes that the tape keeps.
#[derive(Debug)]
struct Run<T: Real> {
    y: Tensor<T>,
    dx: Tensor<T>,
    dw: Tensor<T>,
    kept: usize,
}

/// Results and gradients of the layer, and of a pool after it.
fn run<T: Real>(
    layer: &mut dyn Module<T>,
    pool: Option<MaxPool2d>,
    x: &Tensor<T>,
    dy: impl Fn(&[usize]) -> Tensor<T>,
) -> Result<Run<T>, Error> {
    let tape = Tape::new();
    let x = tape.leaf(x.clone());
    let mut y = layer.forward(&x)?;
    if let Some(mut pool) = pool {
        y = pool.forward(&y)?;
    }
    let kept = tape.memory().total;
    let gradients = y.vjp(dy(y.shape()))?;
    let dx = gradients.get(&x).expect("of the images").clone();
    gradients.add_to(layer)?;
    let mut dw = None;
    layer.params(&mut |_, weight| dw = weight.grad().cloned());
    Ok(Run {
        y: y.value().clone(),
        dx,
        dw: dw.expect("of the filters"),
        kept,
    })
}

fn assert_close<T: Real>(a: &Tensor<T>, b: &Tensor<T>, tolerance: f64) {
    assert_eq!(a.shape(), b.shape());
    let largest = b
        .data()
        .iter()
        .map(|b| b.as_f64().abs())
        .fold(1.0, f64::max);
    for (a, b) in a.data().iter().zip(b.data()) {
        let distance = (a.as_f64() - b.as_f64()).abs();
        assert!(distance <= tolerance * largest, "{a} is not {b}");
    }
}

/// Both ways agree: outputs and memory exactly, gradients as sums in another order.
fn assert_same<T: Real>(
    joined: Result<Run<T>, Error>,
    apart: Result<Run<T>, Error>,
    tolerance: f64,
) {
    match (joined, apart) {
        (Ok(joined), Ok(apart)) => {
            assert_eq!(joined.y, apart.y);
            assert_eq!(joined.kept, apart.kept);
            assert_close(&joined.dx, &apart.dx, tolerance);
            assert_close(&joined.dw, &apart.dw, tolerance);
        }
        (Err(joined), Err(apart)) => assert_eq!(joined.to_string(), apart.to_string()),
        (joined, apart) => panic!("{joined:?}, apart {apart:?}"),
    }
}

fn pools() -> impl Strategy<Value = MaxPool2d> {
    let anything = (
        prop::array::uniform2(3_usize..4),
        prop::array::uniform2(1_usize..4),
        padding(),
    );
    prop_oneof![
        Just(MaxPool2d::new([2, 2])),
        anything.prop_map(|(kernel, stride, padding)| MaxPool2d {
            kernel,
            stride,
            padding
        }),
    ]
}

fn to_f32(x: &Tensor<f64>) -> Tensor<f32> {
    let x32 = x.data().iter().map(|&x| x as f32);
    Tensor::new(x32.collect(), x.shape()).unwrap()
}

fn check_binary<T: Real>(
    case: &Case,
    pool: MaxPool2d,
    estimator: Estimator,
    number: impl Fn(&Tensor<f64>) -> Tensor<T>,
    tolerance: f64,
) {
    let (x, w) = (values(&case.images, 1), values(&case.filters, 2));
    let (x, w) = (number(&x), number(&w));
    let dy = |shape: &[usize]| number(&values(shape, 3));
    let mut joined = binary(case, &w, estimator);
    joined.pool = Some(pool);
    let apart = run(&mut binary(case, &w, estimator), Some(pool), &x, dy);
    assert_same(run(&mut joined, None, &x, dy), apart, tolerance);
}

fn check_first<T: Real>(
    case: &Case,
    pool: MaxPool2d,
    x: &Tensor<T>,
    number: impl Fn(&Tensor<f64>) -> Tensor<T>,
    tolerance: f64,
) {
    let w = number(&values(&case.filters, 2));
    let dy = |shape: &[usize]| number(&values(shape, 3));
    let mut joined = first(case, &w);
    joined.pool = Some(pool);
    let apart = run(&mut first(case, &w), Some(pool), x, dy);
    assert_same(run(&mut joined, None, x, dy), apart, tolerance);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_binary_convolution_is_the_same_with_its_pool_as_before_it(
        case in cases(), pool in pools(), estimator in prop_oneof![
            Just(Estimator::Clipped), Just(Estimator::Identity), Just(Estimator::Approx)
        ],
    ) {
        check_binary(&case, pool, estimator, Tensor::clone, 1e-12);
        check_binary(&case, pool, estimator, to_f32, 1e-4);
    }

    #[test]
    fn a_first_convolution_is_the_same_with_its_pool_as_before_it(
        case in cases(), pool in pools(),
    ) {
        let x = values(&case.images, 1);
        check_first(&case, pool, &x, Tensor::clone, 1e-12);
        check_first(&case, pool, &to_f32(&x), to_f32, 1e-4);
        let mut bytes = to_f32(&x);
        bytes.data_mut().iter_mut().for_each(|x| *x = (*x * 50.0 + 100.0).round());
        check_first(&case, pool, &bytes, to_f32, 1e-4);
    }

    #[test]
    fn joined_convolutions_have_the_same_derivative_in_both_modes(
        case in small_cases(), pool in pools(),
    ) {
        let (x, w) = (values(&case.images, 1), values(&case.filters, 2));
        let mut conv = binary(&case, &w, Estimator::Clipped);
        let mut pixels = first(&case, &w);
        (conv.pool, pixels.pool) = (Some(pool), Some(pool));
        if conv.forward(&Tape::new().constant(x.clone())).is_ok() {
            let at = [x];
            modes_agree(&at, 1e-12, |v| conv.clone().forward(&v[0])).unwrap();
            modes_agree(&at, 1e-12, |v| pixels.clone().forward(&v[0])).unwrap();
        }
    }
}

#[test]
fn many_images_and_outputs_are_the_same_for_any_number_of_threads() {
    let options = ConvOptions {
        padding: Padding::Same,
        pad_value: PadValue::Zero,
        ..ConvOptions::default()
    };
    let case = |channels| Case {
        images: [37, 14, 13, channels],
        filters: [35, 3, 3, channels],
        options,
    };
    let pool = MaxPool2d::new([2, 2]);
    check_binary(&case(32), pool, Estimator::Clipped, to_f32, 1e-4);
    let x = to_f32(&values(&case(2).images, 1));
    check_first(&case(2), pool, &x, to_f32, 1e-4);

    let on = |threads: usize| {
        let threads = rayon::ThreadPoolBuilder::new().num_threads(threads);
        threads.build().unwrap().install(|| {
            [32, 2].map(|channels| {
                let case = case(channels);
                let (x, w) = (to_f32(&values(&case.images, 1)), values(&case.filters, 2));
                let dy = |shape: &[usize]| to_f32(&values(shape, 3));
                let mut conv = binary(&case, &to_f32(&w), Estimator::Clipped);
                let mut pixels = first(&case, &to_f32(&w));
                (conv.pool, pixels.pool) = (Some(pool), Some(pool));
                let layer: &mut dyn Module = match channels {
                    2 => &mut pixels,
                    _ => &mut conv,
                };
                let Run { y, dx, dw, .. } = run(layer, None, &x, dy).unwrap();
                [y, dx, dw]
            })
        })
    };
    let one = on(1);
    assert_eq!(on(2), one);
    assert_eq!(on(5), one);
}
