//! Values of convolutions, what they keep, and what they refuse.

use bnn_autograd::nn::{BatchNorm, BinaryConv2d, Module, Sequential};
use bnn_autograd::ops::{self, ConvOptions, PadValue, Padding};
use bnn_autograd::{Error, Rng, Tape, Tensor};
use proptest::prelude::*;

use super::definition::{cases, convolve, outside, sign, values};

fn to_f32(x: &Tensor<f64>) -> Tensor {
    Tensor::new(x.data().iter().map(|&x| x as f32).collect(), x.shape()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn convolutions_equal_their_definition(case in cases(), seed: u64) {
        let options = case.options;
        let x = to_f32(&values(&case.images, seed));
        let w = to_f32(&values(&case.filters, !seed));
        let around = outside(options.pad_value);
        let tape = Tape::new();
        let (on_tape, filters) = (tape.constant(x.clone()), tape.constant(w.clone()));

        let y = ops::binary_conv2d(&on_tape, &filters, options).unwrap();
        prop_assert_eq!(y.value(), &convolve(&x, &w, options, around, sign, sign));

        // Integers, so that every order of summation gives the same f32.
        let mut pixels = x;
        pixels.data_mut().iter_mut().for_each(|x| *x = (*x * 100.0).round());
        let y = ops::sign_weight_conv2d(&tape.constant(pixels.clone()), &filters, options).unwrap();
        prop_assert_eq!(y.value(), &convolve(&pixels, &w, options, around, |x| x, sign));

        let mut weights = w;
        weights.data_mut().iter_mut().for_each(|w| *w = (*w * 10.0).round());
        let filters = tape.constant(weights.clone());
        let y = ops::conv2d(&tape.constant(pixels.clone()), &filters, None, options).unwrap();
        prop_assert_eq!(y.value(), &convolve(&pixels, &weights, options, around, |x| x, |w| w));
    }

    #[test]
    fn a_binary_convolution_keeps_two_bits_per_pixel_and_channel_and_one_per_weight(
        case in cases(), seed: u64,
    ) {
        let x = to_f32(&values(&case.images, seed));
        let w = to_f32(&values(&case.filters, !seed));
        let bytes = |with_gradient: bool| {
            let tape = Tape::new();
            let images = match with_gradient {
                true => tape.leaf(x.clone()),
                false => tape.constant(x.clone()),
            };
            ops::binary_conv2d(&images, &tape.leaf(w.clone()), case.options).unwrap();
            tape.memory().total
        };
        // Rows of bits end on a word: those of an image, and those of a filter.
        let words = |elements: usize| elements.div_ceil(64) * 8;
        let image = words(case.images[1..].iter().product());
        let filters = case.filters[0] * words(case.filters[1..].iter().product());
        prop_assert_eq!(bytes(true), 2 * case.images[0] * image + filters);
        prop_assert_eq!(bytes(false), case.images[0] * image + filters);
    }
}

#[test]
fn zero_padding_equals_the_float_convolution_of_the_signs() {
    let (x, w) = (
        to_f32(&values(&[2, 7, 6, 65], 1)),
        to_f32(&values(&[3, 3, 3, 65], 2)),
    );
    let options = ConvOptions {
        padding: Padding::Same,
        pad_value: PadValue::Zero,
        ..ConvOptions::default()
    };
    let signs = |x: &Tensor| Tensor::new(x.data().iter().map(|&x| sign(x)).collect(), x.shape());
    let tape = Tape::new();
    let of_signs = |x: &Tensor| tape.constant(signs(x).unwrap());
    let expected = ops::conv2d(&of_signs(&x), &of_signs(&w), None, options).unwrap();
    let found = ops::binary_conv2d(&tape.constant(x), &tape.constant(w), options).unwrap();
    assert_eq!(found.value(), expected.value());
}

#[test]
fn batch_norm_behind_a_binary_convolution_keeps_nothing_of_its_input() {
    let x = to_f32(&values(&[4, 8, 8, 32], 5));
    let mut rng = Rng::new(1);
    let options = ConvOptions::default();
    let mut net = Sequential::new()
        .then(BinaryConv2d::new(32, 16, [3, 3], options, &mut rng).unwrap())
        .then(BatchNorm::new(16).unwrap());
    let mut run = |recompute: bool| {
        let tape = Tape::new();
        tape.set_recompute(recompute);
        let leaf = tape.leaf(x.clone());
        let y = net.forward(&leaf).unwrap();
        let memory = tape.memory();
        let norm = memory.nodes.iter().find(|node| node.name == "batch_norm");
        let gradients = y.vjp(to_f32(&values(y.shape(), 6))).unwrap();
        (norm.unwrap().bytes, gradients.get(&leaf).unwrap().clone())
    };
    let ((kept, with), (stored, without)) = (run(true), run(false));
    assert_eq!(with, without);
    // Three numbers per channel, and the sums themselves, which are small integers.
    assert_eq!(kept, 3 * 16 * 4);
    assert_eq!(stored - kept, 4 * 6 * 6 * 16 * 2);
}

#[test]
fn gradients_are_the_same_bits_for_one_and_two_threads() {
    let x = to_f32(&values(&[40, 14, 14, 32], 1));
    let w = to_f32(&values(&[48, 3, 3, 32], 2));
    let options = ConvOptions {
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let tape = Tape::new();
            let (x, w) = (tape.leaf(x.clone()), tape.leaf(w.clone()));
            let binary = ops::binary_conv2d(&x, &w, options).unwrap();
            let real = ops::conv2d(&x, &w, None, options).unwrap();
            let mut found = Vec::new();
            for y in [binary, real] {
                let pooled = ops::max_pool2d(&y, [2, 2], [2, 2], Padding::Valid).unwrap();
                let dy = to_f32(&values(pooled.shape(), 3));
                let gradients = pooled.vjp(dy).unwrap();
                found.push(pooled.value().clone());
                found.push(gradients.get(&x).unwrap().clone());
                found.push(gradients.get(&w).unwrap().clone());
            }
            found
        })
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn what_does_not_fit_is_refused_and_named() {
    let tape = Tape::new();
    let filled = |shape: &[usize]| tape.constant(Tensor::full(1.0_f32, shape).unwrap());
    let options = ConvOptions::default();
    let refused = |x: &[usize], w: &[usize], options| {
        ops::binary_conv2d(&filled(x), &filled(w), options).unwrap_err()
    };
    assert!(matches!(
        refused(&[4, 4, 3], &[2, 3, 3, 3], options),
        Error::Shape {
            what: "images of a convolution",
            ..
        }
    ));
    for w in [&[2_usize, 27] as &[usize], &[2, 3, 3, 4]] {
        assert!(matches!(
            refused(&[1, 4, 4, 3], w, options),
            Error::Shape {
                what: "filters of a convolution",
                ..
            }
        ));
    }
    assert!(matches!(
        refused(&[1, 2, 4, 3], &[2, 3, 3, 3], options),
        Error::Core(_)
    ));
    let groups = ConvOptions {
        groups: 2,
        ..options
    };
    assert!(matches!(
        refused(&[1, 4, 4, 3], &[2, 3, 3, 1], groups),
        Error::Core(_)
    ));
    let mut rng = Rng::new(1);
    assert!(BinaryConv2d::<f32>::new(3, 2, [3, 3], groups, &mut rng).is_err());
    let x = filled(&[1, 4, 4, 3]);
    let bias = ops::conv2d(&x, &filled(&[2, 3, 3, 3]), Some(&filled(&[3])), options);
    assert!(matches!(
        bias,
        Err(Error::Shape {
            what: "bias of a convolution",
            ..
        })
    ));
}
