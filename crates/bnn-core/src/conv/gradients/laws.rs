//! Laws of the gradient of images, for every kernel of this CPU that has a way of its own.

use alloc::vec;

use super::*;
use crate::bits::BitMatrix;
use crate::conv::{ConvOptions, Padding};
use crate::kernel::Isa;
use crate::noise::noise;

/// Numbers of both signs with all 24 bits.
fn floats(seed: u64, n: usize) -> Vec<f32> {
    let numbers = noise(seed, n).into_iter();
    numbers.map(|x| x as f32 * 2_f32.powi(-29)).collect()
}

fn signs(seed: u64, rows: usize, cols: usize) -> Result<(BitMatrix, Vec<f32>), Error> {
    let bits = BitMatrix::pack(&floats(seed, rows * cols), rows, cols)?;
    let signs = bits.unpack()?;
    Ok((bits, signs))
}

/// The sum, and that of the absolute values.
#[derive(Clone, Copy, Default)]
struct Sum(f64, f64);

impl Sum {
    fn add(&mut self, a: f32, b: f32) {
        let product = f64::from(a) * f64::from(b);
        self.0 += product;
        self.1 += product.abs();
    }
}

/// The gradient by its definition.
fn definition(conv: &Conv2d, batch: usize, dy: &[f32], w: &[f32]) -> Vec<Sum> {
    let (channels, outputs) = (conv.channels(), conv.outputs());
    let (depth, filters) = (channels / conv.groups(), outputs / conv.groups());
    let ([height, width], [rows, cols]) =
        (conv.windows().input_size(), conv.windows().output_size());
    let [kernel_height, kernel_width] = conv.windows().kernel();
    let mut dx = vec![Sum::default(); batch * height * width * channels];
    for at in 0..batch * rows * cols * kernel_height * kernel_width {
        let (window, tap) = (
            at / (kernel_height * kernel_width),
            at % (kernel_height * kernel_width),
        );
        let (image, stop) = (window / (rows * cols), window % (rows * cols));
        let under = |axis: usize, stop: usize, tap: usize, size: usize| {
            let at = stop * conv.windows().stride()[axis] + tap * conv.windows().dilation()[axis];
            at.checked_sub(conv.windows().padding_before()[axis])
                .filter(|at| *at < size)
        };
        let y = under(0, stop / cols, tap / kernel_width, height);
        let Some((y, x)) = y.zip(under(1, stop % cols, tap % kernel_width, width)) else {
            continue;
        };
        let pixel = ((image * height + y) * width + x) * channels;
        for (o, dy) in dy[window * outputs..][..outputs].iter().enumerate() {
            for c in 0..depth {
                let w = w[o * conv.patch_len() + tap * depth + c];
                dx[pixel + o / filters * depth + c].add(*dy, w);
            }
        }
    }
    dx
}

/// The gradients of this convolution of all kernels that have one.
fn ways(conv: &Conv2d) -> impl Iterator<Item = (Isa, ImageGradient<'_>)> {
    Kernel::available()
        .filter_map(move |kernel| Some((kernel.isa(), ImageGradient::of(kernel, conv)?)))
}

/// Images, `[height, width, channels]`, outputs, kernel and the rest.
type Shape = (usize, [usize; 3], usize, [usize; 2], ConvOptions);

/// Around every edge of tiles of windows and channels and of groups of terms, with strides,
/// dilations and groups.
fn shapes() -> Vec<Shape> {
    let sizes = [
        (1, [1, 1, 16], 16, [1, 1]),
        (1, [1, 1, 17], 33, [3, 3]),
        (2, [5, 4, 16], 31, [3, 3]),
        (3, [7, 7, 64], 40, [3, 3]),
        (9, [6, 9, 33], 4, [2, 3]),
        (1, [12, 13, 65], 5, [3, 2]),
        (2, [9, 8, 128], 61, [3, 3]),
        (1, [5, 21, 200], 1, [1, 5]),
    ];
    let around = |top, bottom, left, right| Padding::Explicit {
        top,
        bottom,
        left,
        right,
    };
    let options = [
        ([1, 1], [1, 1], 1, Padding::Same),
        ([1, 1], [1, 1], 1, Padding::Valid),
        ([2, 1], [1, 2], 1, Padding::Same),
        ([1, 3], [2, 1], 1, around(2, 3, 4, 1)),
        ([3, 2], [1, 1], 2, around(1, 0, 0, 7)),
    ];
    let mut shapes = Vec::new();
    for (batch, image, outputs, kernel) in sizes {
        for (stride, dilation, groups, padding) in options {
            let options = ConvOptions {
                stride,
                dilation,
                groups,
                padding,
                ..ConvOptions::default()
            };
            if Conv2d::new(image, outputs, kernel, options).is_ok() {
                shapes.push((batch, image, outputs, kernel, options));
            }
        }
    }
    // One of four taps lies on the only pixel, the others as far away as 32 bits can tell.
    for far in [46_341, u32::MAX as usize] {
        let options = ConvOptions {
            dilation: [far, far],
            padding: around(far, 0, far, 0),
            ..ConvOptions::default()
        };
        if Conv2d::new([1, 1, 16], 16, [2, 2], options).is_ok() {
            shapes.push((1, [1, 1, 16], 16, [2, 2], options));
        }
    }
    assert!(shapes.len() > 25, "most of these convolutions exist");
    shapes
}

#[test]
fn gradients_err_as_sums_in_f32_do_and_no_other_image_changes_a_bit() -> Result<(), Error> {
    for (batch, image, outputs, kernel, options) in shapes() {
        let conv = Conv2d::new(image, outputs, kernel, options)?;
        let [height, width] = conv.windows().output_size();
        let dy = floats(1, batch * height * width * outputs);
        let (bits, w) = signs(3, outputs, conv.patch_len())?;
        let expected = definition(&conv, batch, &dy, &w);
        let terms = (outputs * kernel[0] * kernel[1]) as f64;
        for (isa, gradient) in ways(&conv) {
            let mut dx = vec![f32::NAN; expected.len()];
            gradient.compute(&dy, bits.view(), &mut dx)?;
            for (i, (x, Sum(sum, total))) in dx.iter().zip(&expected).enumerate() {
                let bound = terms * f64::from(f32::EPSILON) * total;
                assert!(
                    (f64::from(*x) - sum).abs() <= bound,
                    "{isa:?}, {conv:?}: element {i}: {x} is not {sum}"
                );
            }
            let last = &dy[(batch - 1) * height * width * outputs..];
            let mut alone = vec![f32::NAN; dx.len() / batch];
            gradient.compute(last, bits.view(), &mut alone)?;
            assert_eq!(alone, dx[dx.len() - alone.len()..], "{isa:?}, {conv:?}");
        }
    }
    Ok(())
}

/// However windows are cut into tiles: a pixel's sum begins with the first window that sees it, and
/// goes on with the products that [`F32Product`](crate::internal::F32Product) computes for a single
/// window.
#[test]
fn pixels_are_added_up_in_the_order_of_windows() -> Result<(), Error> {
    for (_, image, outputs, kernel, options) in shapes() {
        let conv = Conv2d::new(image, outputs, kernel, options)?;
        if conv.groups() > 1 || outputs > 5 {
            continue; // with one group of terms the sums of windows are simply added
        }
        let [height, width] = conv.windows().output_size();
        let dy = floats(5, height * width * outputs);
        let (bits, w) = signs(6, outputs, conv.patch_len())?;
        for (isa, gradient) in ways(&conv) {
            if isa == Isa::Avx2 && outputs > 4 {
                continue;
            }
            let mut dx = vec![f32::NAN; image.iter().product()];
            gradient.compute(&dy, bits.view(), &mut dx)?;
            let mut expected = vec![0.0; dx.len()];
            for (window, dy) in dy.chunks(outputs).enumerate() {
                let one = definition_of_window(isa, &conv, window, dy, &w);
                for (at, x) in one {
                    expected[at] += x;
                }
            }
            assert_eq!(dx, expected, "{isa:?}, {conv:?}");
        }
    }
    Ok(())
}

/// What a window adds to the elements of the image, in the order of the terms of its instruction
/// set.
fn definition_of_window(
    isa: Isa,
    conv: &Conv2d,
    window: usize,
    dy: &[f32],
    w: &[f32],
) -> Vec<(usize, f32)> {
    let ([height, width], [_, cols]) = (conv.windows().input_size(), conv.windows().output_size());
    let [kernel_height, kernel_width] = conv.windows().kernel();
    let order: &[usize] = match isa {
        Isa::Avx2 => &[3, 0, 1, 2],
        _ => &[4, 0, 1, 2, 3],
    };
    let mut added = Vec::new();
    for tap in 0..kernel_height * kernel_width {
        let stop = [window / cols, window % cols];
        let tap_at = [tap / kernel_width, tap % kernel_width];
        let at = [0, 1].map(|axis| {
            let windows = conv.windows();
            let at = stop[axis] * windows.stride()[axis] + tap_at[axis] * windows.dilation()[axis];
            at.checked_sub(windows.padding_before()[axis])
        });
        let [Some(y), Some(x)] = at else { continue };
        if y >= height || x >= width {
            continue;
        }
        for c in 0..conv.channels() {
            let term = |o: usize| {
                let weight = w.get(o * conv.patch_len() + tap * conv.channels() + c);
                dy.get(o).zip(weight).map_or(0.0, |(dy, w)| dy * w)
            };
            let sum = order.iter().map(|&o| term(o)).reduce(|sum, x| sum + x);
            let at = (y * width + x) * conv.channels() + c;
            added.push((at, sum.unwrap_or_default()));
        }
    }
    added
}

#[test]
fn infinity_and_nan_reach_the_pixels_that_their_windows_see() -> Result<(), Error> {
    let around = ConvOptions {
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    let conv = Conv2d::new([5, 5, 16], 7, [3, 3], around)?;
    let (bits, w) = signs(4, 7, conv.patch_len())?;
    for (isa, gradient) in ways(&conv) {
        let mut dy = floats(2, 25 * 7);
        dy[0] = f32::INFINITY; // of the window around the first pixel
        dy[24 * 7 + 1] = f32::NAN; // of that around the last
        let mut dx = vec![0.0; 25 * 16];
        gradient.compute(&dy, bits.view(), &mut dx)?;
        for (i, x) in dx.iter().enumerate() {
            let (at, c) = ([i / 16 / 5, i / 16 % 5], i % 16);
            if at.iter().all(|&at| at < 2) {
                let tap = (at[0] + 1) * 3 + at[1] + 1;
                assert_eq!(*x, f32::INFINITY * w[tap * 16 + c], "{isa:?}, {i}");
            } else if at.iter().all(|&at| at > 2) {
                assert!(x.is_nan(), "{isa:?}, {i}");
            } else {
                assert!(x.is_finite(), "{isa:?}, {i}");
            }
        }
    }
    Ok(())
}

#[test]
fn sizes_that_do_not_fit_are_refused_and_few_channels_are_left_to_others() -> Result<(), Error> {
    let conv = |channels| Conv2d::new([4, 4, channels], 16, [3, 3], ConvOptions::default());
    assert_eq!(ways(&conv(15)?).count(), 0);
    let conv = conv(16)?;
    for (_, gradient) in ways(&conv) {
        let (dy, (w, _), (other, _)) = (vec![1.0; 64], signs(1, 16, 144)?, signs(2, 1, 256)?);
        let mut out = vec![7.0; 256];
        let none = gradient.compute(&[], w.view(), &mut out);
        assert!(matches!(none, Err(Error::Zero { .. })));
        for error in [
            gradient.compute(&dy[1..], w.view(), &mut out),
            gradient.compute(&dy, other.view(), &mut out),
            gradient.compute(&dy, w.view(), &mut out[1..]),
        ] {
            assert!(
                matches!(error, Err(Error::Mismatch { .. } | Error::Zero { .. })),
                "{error:?}"
            );
        }
        assert!(out.iter().all(|&x| x == 7.0));
    }
    Ok(())
}
