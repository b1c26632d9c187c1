//! Laws of the gradients of convolutions, where the CPU has a fast way.

use super::*;
use crate::bits::BitMatrix;
use crate::conv::{ConvOptions, Padding};
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

/// The gradients of images and of filters by their definition.
fn definition(conv: &Conv2d, batch: usize, dy: &[f32], x: &[f32], w: &[f32]) -> [Vec<Sum>; 2] {
    let (channels, outputs) = (conv.channels(), conv.outputs());
    let ([height, width], [rows, cols]) =
        (conv.windows().input_size(), conv.windows().output_size());
    let [kernel_height, kernel_width] = conv.windows().kernel();
    let padding = match conv.pad_value() {
        PadValue::Zero => 0.0,
        PadValue::MinusOne => -1.0,
        PadValue::PlusOne => 1.0,
    };
    let mut dx = vec![Sum::default(); batch * height * width * channels];
    let mut dw = vec![Sum::default(); w.len()];
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
        let pixel = y.zip(under(1, stop % cols, tap % kernel_width, width));
        let pixel = pixel.map(|(y, x)| ((image * height + y) * width + x) * channels);
        for (o, dy) in dy[window * outputs..][..outputs].iter().enumerate() {
            for c in 0..channels {
                let at = o * conv.patch_len() + tap * channels + c;
                dw[at].add(*dy, pixel.map_or(padding, |pixel| x[pixel + c]));
                if let Some(pixel) = pixel {
                    dx[pixel + c].add(*dy, w[at]);
                }
            }
        }
    }
    [dx, dw]
}

fn options(dilation: [usize; 2], padding: Padding, pad_value: PadValue) -> ConvOptions {
    ConvOptions {
        dilation,
        padding,
        pad_value,
        ..ConvOptions::default()
    }
}

/// Images, `[height, width, channels]`, outputs, kernel and the rest.
type Shape = (usize, [usize; 3], usize, [usize; 2], ConvOptions);

/// Around every edge of tiles, of pairs of them, of groups of images, with shifts by odd and even numbers.
fn shapes() -> [Shape; 11] {
    use PadValue::{MinusOne, PlusOne, Zero};
    let around = |top, bottom, left, right| Padding::Explicit {
        top,
        bottom,
        left,
        right,
    };
    [
        (
            1,
            [1, 1, 16],
            16,
            [1, 1],
            options([1, 1], Padding::Valid, Zero),
        ),
        (
            1,
            [1, 1, 17],
            33,
            [3, 3],
            options([1, 1], Padding::Same, Zero),
        ),
        (
            2,
            [5, 4, 16],
            31,
            [3, 3],
            options([1, 1], Padding::Same, PlusOne),
        ),
        (
            3,
            [7, 7, 64],
            40,
            [3, 3],
            options([1, 1], Padding::Same, Zero),
        ),
        (
            9,
            [6, 9, 33],
            16,
            [2, 3],
            options([1, 1], Padding::Valid, Zero),
        ),
        (
            2,
            [14, 14, 32],
            64,
            [3, 3],
            options([1, 1], Padding::Same, Zero),
        ),
        (
            2,
            [9, 12, 20],
            70,
            [3, 2],
            options([2, 3], Padding::Same, MinusOne),
        ),
        (
            1,
            [33, 3, 16],
            16,
            [1, 2],
            options([1, 1], around(0, 2, 3, 0), PlusOne),
        ),
        (
            17,
            [3, 3, 96],
            129,
            [3, 3],
            options([1, 1], around(1, 1, 2, 1), Zero),
        ),
        (
            1,
            [40, 40, 16],
            16,
            [5, 5],
            options([1, 2], around(4, 0, 0, 7), MinusOne),
        ),
        (
            2,
            [2, 2, 65],
            16,
            [1, 1],
            options([1, 1], around(3, 3, 3, 3), Zero),
        ),
    ]
}

#[test]
fn gradients_err_as_sums_in_f32_do() -> Result<(), Error> {
    for (batch, image, outputs, kernel, options) in shapes() {
        let conv = Conv2d::new(image, outputs, kernel, options)?;
        let Some(gradients) = F32Gradients::new(&conv)? else {
            eprintln!(
                "skipped: the kernel in use has no way of its own to the gradients of convolutions"
            );
            return Ok(());
        };
        let [height, width] = conv.windows().output_size();
        let dy = floats(1, batch * height * width * outputs);
        let (x_bits, x) = signs(2, batch, image.iter().product())?;
        let (w_bits, w) = signs(3, outputs, conv.patch_len())?;
        let [dx, dw] = definition(&conv, batch, &dy, &x, &w);
        let mut found = [vec![f32::NAN; dx.len()], vec![f32::NAN; dw.len()]];
        gradients.of_images(&dy, w_bits.view(), &mut found[0])?;
        gradients.of_filters(&dy, x_bits.view(), &mut found[1])?;
        let terms = [outputs * kernel[0] * kernel[1], dy.len() / outputs];
        for ((found, expected), terms) in found.iter().zip([&dx, &dw]).zip(terms) {
            let terms = (3 * terms) as f64;
            for (i, (x, Sum(sum, total))) in found.iter().zip(expected).enumerate() {
                let bound = terms * f64::from(f32::EPSILON) * total;
                assert!(
                    (f64::from(*x) - sum).abs() <= bound,
                    "{conv:?}: element {i}: {x} is not {sum}"
                );
            }
        }
        // An image on its own has the same gradient.
        let last = &dy[(batch - 1) * height * width * outputs..];
        let mut alone = vec![f32::NAN; dx.len() / batch];
        gradients.of_images(last, w_bits.view(), &mut alone)?;
        assert_eq!(alone, found[0][dx.len() - alone.len()..]);
    }
    Ok(())
}

#[test]
fn sizes_that_do_not_fit_are_refused_and_others_are_left_to_others() -> Result<(), Error> {
    let conv = |channels, stride| {
        let options = ConvOptions {
            stride,
            ..ConvOptions::default()
        };
        Conv2d::new([4, 4, channels], 16, [3, 3], options)
    };
    assert!(F32Gradients::new(&conv(16, [2, 1])?)?.is_none());
    assert!(F32Gradients::new(&conv(15, [1, 1])?)?.is_none());
    let conv = conv(16, [1, 1])?;
    let Some(gradients) = F32Gradients::new(&conv)? else {
        return Ok(());
    };
    let (dy, (w, _), (x, _)) = (vec![1.0; 64], signs(1, 16, 144)?, signs(2, 1, 256)?);
    let mut out = vec![7.0; 256];
    let none = gradients.of_images(&[], w.view(), &mut out);
    assert!(matches!(none, Err(Error::Zero { .. })));
    for error in [
        gradients.of_images(&dy[1..], w.view(), &mut out),
        gradients.of_images(&dy, x.view(), &mut out),
        gradients.of_images(&dy, w.view(), &mut out[1..]),
        gradients.of_filters(&dy, w.view(), &mut out),
        gradients.of_filters(&dy, x.view(), &mut out),
    ] {
        assert!(
            matches!(error, Err(Error::Mismatch { .. } | Error::Zero { .. })),
            "{error:?}"
        );
    }
    assert!(out.iter().all(|&x| x == 7.0));
    Ok(())
}

/// What a dilation spreads beyond all buffers is left to products of patches: neither computed with nor allocated.
#[test]
fn an_image_that_is_mostly_padding_has_no_fast_way() -> Result<(), Error> {
    // The square of the second is about the largest `usize`.
    let half_of_the_bits = (1 << (usize::BITS / 2)) - 1;
    for dilation in [46_341, half_of_the_bits, usize::MAX / 4] {
        let options = ConvOptions {
            dilation: [dilation; 2],
            padding: Padding::Explicit {
                top: dilation,
                bottom: 0,
                left: dilation,
                right: 0,
            },
            ..ConvOptions::default()
        };
        let conv = Conv2d::new([1, 1, 16], 16, [2, 2], options)?;
        assert!(F32Gradients::new(&conv)?.is_none(), "{dilation}");
    }
    Ok(())
}
