//! Backward passes equal central differences in f64, of the operation itself or of its
//! straight-through surrogate, and forward mode agrees with reverse mode.

use bnn_autograd::ops::{self, BinaryConv2dForward, Estimator, Padding};
use bnn_autograd::{
    Error, Tape, Tensor, Tolerance, Var, gradcheck, gradcheck_surrogate, modes_agree,
};
use proptest::prelude::*;

use super::definition::{convolve, outside, padding, sign, small_cases, sum, values};

fn check(
    at: &[Tensor<f64>],
    function: impl Fn(&[Var<f64>]) -> Result<Var<f64>, Error>,
) -> Result<(), Error> {
    gradcheck(at, Tolerance::default(), &function)?;
    modes_agree(at, 1e-12, &function).map(drop)
}

/// Pairwise different by more than a step of the differences.
fn distinct(shape: &[usize], seed: u64) -> Tensor<f64> {
    let mut x = values(shape, seed);
    let mut order: Vec<usize> = (0..x.numel()).collect();
    order.sort_by(|&a, &b| x.data()[a].total_cmp(&x.data()[b]));
    for (rank, at) in order.into_iter().enumerate() {
        x.data_mut()[at] = 0.01 * rank as f64 - 1.0;
    }
    x
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn binary_conv2d_has_the_gradient_of_its_surrogate(case in small_cases(), seed: u64) {
        let (x, w) = (values(&case.images, seed), values(&case.filters, !seed));
        let at = [x.clone(), w.clone()];
        let options = case.options;
        let around = outside(options.pad_value);
        let function = |v: &[Var<f64>]| ops::binary_conv2d(&v[0], &v[1], options);
        // Each operand varies through its surrogate while the other is held at its signs.
        gradcheck_surrogate(&at, Tolerance::default(), function, |v| {
            let through_x = convolve(&v[0], &w, options, 0.0, |x| x.clamp(-1.0, 1.0), sign);
            let through_w = convolve(&x, &v[1], options, around, sign, |w| w);
            Ok(sum(&through_x, &through_w))
        }).unwrap();
        modes_agree(&at, 1e-12, function).unwrap();
        for estimator in [Estimator::Identity, Estimator::Approx, Estimator::SWISH] {
            let conv = BinaryConv2dForward { options, estimator };
            modes_agree(&at, 1e-12, |v| v[0].tape().apply(conv, &[&v[0], &v[1]])).unwrap();
        }
    }

    #[test]
    fn sign_weight_conv2d_has_the_gradient_of_its_surrogate(case in small_cases(), seed: u64) {
        let (x, w) = (values(&case.images, seed), values(&case.filters, !seed));
        let at = [x.clone(), w.clone()];
        let options = case.options;
        let around = outside(options.pad_value);
        let function = |v: &[Var<f64>]| ops::sign_weight_conv2d(&v[0], &v[1], options);
        gradcheck_surrogate(&at, Tolerance::default(), function, |v| {
            let through_x = convolve(&v[0], &w, options, 0.0, |x| x, sign);
            let through_w = convolve(&x, &v[1], options, around, |x| x, |w| w);
            Ok(sum(&through_x, &through_w))
        }).unwrap();
        modes_agree(&at, 1e-12, function).unwrap();
    }

    #[test]
    fn conv2d_has_its_own_gradient(case in small_cases(), seed: u64) {
        let bias = values(&case.filters[..1], seed ^ 1);
        let at = [values(&case.images, seed), values(&case.filters, !seed), bias];
        let with_bias = |v: &[Var<f64>]| ops::conv2d(&v[0], &v[1], Some(&v[2]), case.options);
        check(&at, with_bias).unwrap();
        let without = |v: &[Var<f64>]| ops::conv2d(&v[0], &v[1], None, case.options);
        check(&at[..2], without).unwrap();
    }

    #[test]
    fn pools_have_their_own_gradients(
        batch in 1_usize..3, height in 3_usize..6, width in 3_usize..6, channels in 1_usize..9,
        kernel in prop::array::uniform2(3_usize..4), stride in prop::array::uniform2(1_usize..4),
        padding in padding(), seed: u64,
    ) {
        let at = [distinct(&[batch, height, width, channels], seed)];
        check(&at, |v| ops::max_pool2d(&v[0], kernel, stride, padding)).unwrap();
        check(&at, |v| ops::avg_pool2d(&v[0], kernel, stride, padding)).unwrap();
        check(&at, |v| ops::global_avg_pool(&v[0])).unwrap();
    }
}

#[test]
fn a_crop_gives_a_part_and_has_its_own_gradient() {
    let x = distinct(&[2, 4, 5, 3], 9);
    for cut_off in [[0; 4], [3, 0, 0, 0], [1, 2, 0, 4], [0, 3, 2, 1]] {
        let at = [x.clone()];
        check(&at, |v| ops::crop(&v[0], cut_off)).unwrap();
        let [top, bottom, left, right] = cut_off;
        let y = ops::crop(&Tape::new().constant(x.clone()), cut_off).unwrap();
        let shape = [2, 4 - top - bottom, 5 - left - right, 3];
        assert_eq!(y.shape(), shape);
        for (i, &found) in y.value().data().iter().enumerate() {
            let (pixel, channel) = (i / 3, i % 3);
            let (row, column) = (pixel / shape[2], pixel % shape[2]);
            let (image, row) = (row / shape[1], row % shape[1]);
            let place = ((image * 4 + top + row) * 5 + left + column) * 3 + channel;
            assert_eq!(found, x.data()[place]);
        }
    }
    let x = Tape::new().constant(x);
    for nothing in [[4, 0, 0, 0], [0, 0, 3, 2], [usize::MAX, 1, 0, 0]] {
        assert!(ops::crop(&x, nothing).is_err());
    }
}

#[test]
fn a_pool_of_more_pixels_than_a_byte_counts_has_its_own_gradient() {
    let at = [distinct(&[1, 18, 17, 2], 3)];
    check(&at, |v| {
        ops::max_pool2d(&v[0], [17, 16], [1, 1], Padding::Valid)
    })
    .unwrap();
}
