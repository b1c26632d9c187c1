//! The convolution through its exported functions, against the definition.
#![allow(unsafe_code, reason = "exported functions are called as C would")]

use std::ptr::null_mut;

use super::new::*;
use super::options::{bnn_conv2d_options_init, bnn_pad_value_t::*};
use super::run::*;
use super::{bnn_conv2d_options_t, bnn_conv2d_t};
use crate::status::bnn_status_t::{self, *};
use crate::testing::{eighths, sign};

const DEFAULT: bnn_conv2d_options_t = bnn_conv2d_options_t {
    height: 5,
    width: 6,
    channels: 3,
    outputs: 4,
    kernel_height: 3,
    kernel_width: 3,
    stride_y: 1,
    stride_x: 1,
    dilation_y: 1,
    dilation_x: 1,
    groups: 1,
    pad_top: 0,
    pad_bottom: 0,
    pad_left: 0,
    pad_right: 0,
    pad_value: BNN_PAD_ZERO as i32,
    clip: 1.0,
};

/// A convolution and the floats it was made of.
struct Case {
    conv: *mut bnn_conv2d_t,
    options: bnn_conv2d_options_t,
    output: [usize; 2],
    w: Vec<f32>,
    scale: Vec<f32>,
    bias: Vec<f32>,
}

fn make(
    options: &bnn_conv2d_options_t,
    w: &[f32],
    scale: Option<&[f32]>,
    bias: Option<&[f32]>,
    conv: &mut *mut bnn_conv2d_t,
) -> bnn_status_t {
    // SAFETY: slices of the sizes that the options say.
    unsafe { bnn_conv2d_new_f32(options, w.as_ptr(), scale.into(), bias.into(), conv) }
}

impl Case {
    fn new(options: bnn_conv2d_options_t) -> Self {
        let outputs = options.outputs;
        let patch = options.kernel_height * options.kernel_width;
        let patch = patch * (options.channels / options.groups);
        let mut case = Self {
            conv: null_mut(),
            options,
            output: [0; 2],
            w: eighths(outputs * patch, 1),
            scale: eighths(outputs, 2).iter().map(|x| x + 0.0625).collect(),
            bias: eighths(outputs, 3),
        };
        let (scale, bias) = (Some(&case.scale[..]), Some(&case.bias[..]));
        assert_eq!(make(&options, &case.w, scale, bias, &mut case.conv), BNN_OK);
        let [height, width] = &mut case.output;
        // SAFETY: a number each.
        let status = unsafe { bnn_conv2d_output_size(case.conv, height, width) };
        assert_eq!(status, BNN_OK);
        case
    }

    fn image(&self) -> usize {
        self.options.height * self.options.width * self.options.channels
    }

    fn outputs(&self, batch: usize) -> usize {
        batch * self.output[0] * self.output[1] * self.options.outputs
    }

    /// Calls `visit(image, output pixel, output, weight, element of the batch or padding)` for
    /// every product that the convolution adds up, in the order of the sums.
    fn products(&self, batch: usize, mut visit: impl FnMut(usize, usize, usize, Option<usize>)) {
        let o = &self.options;
        let (depth, per_group) = (o.channels / o.groups, o.outputs / o.groups);
        let pixels = (0..batch).flat_map(|b| (0..self.output[0]).map(move |y| (b, y)));
        let pixels = pixels.flat_map(|(b, y)| (0..self.output[1]).map(move |x| (b, y, x)));
        for (b, oy, ox) in pixels {
            for output in 0..o.outputs {
                let at = (b * self.output[0] + oy) * self.output[1] + ox;
                let at = at * o.outputs + output;
                for tap in 0..o.kernel_height * o.kernel_width {
                    let (ky, kx) = (tap / o.kernel_width, tap % o.kernel_width);
                    let y = (oy * o.stride_y + ky * o.dilation_y).checked_sub(o.pad_top);
                    let x = (ox * o.stride_x + kx * o.dilation_x).checked_sub(o.pad_left);
                    let inside = y.zip(x).filter(|&(y, x)| y < o.height && x < o.width);
                    for c in 0..depth {
                        let weight = (output * o.kernel_height * o.kernel_width + tap) * depth + c;
                        let channel = output / per_group * depth + c;
                        let element = inside.map(|(y, x)| {
                            ((b * o.height + y) * o.width + x) * o.channels + channel
                        });
                        visit(at, output, weight, element);
                    }
                }
            }
        }
    }

    /// The sign of an element, or the padding.
    fn activation(&self, x: &[f32], element: Option<usize>) -> f32 {
        match element {
            Some(element) => sign(x[element]),
            None if self.options.pad_value == BNN_PAD_ZERO as i32 => 0.0,
            None if self.options.pad_value == BNN_PAD_MINUS_ONE as i32 => -1.0,
            None => 1.0,
        }
    }

    fn sums(&self, x: &[f32], batch: usize) -> Vec<f32> {
        let mut sums = vec![0.0; self.outputs(batch)];
        self.products(batch, |at, _, weight, element| {
            sums[at] += self.activation(x, element) * sign(self.w[weight]);
        });
        sums
    }

    fn expected(&self, x: &[f32], batch: usize) -> Vec<f32> {
        let sums = self.sums(x, batch).into_iter().enumerate();
        let outputs = self.options.outputs;
        sums.map(|(at, sum)| self.scale[at % outputs] * sum + self.bias[at % outputs])
            .collect()
    }

    fn expected_gradients(&self, x: &[f32], dy: &[f32], batch: usize) -> [Vec<f32>; 4] {
        let outputs = self.options.outputs;
        let sizes = [x.len(), self.w.len(), outputs, outputs];
        let mut grads = sizes.map(|size| vec![0.0; size]);
        let [dx, dw, dscale, dbias] = &mut grads;
        self.products(batch, |at, output, weight, element| {
            let dsum = dy[at] * self.scale[output];
            dw[weight] += dsum * self.activation(x, element);
            if let Some(element) = element.filter(|&i| x[i].abs() <= self.options.clip) {
                dx[element] += dsum * sign(self.w[weight]);
            }
        });
        for (at, (dy, sum)) in dy.iter().zip(self.sums(x, batch)).enumerate() {
            dscale[at % outputs] += dy * sum;
            dbias[at % outputs] += dy;
        }
        grads
    }

    fn check(&self, batch: usize) {
        let x = eighths(batch * self.image(), 4);
        let expected = self.expected(&x, batch);
        let mut y = vec![f32::NAN; self.outputs(batch)];
        // SAFETY: slices of the sizes that are passed.
        let status =
            unsafe { bnn_conv2d_forward_f32(self.conv, x.as_ptr(), batch, y.as_mut_ptr()) };
        assert_eq!(status, BNN_OK);
        assert_eq!(y, expected, "{:?}", self.options);

        y.fill(f32::NAN);
        // SAFETY: no pointers but the handle.
        let words = unsafe { bnn_conv2d_saved_words(self.conv, batch) };
        assert_eq!(words, 2 * batch * self.image().div_ceil(64));
        let mut saved = vec![u64::MAX; words];
        // SAFETY: slices of the sizes that are passed.
        let status = unsafe {
            let (y, saved) = (y.as_mut_ptr(), saved.as_mut_ptr());
            bnn_conv2d_forward_saving_f32(self.conv, x.as_ptr(), batch, y, saved, words)
        };
        assert_eq!(status, BNN_OK);
        assert_eq!(y, expected, "{:?}", self.options);

        let dy = eighths(y.len(), 5);
        let expected = self.expected_gradients(&x, &dy, batch);
        let mut grads = expected.each_ref().map(|grad| vec![f32::NAN; grad.len()]);
        let [dx, dw, dscale, dbias] = &mut grads;
        // SAFETY: slices of the sizes that are passed.
        let status = unsafe {
            bnn_conv2d_backward_f32(
                self.conv,
                saved.as_ptr(),
                words,
                dy.as_ptr(),
                batch,
                Some(dx).into(),
                Some(dw).into(),
                Some(dscale).into(),
                Some(dbias).into(),
            )
        };
        assert_eq!(status, BNN_OK);
        assert_eq!(grads, expected, "{:?}", self.options);
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        // SAFETY: the handle is the library's, or NULL, and used by nobody any more.
        unsafe { bnn_conv2d_free((!self.conv.is_null()).then(|| Box::from_raw(self.conv))) };
    }
}

#[test]
fn outputs_and_gradients_equal_the_definition_for_every_padding_stride_dilation_and_group() {
    for pad_value in [BNN_PAD_ZERO, BNN_PAD_MINUS_ONE, BNN_PAD_PLUS_ONE] {
        for [pad_top, pad_bottom, pad_left, pad_right] in
            [[0; 4], [1; 4], [2, 0, 0, 1], [0, 3, 2, 2]]
        {
            for [stride_y, stride_x, dilation_y, dilation_x] in
                [[1; 4], [2, 1, 1, 1], [1, 3, 1, 2], [2, 2, 2, 1]]
            {
                for (channels, outputs, groups) in [(3, 4, 1), (4, 6, 2), (5, 5, 5), (3, 6, 3)] {
                    Case::new(bnn_conv2d_options_t {
                        channels,
                        outputs,
                        groups,
                        stride_y,
                        stride_x,
                        dilation_y,
                        dilation_x,
                        pad_top,
                        pad_bottom,
                        pad_left,
                        pad_right,
                        pad_value: pad_value as i32,
                        ..DEFAULT
                    })
                    .check(2);
                }
            }
        }
    }
}

#[test]
fn channels_and_outputs_around_words_and_single_pixels() {
    for channels in [1, 63, 64, 65, 131] {
        for outputs in [1, 64, 65] {
            Case::new(bnn_conv2d_options_t {
                channels,
                outputs,
                pad_top: 1,
                pad_left: 1,
                clip: 0.5,
                ..DEFAULT
            })
            .check(1);
        }
    }
    let pixel = bnn_conv2d_options_t {
        height: 1,
        width: 1,
        kernel_height: 1,
        kernel_width: 1,
        channels: 7,
        ..DEFAULT
    };
    Case::new(pixel).check(3);
}

#[test]
fn packed_filters_give_the_same() {
    let case = Case::new(DEFAULT);
    let bits = bnn_core::BitMatrix::pack(&case.w, 4, 27).unwrap_or_else(|error| panic!("{error}"));
    let words = bits.words();
    let mut conv = null_mut();
    // SAFETY: slices of the sizes that are passed.
    let status = unsafe {
        let (scale, bias) = (Some(&case.scale[..]), Some(&case.bias[..]));
        let (words, count) = (words.as_ptr(), words.len());
        bnn_conv2d_new_packed(&DEFAULT, words, count, scale.into(), bias.into(), &mut conv)
    };
    assert_eq!(status, BNN_OK);
    // SAFETY: the handle is the library's, and the case's own is freed in its place.
    let first = std::mem::ManuallyDrop::new(case);
    let packed = Case {
        conv,
        w: first.w.clone(),
        scale: first.scale.clone(),
        bias: first.bias.clone(),
        ..*first
    };
    packed.check(2);
    // SAFETY: the handle is the library's and used by nobody any more.
    unsafe { bnn_conv2d_free(Some(Box::from_raw(first.conv))) };
}

#[test]
fn options_that_do_not_fit_each_other_are_refused() {
    let mut defaults = DEFAULT;
    // SAFETY: a struct of the right type.
    assert_eq!(unsafe { bnn_conv2d_options_init(&mut defaults) }, BNN_OK);
    let sized = bnn_conv2d_options_t {
        height: 5,
        width: 6,
        channels: 3,
        outputs: 4,
        kernel_height: 3,
        kernel_width: 3,
        ..defaults
    };
    assert_eq!(sized, DEFAULT);

    type Change = fn(&mut bnn_conv2d_options_t);
    let refused: [(bnn_status_t, Change); 15] = [
        (BNN_ERROR_ZERO, |o| o.height = 0),
        (BNN_ERROR_ZERO, |o| o.width = 0),
        (BNN_ERROR_ZERO, |o| o.channels = 0),
        (BNN_ERROR_ZERO, |o| o.outputs = 0),
        (BNN_ERROR_ZERO, |o| o.kernel_height = 0),
        (BNN_ERROR_ZERO, |o| o.stride_x = 0),
        (BNN_ERROR_ZERO, |o| o.dilation_y = 0),
        (BNN_ERROR_ZERO, |o| o.groups = 0),
        (BNN_ERROR_INDIVISIBLE, |o| o.groups = 2),
        (BNN_ERROR_RANGE, |o| o.kernel_width = 7),
        (BNN_ERROR_OVERFLOW, |o| o.pad_top = usize::MAX),
        (BNN_ERROR_RANGE, |o| o.pad_value = 3),
        (BNN_ERROR_RANGE, |o| o.clip = 0.0),
        (BNN_ERROR_OVERFLOW, |o| o.height = usize::MAX / 2),
        // The words of bits could be counted, the elements not.
        (BNN_ERROR_OVERFLOW, |o| {
            (o.height, o.width, o.channels) = (1 << (usize::BITS - 24), 1 << 18, 64);
        }),
    ];
    for (i, (expected, change)) in refused.into_iter().enumerate() {
        let mut options = DEFAULT;
        change(&mut options);
        let mut conv = null_mut();
        let status = make(&options, &[1.0; 4 * 27], None, None, &mut conv);
        assert_eq!((status, i), (expected, i));
        assert!(conv.is_null());
    }
}
