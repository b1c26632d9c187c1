//! Makes and frees convolutions.

use super::{bnn_conv2d_options_t, bnn_conv2d_t};
use crate::boundary::OptionalInput;
use crate::layer::{Epilogue, latent, packed};
use crate::status::bnn_status_t;

export! {
    /// Makes a convolution `y = scale * (sign(x) * sign(w)) + bias` from latent filters, of which
    /// it keeps the signs. Filters are not flipped: this is the cross-correlation that all
    /// frameworks call convolution.
    ///
    /// - `w`: read, `[outputs, kernel_height, kernel_width, channels / groups]` floats.
    /// - `scale`: read, `outputs` floats, a factor per output; NULL for factors of 1.
    /// - `bias`: read, `outputs` floats, a summand per output; NULL for summands of 0.
    /// - `out`: receives the convolution, to be freed with `bnn_conv2d_free`. Written on success
    ///   only.
    ///
    /// The convolution keeps no pointer to the arguments.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE (a kernel larger than the padded image,
    /// `pad_value`, `clip`, filters of more than 2147483647 elements), INDIVISIBLE (by groups),
    /// NOT_FINITE (an element of `w`), OVERLAP, ISA_UNKNOWN, ISA_ABSENT.
    pub fn bnn_conv2d_new_f32(
        options: *const bnn_conv2d_options_t,
        w: *const f32,
        scale: OptionalInput,
        bias: OptionalInput,
        out: *mut *mut bnn_conv2d_t,
    ) -> bnn_status_t {
        let options = options.get()?;
        let conv = options.conv()?;
        let (outputs, patch) = (conv.outputs(), conv.patch_len());
        let bits = latent(w, outputs, patch)?;
        let epilogue = Epilogue::new(outputs, scale, bias, options.clip)?;
        out.put(bnn_conv2d_t::new(&conv, bits, epilogue)?)
    }
}

export! {
    /// Makes a convolution as `bnn_conv2d_new_f32` does, from filters that are already packed: a
    /// row of `k = kernel_height * kernel_width * (channels / groups)` bits per output.
    ///
    /// - `bits`: read, `outputs * bnn_row_words(k)` words, tail bits 0; `bits_words`, its size in
    ///   words, may be larger.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, RANGE (as in `bnn_conv2d_new_f32`),
    /// INDIVISIBLE, TAIL_BITS, OVERLAP, ISA_UNKNOWN, ISA_ABSENT.
    pub fn bnn_conv2d_new_packed(
        options: *const bnn_conv2d_options_t,
        bits: *const u64,
        bits_words: usize,
        scale: OptionalInput,
        bias: OptionalInput,
        out: *mut *mut bnn_conv2d_t,
    ) -> bnn_status_t {
        let options = options.get()?;
        let conv = options.conv()?;
        let (outputs, patch) = (conv.outputs(), conv.patch_len());
        let bits = packed(bits, bits_words, outputs, patch)?;
        let epilogue = Epilogue::new(outputs, scale, bias, options.clip)?;
        out.put(bnn_conv2d_t::new(&conv, bits, epilogue)?)
    }
}

export! {
    /// Frees a convolution, which no call may be using. NULL is legal and does nothing.
    pub fn bnn_conv2d_free(conv: Option<Box<bnn_conv2d_t>>) -> () {
        drop(conv);
        Ok(())
    }
}
