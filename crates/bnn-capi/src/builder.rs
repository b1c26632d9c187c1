//! Model files are put together of what was trained.

use crate::boundary::OptionalInput;
use crate::status::bnn_status_t;

/// A model file in the making. One thread at a time may use it. Needs a build with `std`.
#[derive(Debug)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_builder_t {
    file: Option<Vec<u8>>,
}

export! {
    /// Begins a model.
    ///
    /// - `element`: a `bnn_element_t`, what samples are made of: BNN_ELEMENT_BITS or BNN_ELEMENT_U8.
    /// - `element_bits`: 1 for bits; for unsigned integers 1 to 8: all elements are less than
    ///   `1 << element_bits`.
    /// - `out`: receives the builder, to be freed with `bnn_builder_free`. Written on success only.
    ///
    /// Errors: NULL, MISALIGNED, RANGE.
    pub fn bnn_builder_new(element: i32, element_bits: i32, out: *mut *mut bnn_builder_t) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Frees a builder. NULL is legal and does nothing.
    pub fn bnn_builder_free(builder: Option<Box<bnn_builder_t>>) {
        todo!()
    }
}

export! {
    /// Sets the text that the file keeps for people and tools, by convention lines of `key=value`
    /// that end in a line feed.
    ///
    /// - `text`: read, `len` bytes of UTF-8; not closed by a 0.
    ///
    /// Errors: NULL, MISALIGNED, RANGE (not UTF-8), LAYER (the model is finished).
    pub fn bnn_builder_meta(builder: *mut bnn_builder_t, text: *const u8, len: usize) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Adds a product with signs of weights, `sum[j] = sum over l < k of sign(x[l]) * sign(w[j, l])`,
    /// where `x` is what the layers so far give out, or the input; the signs of `x` are taken by
    /// themselves. If it is the first layer of a model of unsigned integers, `x[l]` itself stands in
    /// place of its sign.
    ///
    /// - `w`: read, `[n, k]` floats: latent weights, of which the signs count.
    ///
    /// Sums are at most 2^24 in magnitude, up to which training in floats is exact.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, LAYER (`k` is not what the layers so far give out,
    /// sums that are too large, or the model is finished).
    pub fn bnn_builder_linear_f32(
        builder: *mut bnn_builder_t,
        w: *const f32,
        n: usize,
        k: usize,
    ) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Adds `scale * x + bias` per column, product and sum rounded to a float each, behind a product:
    /// the scale and the bias of a layer, a folded batch norm. Where a sign follows, it becomes an
    /// integer threshold that is equal to the sign of that very expression for every sum.
    ///
    /// - `scale`: read, `n` floats; NULL for factors of 1.
    /// - `bias`: read, `n` floats; NULL for summands of 0.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE, LAYER (not behind a product or behind
    /// another such layer, `n` is not the product's, or the model is finished).
    pub fn bnn_builder_affine_f32(
        builder: *mut bnn_builder_t,
        scale: OptionalInput,
        bias: OptionalInput,
        n: usize,
    ) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Adds a batch norm with fixed statistics, as it is in evaluation: with
    /// `a = gamma / sqrt(var + eps)` it is `a * x + (beta - mean * a)`, each operation rounded to a
    /// float. Otherwise as `bnn_builder_affine_f32`.
    ///
    /// - `mean`, `var`: read, `n` floats each: the running statistics.
    /// - `gamma`: read, `n` floats; NULL for factors of 1.
    /// - `beta`: read, `n` floats; NULL for summands of 0.
    ///
    /// Errors: as `bnn_builder_affine_f32`.
    pub fn bnn_builder_batch_norm_f32(
        builder: *mut bnn_builder_t,
        gamma: OptionalInput,
        beta: OptionalInput,
        mean: *const f32,
        var: *const f32,
        eps: f32,
        n: usize,
    ) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Adds a sign: at the end of a model it makes the output bits. In front of a product it may be
    /// left out.
    ///
    /// Errors: NULL, MISALIGNED, LAYER (of an unsigned input, or the model is finished).
    pub fn bnn_builder_sign(builder: *mut bnn_builder_t) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Finishes the model: nothing can be added any more, and `bnn_builder_file` hands out its bytes.
    /// The output of the model is scores (BNN_ELEMENT_F32) behind an affine map or a batch norm, sums
    /// (BNN_ELEMENT_I32) behind a product, bits (BNN_ELEMENT_BITS) behind a sign.
    ///
    /// - `file_bytes`: written: the size of the file.
    ///
    /// Errors: NULL, MISALIGNED, LAYER (no product, or finished before), OVERFLOW.
    pub fn bnn_builder_finish(builder: *mut bnn_builder_t, file_bytes: *mut usize) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Copies the bytes of the finished model.
    ///
    /// - `bytes`: written, as many bytes as `bnn_builder_finish` said; `len`, its size, may be larger,
    ///   and what lies behind stays as it was. For `bnn_model_open` it begins at a multiple of 8.
    ///
    /// Errors: NULL, MISALIGNED, TOO_SHORT, LAYER (not finished).
    pub fn bnn_builder_file(builder: *const bnn_builder_t, bytes: *mut u8, len: usize) -> bnn_status_t {
        todo!()
    }
}
