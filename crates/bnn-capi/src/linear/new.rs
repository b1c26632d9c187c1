//! Makes and frees layers.

use super::{bnn_linear_t, check_size};
use crate::boundary::{Input, NewHandle, OptionalInput};
use crate::error::Error;
use crate::layer::{Epilogue, latent, packed};
use crate::status::bnn_status_t;

/// Options of a linear layer. `bnn_linear_options_init` sets the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_linear_options_t {
    /// The gradient of `x` passes where `|x| <= clip`, and is 0 elsewhere: the straight-through
    /// estimator of the sign. More than 0; by default 1. INFINITY lets it pass everywhere except
    /// where `x` is NaN.
    pub clip: f32,
}

plain!(bnn_linear_options_t { clip });

const DEFAULT: bnn_linear_options_t = bnn_linear_options_t { clip: 1.0 };

fn new_f32(
    options: bnn_linear_options_t,
    w: Input<'_, f32>,
    [n, k]: [usize; 2],
    scale: Option<Input<'_, f32>>,
    bias: Option<Input<'_, f32>>,
    out: NewHandle<'_, bnn_linear_t>,
) -> Result<(), Error> {
    check_size(n, k)?;
    let bits = latent(w, n, k)?;
    let epilogue = Epilogue::new(n, scale, bias, options.clip)?;
    out.put(bnn_linear_t::new(bits, epilogue)?)
}

fn new_packed(
    options: bnn_linear_options_t,
    bits: Input<'_, u64>,
    bits_words: usize,
    [n, k]: [usize; 2],
    scale: Option<Input<'_, f32>>,
    bias: Option<Input<'_, f32>>,
    out: NewHandle<'_, bnn_linear_t>,
) -> Result<(), Error> {
    check_size(n, k)?;
    let bits = packed(bits, bits_words, n, k)?;
    let epilogue = Epilogue::new(n, scale, bias, options.clip)?;
    out.put(bnn_linear_t::new(bits, epilogue)?)
}

export! {
    /// Sets the options to their defaults.
    ///
    /// Errors: NULL, MISALIGNED.
    pub fn bnn_linear_options_init(options: *mut bnn_linear_options_t) -> bnn_status_t {
        options.place()?.put(DEFAULT);
        Ok(())
    }
}

export! {
    /// Makes a layer `y = scale * (sign(x) . sign(w)^T) + bias` from latent weights, of which it
    /// keeps the signs.
    ///
    /// - `w`: read, `[n, k]` floats: a row per output.
    /// - `scale`: read, `n` floats, a factor per output; NULL for factors of 1.
    /// - `bias`: read, `n` floats, a summand per output; NULL for summands of 0.
    /// - `out`: receives the layer, to be freed with `bnn_linear_free`. Written on success only.
    ///
    /// `k` is at most 2147483647. The layer keeps no pointer to the arguments.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE, NOT_FINITE (an element of `w`), OVERLAP,
    /// ISA_UNKNOWN, ISA_ABSENT.
    pub fn bnn_linear_new_f32(
        w: *const f32,
        n: usize,
        k: usize,
        scale: OptionalInput,
        bias: OptionalInput,
        out: *mut *mut bnn_linear_t,
    ) -> bnn_status_t {
        new_f32(DEFAULT, w, [n, k], scale, bias, out)
    }
}

export! {
    /// Makes a layer as `bnn_linear_new_f32` does, from weights that are already packed.
    ///
    /// - `bits`: read, `n * bnn_row_words(k)` words, tail bits 0; `bits_words`, its size in words,
    ///   may be larger.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, RANGE, TAIL_BITS, OVERLAP, ISA_UNKNOWN,
    /// ISA_ABSENT.
    pub fn bnn_linear_new_packed(
        bits: *const u64,
        bits_words: usize,
        n: usize,
        k: usize,
        scale: OptionalInput,
        bias: OptionalInput,
        out: *mut *mut bnn_linear_t,
    ) -> bnn_status_t {
        new_packed(DEFAULT, bits, bits_words, [n, k], scale, bias, out)
    }
}

export! {
    /// Makes a layer as `bnn_linear_new_f32` does, with options.
    ///
    /// Errors: as `bnn_linear_new_f32`; RANGE also where `clip` is not more than 0.
    pub fn bnn_linear_new_with_options_f32(
        options: *const bnn_linear_options_t,
        w: *const f32,
        n: usize,
        k: usize,
        scale: OptionalInput,
        bias: OptionalInput,
        out: *mut *mut bnn_linear_t,
    ) -> bnn_status_t {
        new_f32(options.get()?, w, [n, k], scale, bias, out)
    }
}

export! {
    /// Makes a layer as `bnn_linear_new_packed` does, with options.
    ///
    /// Errors: as `bnn_linear_new_packed`; RANGE also where `clip` is not more than 0.
    pub fn bnn_linear_new_with_options_packed(
        options: *const bnn_linear_options_t,
        bits: *const u64,
        bits_words: usize,
        n: usize,
        k: usize,
        scale: OptionalInput,
        bias: OptionalInput,
        out: *mut *mut bnn_linear_t,
    ) -> bnn_status_t {
        new_packed(options.get()?, bits, bits_words, [n, k], scale, bias, out)
    }
}

export! {
    /// Frees a layer, which no call may be using. NULL is legal and does nothing.
    pub fn bnn_linear_free(linear: Option<Box<bnn_linear_t>>) -> () {
        drop(linear);
        Ok(())
    }
}
