//! Convolutions and pools element by element, and the shapes to try.

use bnn_autograd::nn::Init;
use bnn_autograd::ops::{ConvOptions, PadValue, Padding};
use bnn_autograd::{Real, Rng, Tensor};
use proptest::prelude::*;

/// A convolution to try: shapes of images and filters, and options.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) images: [usize; 4],
    pub(crate) filters: [usize; 4],
    pub(crate) options: ConvOptions,
}

pub(crate) fn padding() -> impl Strategy<Value = Padding> {
    let explicit = (0_usize..3, 0_usize..3, 0_usize..3, 0_usize..3);
    prop_oneof![
        Just(Padding::Valid),
        Just(Padding::Same),
        explicit.prop_map(|(top, bottom, left, right)| Padding::Explicit {
            top,
            bottom,
            left,
            right
        }),
    ]
}

/// Groups, input channels and output channels, depthwise ones among them.
fn channels() -> impl Strategy<Value = [usize; 3]> {
    prop_oneof![
        (
            prop_oneof![Just(1), Just(3), Just(63), Just(64), Just(65)],
            1_usize..4
        )
            .prop_map(|(channels, outputs)| [1, channels, outputs]),
        (2_usize..4, 1_usize..3, 1_usize..3).prop_map(|(groups, depth, outputs)| [
            groups,
            groups * depth,
            groups * outputs
        ]),
        (prop_oneof![Just(3), Just(64), Just(65)], 1_usize..3).prop_map(|(channels, multiple)| [
            channels,
            channels,
            channels * multiple
        ]),
        Just([2, 66, 4]),
        Just([2, 128, 2]),
    ]
}

pub(crate) fn cases() -> impl Strategy<Value = Case> {
    cases_of(3, 5)
}

/// For differences, which are taken at every number of a case.
pub(crate) fn small_cases() -> impl Strategy<Value = Case> {
    cases_of(2, 3)
}

prop_compose! {
    /// Cases of at most `images` images with at most `side` rows and columns, or as many as the
    /// kernel needs.
    fn cases_of(images: usize, side: usize)(
        batch in 1..=images,
        height in 1..=side, width in 1..=side,
        kernel_height in 1_usize..4, kernel_width in 1_usize..4,
        stride in prop::array::uniform2(1_usize..4),
        dilation in prop::array::uniform2(1_usize..3),
        padding in padding(),
        pad_value in prop_oneof![
            Just(PadValue::Zero), Just(PadValue::MinusOne), Just(PadValue::PlusOne)
        ],
        [groups, channels, outputs] in channels(),
    ) -> Case {
        // Grown where the kernel would not fit.
        let height = height.max((kernel_height - 1) * dilation[0] + 1);
        let width = width.max((kernel_width - 1) * dilation[1] + 1);
        Case {
            images: [batch, height, width, channels],
            filters: [outputs, kernel_height, kernel_width, channels / groups],
            options: ConvOptions { stride, dilation, groups, padding, pad_value },
        }
    }
}

/// Values in [-2, 2), none within 0.01 of a kink at -1, 0 or 1.
pub(crate) fn values(shape: &[usize], seed: u64) -> Tensor<f64> {
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

pub(crate) fn sign<T: Real>(x: T) -> T {
    if x >= T::zero() { T::one() } else { -T::one() }
}

/// Where windows start on an axis and how many there are: before the image, and the count.
pub(crate) fn windows(
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    [before, after]: [usize; 2],
    same: bool,
) -> [usize; 2] {
    let extent = (kernel - 1) * dilation + 1;
    if same {
        let count = input.div_ceil(stride);
        let reach = (count - 1) * stride + extent;
        return [reach.saturating_sub(input) / 2, count];
    }
    [before, (before + input + after - extent) / stride + 1]
}

/// Padding before and after the image on each axis, and whether it is [`Padding::Same`].
pub(crate) fn sides(padding: Padding) -> ([[usize; 2]; 2], bool) {
    match padding {
        Padding::Valid => ([[0, 0], [0, 0]], false),
        Padding::Same => ([[0, 0], [0, 0]], true),
        Padding::Explicit {
            top,
            bottom,
            left,
            right,
        } => ([[top, bottom], [left, right]], false),
    }
}

/// The convolution of `left(x)` and `right(w)` by its definition, `outside` around the images.
pub(crate) fn convolve<T: Real>(
    x: &Tensor<T>,
    w: &Tensor<T>,
    options: ConvOptions,
    outside: T,
    left: impl Fn(T) -> T,
    right: impl Fn(T) -> T,
) -> Tensor<T> {
    let &[batch, height, width, channels] = x.shape() else {
        panic!("{:?}", x.shape())
    };
    let &[outputs, kernel_height, kernel_width, depth] = w.shape() else {
        panic!("{:?}", w.shape())
    };
    let ConvOptions {
        stride,
        dilation,
        groups,
        padding,
        ..
    } = options;
    let (sides, same) = sides(padding);
    let [top, rows] = windows(
        height,
        kernel_height,
        stride[0],
        dilation[0],
        sides[0],
        same,
    );
    let [start, columns] = windows(width, kernel_width, stride[1], dilation[1], sides[1], same);
    let mut y = Vec::new();
    for b in 0..batch {
        for (oy, ox, o) in (0..rows)
            .flat_map(|oy| (0..columns).flat_map(move |ox| (0..outputs).map(move |o| (oy, ox, o))))
        {
            let first = o / (outputs / groups) * depth;
            let mut sum = T::zero();
            for (ky, kx, c) in (0..kernel_height).flat_map(|ky| {
                (0..kernel_width).flat_map(move |kx| (0..depth).map(move |c| (ky, kx, c)))
            }) {
                let iy = (oy * stride[0] + ky * dilation[0]).checked_sub(top);
                let ix = (ox * stride[1] + kx * dilation[1]).checked_sub(start);
                let pixel = match (iy, ix) {
                    (Some(iy), Some(ix)) if iy < height && ix < width => {
                        left(x.data()[((b * height + iy) * width + ix) * channels + first + c])
                    }
                    _ => outside,
                };
                let at = ((o * kernel_height + ky) * kernel_width + kx) * depth + c;
                sum += pixel * right(w.data()[at]);
            }
            y.push(sum);
        }
    }
    Tensor::new(y, &[batch, rows, columns, outputs]).unwrap()
}

pub(crate) fn outside<T: Real>(value: PadValue) -> T {
    match value {
        PadValue::Zero => T::zero(),
        PadValue::MinusOne => -T::one(),
        PadValue::PlusOne => T::one(),
    }
}

pub(crate) fn sum(a: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
    let sums = a.data().iter().zip(b.data()).map(|(a, b)| a + b);
    Tensor::new(sums.collect(), a.shape()).unwrap()
}
