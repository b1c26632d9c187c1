//! Shapes, options and inputs of every kind give what the definition says.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

const VALUES: [PadValue; 3] = [PadValue::Zero, PadValue::MinusOne, PadValue::PlusOne];

const AROUND: Padding = Padding::Explicit {
    top: 2,
    bottom: 0,
    left: 1,
    right: 3,
};

#[test]
fn channels_around_every_word_border_are_exact() -> Result<(), Error> {
    for channels in [1, 2, 3, 8, 31, 32, 33, 63, 64, 65, 127, 128, 130, 192] {
        for kernel in [[1, 1], [2, 2], [3, 3], [1, 5]] {
            let case = Case::new(
                [4, 5, channels],
                5,
                kernel,
                padded(Padding::Same, PadValue::Zero),
            );
            case.check(Input::Bits, Kernel::available())?;
        }
    }
    Ok(())
}

#[test]
fn a_product_large_enough_for_every_kernel_is_exact() -> Result<(), Error> {
    // Some kernels leave small products to another one.
    let case = Case::new(
        [7, 7, 120],
        257,
        [3, 3],
        padded(Padding::Same, PadValue::Zero),
    );
    case.check(Input::Bits, Kernel::available())
}

#[test]
fn outputs_around_every_panel_and_word_border_are_exact() -> Result<(), Error> {
    for outputs in [1, 31, 32, 33, 63, 64, 65, 100] {
        let case = Case::new(
            [3, 3, 5],
            outputs,
            [3, 3],
            padded(Padding::Same, PadValue::Zero),
        );
        case.check(Input::Bits, Kernel::available())?;
    }
    Ok(())
}

#[test]
fn every_padding_stride_and_dilation_is_exact() -> Result<(), Error> {
    for padding in [Padding::Valid, Padding::Same, AROUND] {
        for pad_value in VALUES {
            for stride in [[1, 1], [2, 2], [3, 1], [1, 3]] {
                for dilation in [[1, 1], [2, 2], [1, 2]] {
                    for (channels, kernel) in
                        [(3, [3, 3]), (64, [3, 3]), (65, [2, 2]), (128, [1, 3])]
                    {
                        let options = ConvOptions {
                            stride,
                            dilation,
                            padding,
                            pad_value,
                            ..ConvOptions::default()
                        };
                        let case = Case::new([6, 7, channels], 3, kernel, options);
                        case.check(Input::Bits, Kernel::available().take(2))?;
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn padding_wider_than_the_kernel_is_exact() -> Result<(), Error> {
    let padding = Padding::Explicit {
        top: 4,
        bottom: 5,
        left: 7,
        right: 3,
    };
    for pad_value in VALUES {
        for channels in [2, 64] {
            for groups in [1, channels] {
                let mut options = padded(padding, pad_value);
                options.groups = groups;
                let case = Case::new([2, 3, channels], channels, [3, 2], options);
                case.check(Input::Bits, Kernel::available())?;
            }
        }
    }
    Ok(())
}

#[test]
fn groups_are_exact() -> Result<(), Error> {
    for (channels, outputs, groups) in [
        (4, 2, 2),
        (6, 9, 3),
        (64, 130, 2),
        (66, 66, 2),
        (128, 64, 2),
        (192, 6, 3),
        (195, 96, 3),
        (256, 8, 2),
        (260, 4, 4),
    ] {
        for pad_value in VALUES {
            let mut options = padded(Padding::Same, pad_value);
            options.groups = groups;
            let case = Case::new([3, 4, channels], outputs, [3, 2], options);
            case.check(Input::Bits, Kernel::available())?;
        }
    }
    Ok(())
}

#[test]
fn depthwise_is_exact() -> Result<(), Error> {
    for channels in [2, 31, 63, 64, 65, 130, 256, 321] {
        for multiplier in [1, 2, 3] {
            // Around 15 and 255 taps, where counters are full.
            for (kernel, dilation) in [
                ([3, 3], [2, 1]),
                ([3, 5], [1, 1]),
                ([4, 4], [1, 1]),
                ([15, 17], [1, 1]),
            ] {
                for pad_value in VALUES {
                    let options = ConvOptions {
                        dilation,
                        groups: channels,
                        padding: Padding::Same,
                        pad_value,
                        ..ConvOptions::default()
                    };
                    let case = Case::new([3, 4, channels], channels * multiplier, kernel, options);
                    case.check(Input::Bits, Kernel::available().take(1))?;
                }
            }
        }
    }
    let mut options = padded(Padding::Valid, PadValue::Zero);
    options.groups = 3;
    for kernel in [[15, 17], [16, 16], [16, 17]] {
        let case = Case::new([17, 17, 3], 3, kernel, options);
        case.check(Input::Bits, Kernel::available().take(1))?;
    }
    Ok(())
}

#[test]
fn integers_of_every_depth_are_exact() -> Result<(), Error> {
    for depth in 1..=8 {
        for (channels, outputs, groups) in
            [(1, 33, 1), (3, 4, 1), (6, 4, 2), (5, 10, 5), (65, 3, 1)]
        {
            for padding in [Padding::Valid, Padding::Same, AROUND] {
                let mut options = padded(padding, PadValue::Zero);
                options.groups = groups;
                let case = Case::new([5, 4, channels], outputs, [3, 3], options);
                case.check(Input::Unsigned(depth), Kernel::available())?;
            }
        }
    }
    Ok(())
}

#[test]
fn floats_are_taken_by_their_signs() -> Result<(), Error> {
    for channels in [1, 3, 63, 64, 65] {
        for groups in [1, channels] {
            let mut options = padded(Padding::Same, PadValue::Zero);
            options.groups = groups;
            let case = Case::new([4, 3, channels], 2 * channels, [3, 3], options);
            case.check(Input::Floats, Kernel::available())?;
        }
    }
    let conv = Conv2d::new([1, 4, 1], 1, [1, 1], ConvOptions::default())?;
    let filters = BitMatrix::pack(&[1_i8], 1, 1)?;
    let filters = PackedFilters::new(&conv, filters.view())?;
    let mut y = [0; 4];
    conv2d_i32([0.0, -0.0, f32::NAN, -1.0].as_slice(), &filters, &mut y, 1)?;
    assert_eq!(y, [1, 1, -1, -1]);
    Ok(())
}

/// The sums of a 1-D convolution, from its definition.
fn naive_1d(
    x: &[i32],
    w: &[i32],
    stride: usize,
    dilation: usize,
    left: usize,
    len: usize,
) -> Vec<i32> {
    let at = |i: usize| i.checked_sub(left).and_then(|i| x.get(i)).unwrap_or(&0);
    let tap = |o: usize, t: usize| w[t] * at(o * stride + t * dilation);
    (0..len)
        .map(|o| (0..w.len()).map(|t| tap(o, t)).sum())
        .collect()
}

#[test]
fn a_height_of_one_is_a_1d_convolution() -> Result<(), Error> {
    let signs = |seed, n| -> Vec<i32> { noise(seed, n).iter().map(|x| x.signum() | 1).collect() };
    for (kernel, stride, dilation, left, right) in [
        (1, 1, 1, 0, 0),
        (3, 1, 1, 1, 1),
        (3, 2, 2, 4, 0),
        (5, 3, 1, 0, 2),
        (9, 1, 1, 8, 8),
    ] {
        let (x, w) = (signs(kernel as u64, 20), signs(3, kernel));
        let options = ConvOptions {
            stride: [1, stride],
            dilation: [1, dilation],
            padding: Padding::Explicit {
                top: 0,
                bottom: 0,
                left,
                right,
            },
            ..ConvOptions::default()
        };
        let conv = Conv2d::new([1, x.len(), 1], 1, [1, kernel], options)?;
        let [height, len] = conv.windows().output_size();
        assert_eq!(height, 1);
        let (images, filters) = (
            BitMatrix::pack(&x, x.len(), 1)?,
            BitMatrix::pack(&w, 1, kernel)?,
        );
        let filters = PackedFilters::new(&conv, filters.view())?;
        let mut y = vec![0; len];
        conv2d_i32(images.view(), &filters, &mut y, 1)?;
        assert_eq!(y, naive_1d(&x, &w, stride, dilation, left, len));
    }
    Ok(())
}

#[cfg(feature = "std")]
#[test]
fn any_number_of_threads_gives_the_same_result()
-> Result<(), std::boxed::Box<dyn std::error::Error>> {
    let same = padded(Padding::Same, PadValue::Zero);
    let cases = [
        // Cut along samples, along outputs, and not within a word that two groups share.
        (Case::new([12, 11, 64], 70, [3, 3], same), Input::Bits),
        (Case::new([2, 1, 640], 300, [3, 3], same), Input::Floats),
        (
            Case::new([10, 9, 66], 66, [3, 3], ConvOptions { groups: 2, ..same }),
            Input::Bits,
        ),
        (
            Case::new(
                [16, 15, 130],
                260,
                [3, 3],
                ConvOptions {
                    groups: 130,
                    ..same
                },
            ),
            Input::Bits,
        ),
        (Case::new([9, 9, 3], 70, [5, 5], same), Input::Unsigned(8)),
        // Floats enough to be packed by several threads, with and without gaps between pixels.
        (Case::new([64, 64, 65], 1, [1, 1], same), Input::Floats),
        (Case::new([64, 64, 64], 1, [1, 1], same), Input::Floats),
    ];
    let pool = |threads| {
        let builder = rayon::ThreadPoolBuilder::new();
        builder.num_threads(threads).build()
    };
    let pools = [pool(1)?, pool(2)?, pool(3)?];
    for (case, input) in cases {
        case.check_in(input, Kernel::available(), |check| {
            pools.iter().try_for_each(|pool| pool.install(check))
        })?;
    }
    Ok(())
}

fn any_options() -> impl Strategy<Value = ConvOptions> {
    let pair = |max: usize| [1..=max, 1..=max];
    let explicit =
        [0_usize..4, 0..4, 0..4, 0..4].prop_map(|[top, bottom, left, right]| Padding::Explicit {
            top,
            bottom,
            left,
            right,
        });
    let padding = prop_oneof![Just(Padding::Valid), Just(Padding::Same), explicit];
    let pad_value = proptest::sample::select(VALUES.as_slice());
    (pair(3), pair(3), 1_usize..4, padding, pad_value).prop_map(
        |(stride, dilation, groups, padding, pad_value)| ConvOptions {
            stride,
            dilation,
            groups,
            padding,
            pad_value,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_convolution_is_exact(
        options in any_options(),
        size in [1_usize..8, 1..8], kernel in [1_usize..5, 1..5], batch in 1_usize..3,
        group_channels in 1_usize..80, group_outputs in 1_usize..40,
        input in prop_oneof![Just(Input::Bits), Just(Input::Floats), (1_usize..9).prop_map(Input::Unsigned)],
    ) {
        let image = [size[0], size[1], group_channels * options.groups];
        let mut case = Case::new(image, group_outputs * options.groups, kernel, options);
        case.batch = batch;
        if let Input::Unsigned(_) = input {
            case.options.pad_value = PadValue::Zero;
        }
        match case.conv() {
            Ok(_) => case.check(input, Kernel::available())?,
            Err(error) => prop_assert!(matches!(error, Error::OutOfRange { .. }), "{error}"),
        }
    }
}
