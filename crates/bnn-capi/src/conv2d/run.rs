//! Forward and backward passes.

use bnn_autograd::internal::gradients::{self, SavedInput};

use super::bnn_conv2d_t;
use crate::boundary::OptionalOutput;
use crate::layer::{room, saved as saved_input, wanted, working_memory};
use crate::shape::nonzero;
use crate::status::bnn_status_t;
use crate::threads::pool;

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
        let (height, width) = (height.place()?, width.place()?);
        let [output_height, output_width] = conv.conv().windows().output_size();
        height.put(output_height);
        width.put(output_width);
        Ok(())
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
        nonzero("batch", batch)?;
        let x = x.read(bnn_conv2d_t::elements(batch, conv.image())?)?;
        let y = y.write(bnn_conv2d_t::elements(batch, conv.output())?)?;
        conv.forward(x, batch, y)
    }
}

export! {
    /// Words (`uint64_t`) that a saving forward pass of `batch` images writes: `2 * batch *
    /// bnn_row_words(height * width * channels)`, a sign and a bit of the range mask per element. 0
    /// if `conv` is NULL, `batch` is 0, or the size overflows.
    pub fn bnn_conv2d_saved_words(conv: *const bnn_conv2d_t, batch: usize) -> usize {
        nonzero("batch", batch)?;
        Ok(SavedInput::words(batch, conv.image())?)
    }
}

export! {
    /// Computes what `bnn_conv2d_forward_f32` does, and saves what `bnn_conv2d_backward_f32` needs
    /// of `x`: the packed signs, a row per image, followed by one packed bit per element that says
    /// whether `|x| <= clip`.
    ///
    /// - `saved`: written, `bnn_conv2d_saved_words(conv, batch)` words; `saved_words`, its size in
    ///   words, may be larger, and words after those are not written.
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
        nonzero("batch", batch)?;
        let x = x.read(bnn_conv2d_t::elements(batch, conv.image())?)?;
        let y = y.write(bnn_conv2d_t::elements(batch, conv.output())?)?;
        let saved = room(saved, saved_words, batch, conv.image())?;
        // A pixel of bits takes whole words.
        working_memory([x.len(), (x.len() / conv.conv().channels()).saturating_mul(16)])?;
        let pixels = pool::run(|| {
            let saved = SavedInput::save(x, batch, conv.image(), conv.epilogue.clip, saved)?;
            gradients::conv2d::pixels(conv.conv(), &saved)
        })??;
        conv.forward(pixels.view(), batch, y)
    }
}

export! {
    /// Computes the gradients of a loss, given the gradient with respect to `y`, as
    /// `bnn_linear_backward_f32` does. Gradients whose pointer is NULL are skipped and cost
    /// nothing.
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
        nonzero("batch", batch)?;
        let saved = saved_input(saved, saved_words, batch, conv.image())?;
        let dy = grad_y.read(bnn_conv2d_t::elements(batch, conv.output())?)?;
        let dx = wanted(grad_x, bnn_conv2d_t::elements(batch, conv.image())?)?;
        let dw = wanted(grad_w, conv.bits.rows() * conv.bits.cols())?;
        let dscale = wanted(grad_scale, conv.bits.rows())?;
        let dbias = wanted(grad_bias, conv.bits.rows())?;
        let images = saved.mask().words().len().saturating_mul(64);
        let filters = conv.bits.words().len().saturating_mul(64);
        let pieces = match dw {
            Some(_) => gradients::conv2d::FILTER_PIECES,
            None => 1,
        };
        working_memory([images, filters.saturating_mul(pieces), dy.len()])?;
        pool::run(|| {
            if dx.is_some() || dw.is_some() {
                let dsums = conv.epilogue.to_sums(dy)?;
                if let Some(dx) = dx {
                    gradients::conv2d::input(conv.conv(), conv.bits.view(), &saved, &dsums, dx)?;
                }
                if let Some(dw) = dw {
                    gradients::conv2d::filters(conv.conv(), &saved, &dsums, dw)?;
                }
            }
            if let Some(dscale) = dscale {
                gradients::conv2d::scale(&conv.packed, &saved, dy, dscale)?;
            }
            if let Some(dbias) = dbias {
                gradients::bias(dy, dbias)?;
            }
            Ok(())
        })?
    }
}
