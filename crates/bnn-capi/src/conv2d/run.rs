//! Forward and backward passes.

use super::bnn_conv2d_t;
use crate::boundary::OptionalOutput;
use crate::status::bnn_status_t;

export! {
    /// Pixels of an output image.
    ///
    /// - `height`, `width`: written, a number each.
    ///
    /// Errors: NULL, MISALIGNED, OVERLAP.
    pub fn bnn_conv2d_output_size(
        conv: *const bnn_conv2d_t,
        height: *mut usize,
        width: *mut usize,
    ) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Computes the convolution of the signs of images, times scale, plus bias, as exactly as
    /// `bnn_linear_forward_f32` does.
    ///
    /// - `x`: read, `[batch, height, width, channels]` floats without gaps (NHWC).
    /// - `y`: written, `[batch, output height, output width, outputs]` floats without gaps; see
    ///   `bnn_conv2d_output_size`.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, OVERLAP.
    pub fn bnn_conv2d_forward_f32(
        conv: *const bnn_conv2d_t,
        x: *const f32,
        batch: usize,
        y: *mut f32,
    ) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Words (`uint64_t`) that a saving forward pass of `batch` images writes:
    /// `2 * batch * bnn_row_words(height * width * channels)`, a sign and a bit of the range mask per
    /// element. 0 where `conv` is NULL, `batch` is 0, or the size overflows.
    pub fn bnn_conv2d_saved_words(conv: *const bnn_conv2d_t, batch: usize) -> usize {
        todo!()
    }
}

export! {
    /// As `bnn_conv2d_forward_f32`, and saves what `bnn_conv2d_backward_f32` needs of `x`: the packed
    /// signs, a row per image, and behind them, packed likewise, whether `|x| <= clip`.
    ///
    /// - `saved`: written, `bnn_conv2d_saved_words(conv, batch)` words; `saved_words`, its size in
    ///   words, may be larger, and what lies behind stays as it was.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, OVERLAP.
    pub fn bnn_conv2d_forward_saving_f32(
        conv: *const bnn_conv2d_t,
        x: *const f32,
        batch: usize,
        y: *mut f32,
        saved: *mut u64,
        saved_words: usize,
    ) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Computes the gradients of a loss, given the one with respect to `y`, as
    /// `bnn_linear_backward_f32` does. Those that are NULL are skipped, and cost nothing.
    ///
    /// - `saved`: read, what `bnn_conv2d_forward_saving_f32` saved of the same `batch` images;
    ///   `saved_words`, its size in words, may be larger.
    /// - `grad_y`: read, `[batch, output height, output width, outputs]` floats.
    /// - `grad_x`: written, `[batch, height, width, channels]` floats; 0 where not `|x| <= clip`.
    /// - `grad_w`: written, `[outputs, kernel_height, kernel_width, channels / groups]` floats: the
    ///   gradient with respect to `sign(w)`, scale included.
    /// - `grad_scale`, `grad_bias`: written, `outputs` floats each.
    ///
    /// The results are the same with any number of threads.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, TAIL_BITS, OVERLAP.
    pub fn bnn_conv2d_backward_f32(
        conv: *const bnn_conv2d_t,
        saved: *const u64,
        saved_words: usize,
        grad_y: *const f32,
        batch: usize,
        grad_x: OptionalOutput,
        grad_w: OptionalOutput,
        grad_scale: OptionalOutput,
        grad_bias: OptionalOutput,
    ) -> bnn_status_t {
        todo!()
    }
}
