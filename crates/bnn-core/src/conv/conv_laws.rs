//! Every path of a convolution against its definition: kernels, layouts, endings, threads.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::bits::{BitMatrix, BitMatrixView};
use crate::kernel::Kernel;
use crate::noise::noise;
use crate::reference;

const GUARD: i32 = 0x5EED;
const VALUES: [PadValue; 3] = [PadValue::Zero, PadValue::MinusOne, PadValue::PlusOne];

/// What images are made of.
#[derive(Clone, Copy, Debug)]
enum Input {
    Bits,
    Floats,
    Unsigned(usize),
}

#[derive(Clone, Copy, Debug)]
struct Case {
    batch: usize,
    image: [usize; 3],
    outputs: usize,
    kernel: [usize; 2],
    options: ConvOptions,
}

impl Case {
    fn new(image: [usize; 3], outputs: usize, kernel: [usize; 2], options: ConvOptions) -> Self {
        Self {
            batch: 2,
            image,
            outputs,
            kernel,
            options,
        }
    }

    fn conv(&self) -> Result<Conv2d, Error> {
        Conv2d::new(self.image, self.outputs, self.kernel, self.options)
    }

    /// Checks the case with noise for images and filters.
    fn check(
        &self,
        input: Input,
        kernels: impl Iterator<Item = &'static Kernel>,
    ) -> Result<(), Error> {
        let conv = self.conv()?;
        let [height, width, channels] = self.image;
        let pixels = self.batch * height * width;
        let k = conv.patch_len();
        let seed = (k + channels + pixels) as u64;
        let filters = BitMatrix::pack(&noise(seed, self.outputs * k), self.outputs, k)?;
        let x = noise(seed + 1, pixels * channels);
        let bits = BitMatrix::pack(&x, pixels, channels)?;
        let floats: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        let bytes: Vec<u8> = match input {
            Input::Unsigned(depth) => x.iter().map(|x| *x as u8 >> (8 - depth)).collect(),
            _ => Vec::new(),
        };
        let images = match input {
            Input::Bits => bits.view().into(),
            Input::Floats => floats.as_slice().into(),
            Input::Unsigned(depth) => Images::Unsigned { x: &bytes, depth },
        };
        let [out_height, out_width] = conv.output_size();
        let mut expected = vec![0; self.batch * out_height * out_width * self.outputs];
        reference::conv2d(images, &conv, filters.view(), &mut expected)?;

        for kernel in kernels {
            let packed = PackedFilters::for_kernel(kernel, &conv, filters.view())?;
            check_endings(images, &mut Layouts::Packed(&packed), &expected)?;
            let words = conv.scratch_words(images.depth())?;
            for scratch in [words, words + 5] {
                let mut canonical = Layouts::Canonical {
                    conv,
                    filters: filters.view(),
                    kernel,
                    scratch: vec![u64::MAX; scratch],
                };
                check_endings(images, &mut canonical, &expected)?;
            }
        }
        Ok(())
    }
}

/// Filters that can be used again and again.
enum Layouts<'w> {
    Packed(&'w PackedFilters),
    Canonical {
        conv: Conv2d,
        filters: BitMatrixView<'w>,
        kernel: &'static Kernel,
        scratch: Vec<u64>,
    },
}

impl Layouts<'_> {
    fn get(&mut self) -> Result<Filters<'_>, Error> {
        match self {
            Layouts::Packed(packed) => Ok((*packed).into()),
            Layouts::Canonical {
                conv,
                filters,
                kernel,
                scratch,
            } => Filters::canonical(conv, *filters, kernel, scratch),
        }
    }
}

/// All that can be asked of a convolution, against the sums that are expected.
fn check_endings(
    images: Images<'_>,
    filters: &mut Layouts<'_>,
    expected: &[i32],
) -> Result<(), Error> {
    let n = filters.get()?.conv().outputs();
    let (m, gap) = (expected.len() / n, 3);
    let mut c = vec![GUARD; m * (n + gap)];
    conv2d_i32(images, filters.get()?, &mut c, n + gap)?;
    for (row, expected) in c.chunks(n + gap).zip(expected.chunks(n)) {
        assert_eq!(&row[..n], expected);
        assert!(row[n..].iter().all(|&c| c == GUARD), "wrote past a row");
    }

    let scale: Vec<f32> = noise(5, n).iter().map(|&x| x as f32 * 1e-9).collect();
    let bias: Vec<f32> = noise(6, n).iter().map(|&x| x as f32 * 1e-8).collect();
    let mut y = vec![f32::MAX; m * n + 1];
    conv2d_f32(images, filters.get()?, &scale, &bias, &mut y, n)?;
    assert_eq!(y.pop(), Some(f32::MAX), "wrote past the end");
    for (i, y) in y.iter().enumerate() {
        let affine = scale[i % n] * expected[i] as f32 + bias[i % n];
        assert_eq!(y.to_bits(), affine.to_bits());
    }

    // Thresholds at, just below and just above sums that occur.
    let t: Vec<i32> = (0..n).map(|j| expected[j] + j as i32 % 3 - 1).collect();
    // What was there before must not show through.
    let mut out = BitMatrix::pack(&vec![1_i8; m * n], m, n)?;
    conv2d_bits(images, filters.get()?, t.as_slice(), &mut out.view_mut())?;
    assert!(BitMatrixView::new(out.words(), m, n).is_ok(), "tail bits");
    for (i, &sum) in expected.iter().enumerate() {
        assert_eq!(out.view().get(i / n, i % n), Some(sum >= t[i % n]));
    }
    let narrow: Vec<i16> = t.iter().map(|&t| t as i16).collect();
    let mut again = BitMatrix::zeros(m, n)?;
    conv2d_bits(
        images,
        filters.get()?,
        narrow.as_slice(),
        &mut again.view_mut(),
    )?;
    assert_eq!(again, out);
    Ok(())
}

fn padded(padding: Padding, pad_value: PadValue) -> ConvOptions {
    ConvOptions {
        padding,
        pad_value,
        ..ConvOptions::default()
    }
}

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
    for channels in [2, 31, 63, 64, 65, 130] {
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
        let [height, len] = conv.output_size();
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
    ];
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()?;
        for (case, input) in cases {
            pool.install(|| case.check(input, Kernel::available()))?;
        }
    }
    Ok(())
}

#[test]
fn shapes_that_cannot_be_are_refused() {
    let new = |image, outputs, options| Conv2d::new(image, outputs, [3, 3], options);
    let options = ConvOptions::default();
    for image in [[0, 5, 2], [5, 0, 2], [5, 5, 0]] {
        assert!(matches!(new(image, 2, options), Err(Error::Zero { .. })));
    }
    assert!(matches!(
        new([5, 5, 2], 0, options),
        Err(Error::Zero { .. })
    ));
    let groups = |groups| ConvOptions { groups, ..options };
    assert!(matches!(
        new([5, 5, 2], 2, groups(0)),
        Err(Error::Zero { .. })
    ));
    for (channels, outputs, wrong) in [(6, 4, 6), (4, 6, 6)] {
        let refused = new([5, 5, channels], outputs, groups(4));
        assert!(
            matches!(refused, Err(Error::Indivisible { divisor: 4, found, .. }) if found == wrong)
        );
    }
    assert!(matches!(
        new([2, 5, 2], 2, options),
        Err(Error::OutOfRange {
            max: 2,
            found: 3,
            ..
        })
    ));
    for huge in [1 << 31, usize::MAX / 2, usize::MAX] {
        for image in [[huge, huge, 1], [huge, 3, huge], [3, 3, huge]] {
            assert!(new(image, 1, options).is_err());
        }
        assert!(new([huge, huge, 1], huge, options).is_err());
    }
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() -> Result<(), Error> {
    let conv = Conv2d::new(
        [3, 3, 2],
        4,
        [3, 3],
        padded(Padding::Same, PadValue::MinusOne),
    )?;
    let filters = BitMatrix::zeros(4, 18)?;
    for wrong in [BitMatrix::zeros(3, 18)?, BitMatrix::zeros(4, 17)?] {
        assert!(PackedFilters::new(&conv, wrong.view()).is_err());
        let kernel = Kernel::active()?;
        assert!(Filters::canonical(&conv, wrong.view(), kernel, &mut []).is_err());
    }
    let packed = PackedFilters::new(&conv, filters.view())?;
    let images = BitMatrix::zeros(18, 2)?;
    let mut c = [GUARD; 2 * 9 * 4];

    // Images of other channels, in parts, and none.
    for wrong in [BitMatrix::zeros(18, 3)?, BitMatrix::zeros(17, 2)?] {
        assert!(conv2d_i32(wrong.view(), &packed, &mut c, 4).is_err());
    }
    for wrong in [[0.0; 35].as_slice(), &[]] {
        assert!(conv2d_i32(wrong, &packed, &mut c, 4).is_err());
    }
    // Outputs too short, or with rows that overlap.
    assert!(conv2d_i32(images.view(), &packed, &mut c[..71], 4).is_err());
    assert!(conv2d_i32(images.view(), &packed, &mut c, 3).is_err());
    assert!(conv2d_i32(images.view(), &packed, &mut c, usize::MAX).is_err());
    // Unsigned inputs that are padded with -1, or too large for their depth.
    let unsigned = |x, depth| Images::Unsigned { x, depth };
    assert!(matches!(
        conv2d_i32(unsigned(&[0; 36], 8), &packed, &mut c, 4),
        Err(Error::Unsupported { .. })
    ));
    let options = padded(Padding::Same, PadValue::Zero);
    let conv = Conv2d::new([3, 3, 2], 4, [3, 3], options)?;
    let zeros = PackedFilters::new(&conv, filters.view())?;
    let mut bytes = [3; 36];
    bytes[35] = 4;
    assert_eq!(
        conv2d_i32(unsigned(&bytes, 2), &zeros, &mut c, 4),
        Err(Error::OutOfRange {
            what: "element of an unsigned input",
            max: 3,
            found: 4
        })
    );
    for depth in [0, 9] {
        assert!(conv2d_i32(unsigned(&bytes, depth), &zeros, &mut c, 4).is_err());
    }
    // Scratch memory too short.
    for depth in [None, Some(8)] {
        let words = conv.scratch_words(depth)?;
        let mut scratch = vec![0; words - 1];
        let images = match depth {
            None => images.view().into(),
            Some(depth) => unsigned(&bytes, depth),
        };
        let filters = Filters::canonical(&conv, filters.view(), Kernel::active()?, &mut scratch)?;
        assert!(matches!(
            conv2d_i32(images, filters, &mut c, 4),
            Err(Error::TooShort { needed, .. }) if needed == words
        ));
    }
    assert_eq!(c, [GUARD; 72]);

    let mut y = [0.5; 72];
    assert!(conv2d_f32(images.view(), &packed, &[1.0; 3], &[0.0; 4], &mut y, 4).is_err());
    assert!(conv2d_f32(images.view(), &packed, &[1.0; 4], &[0.0; 5], &mut y, 4).is_err());
    assert_eq!(y, [0.5; 72]);
    for (rows, cols, thresholds) in [(18, 4, 3), (17, 4, 4), (18, 5, 4)] {
        let mut out = BitMatrix::pack(&vec![1_i8; rows * cols], rows, cols)?;
        let before = out.clone();
        let thresholds = vec![0_i32; thresholds];
        let refused = conv2d_bits(
            images.view(),
            &packed,
            thresholds.as_slice(),
            &mut out.view_mut(),
        );
        assert!(refused.is_err());
        assert_eq!(out, before);
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
