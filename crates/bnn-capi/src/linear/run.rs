//! Forward and backward passes.

use super::bnn_linear_t;
use crate::boundary::OptionalOutput;
use crate::status::bnn_status_t;

export! {
    /// Outputs and inputs of a layer.
    ///
    /// - `n`, `k`: written, a number each.
    ///
    /// Errors: NULL, MISALIGNED, OVERLAP.
    pub fn bnn_linear_size(linear: *const bnn_linear_t, n: *mut usize, k: *mut usize) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Computes `y[i, j] = scale[j] * sum + bias[j]` with
    /// `sum = sum over l < k of sign(x[i, l]) * sign(w[j, l])`, for `i < m`, `j < n`. The sum is exact
    /// (rounded to a float once beyond 2^24); product and sum are each rounded, never fused. The
    /// results are the same on every CPU and with any number of threads.
    ///
    /// - `x`: read, `[m, k]` floats without gaps.
    /// - `y`: written, `[m, n]` floats without gaps.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, OVERLAP.
    pub fn bnn_linear_forward_f32(
        linear: *const bnn_linear_t,
        x: *const f32,
        m: usize,
        y: *mut f32,
    ) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Words (`uint64_t`) that a saving forward pass of `m` rows of `k` elements writes:
    /// `2 * m * bnn_row_words(k)`, a sign and a bit of the range mask per element. 0 where that
    /// overflows, or a size is 0.
    pub fn bnn_linear_saved_words(m: usize, k: usize) -> usize {
        todo!()
    }
}

export! {
    /// As `bnn_linear_forward_f32`, and saves what `bnn_linear_backward_f32` needs of `x`: the packed
    /// signs `[m, k]`, and behind them, packed likewise, whether `|x| <= clip`.
    ///
    /// - `saved`: written, `bnn_linear_saved_words(m, k)` words; `saved_words`, its size in words, may
    ///   be larger, and what lies behind stays as it was.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, OVERLAP.
    pub fn bnn_linear_forward_saving_f32(
        linear: *const bnn_linear_t,
        x: *const f32,
        m: usize,
        y: *mut f32,
        saved: *mut u64,
        saved_words: usize,
    ) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Computes the gradients of a loss, given the one with respect to `y`. Those that are NULL are
    /// skipped, and cost nothing.
    ///
    /// - `saved`: read, what `bnn_linear_forward_saving_f32` saved of the same `m` rows;
    ///   `saved_words`, its size in words, may be larger.
    /// - `grad_y`: read, `[m, n]` floats.
    /// - `grad_x`: written, `[m, k]` floats: `(grad_y * scale) . sign(w)` where `|x| <= clip`, else 0.
    /// - `grad_w`: written, `[n, k]` floats: `(grad_y * scale)^T . sign(x)`, the gradient with respect
    ///   to `sign(w)`. The straight-through estimator hands it to the latent `w` as it is.
    /// - `grad_scale`: written, `n` floats: `sum over i of grad_y[i, j] * sum[i, j]`, the sums
    ///   computed again from the saved signs.
    /// - `grad_bias`: written, `n` floats: `sum over i of grad_y[i, j]`.
    ///
    /// The results are the same with any number of threads.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, TAIL_BITS, OVERLAP.
    pub fn bnn_linear_backward_f32(
        linear: *const bnn_linear_t,
        saved: *const u64,
        saved_words: usize,
        grad_y: *const f32,
        m: usize,
        grad_x: OptionalOutput,
        grad_w: OptionalOutput,
        grad_scale: OptionalOutput,
        grad_bias: OptionalOutput,
    ) -> bnn_status_t {
        todo!()
    }
}
