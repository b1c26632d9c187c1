//! Forward and backward passes.

use bnn_autograd::internal::gradients::{self, SavedInput};

use super::bnn_linear_t;
use crate::boundary::OptionalOutput;
use crate::layer::{room, saved as saved_input, wanted, working_memory};
use crate::shape::nonzero;
use crate::status::bnn_status_t;
use crate::threads::pool;

export! {
    /// Outputs and inputs of a layer.
    ///
    /// - `n`, `k`: written, a number each.
    ///
    /// Errors: NULL, MISALIGNED, OVERLAP.
    pub fn bnn_linear_size(linear: *const bnn_linear_t, n: *mut usize, k: *mut usize) -> bnn_status_t {
        let (n, k) = (n.place()?, k.place()?);
        n.put(linear.n());
        k.put(linear.k());
        Ok(())
    }
}

export! {
    /// Computes `y[i, j] = scale[j] * sum + bias[j]` with `sum = sum over l < k of sign(x[i, l]) *
    /// sign(w[j, l])`, for `i < m`, `j < n`. The sum is exact (rounded to a float once beyond
    /// 2^24); product and sum are each rounded, never fused. The results are the same on every CPU
    /// and with any number of threads.
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
        nonzero("m", m)?;
        let x = x.read(bnn_linear_t::elements(m, linear.k())?)?;
        let y = y.write(bnn_linear_t::elements(m, linear.n())?)?;
        linear.forward_floats(x, m, y)
    }
}

export! {
    /// Words (`uint64_t`) that a saving forward pass of `m` rows of `k` elements writes:
    /// `2 * m * bnn_row_words(k)`, a sign and a bit of the range mask per element. 0 if the
    /// product overflows or a size is 0.
    pub fn bnn_linear_saved_words(m: usize, k: usize) -> usize {
        Ok(SavedInput::words(m, k)?)
    }
}

export! {
    /// Computes what `bnn_linear_forward_f32` does, and saves what `bnn_linear_backward_f32` needs
    /// of `x`: the packed signs `[m, k]`, followed by one packed bit per element that says whether
    /// `|x| <= clip`.
    ///
    /// - `saved`: written, `bnn_linear_saved_words(m, k)` words; `saved_words`, its size in words,
    ///   may be larger, and words after those are not written.
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
        nonzero("m", m)?;
        let k = linear.k();
        let x = x.read(bnn_linear_t::elements(m, k)?)?;
        let y = y.write(bnn_linear_t::elements(m, linear.n())?)?;
        let saved = room(saved, saved_words, m, k)?;
        let clip = linear.epilogue.clip;
        let saved = pool::run(|| SavedInput::save(x, m, k, clip, saved))??;
        linear.forward(saved.signs(), m, y)
    }
}

export! {
    /// Computes the gradients of a loss, given the gradient with respect to `y`. Gradients whose
    /// pointer is NULL are skipped and cost nothing.
    ///
    /// - `saved`: read, what `bnn_linear_forward_saving_f32` saved of the same `m` rows;
    ///   `saved_words`, its size in words, may be larger.
    /// - `grad_y`: read, `[m, n]` floats.
    /// - `grad_x`: written, `[m, k]` floats: `(grad_y * scale) . sign(w)` where `|x| <= clip`, else
    ///   0.
    /// - `grad_w`: written, `[n, k]` floats: `(grad_y * scale)^T . sign(x)`, the gradient with
    ///   respect to `sign(w)`. The straight-through estimator applies it to the latent `w`
    ///   unchanged.
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
        nonzero("m", m)?;
        let (n, k) = (linear.n(), linear.k());
        let saved = saved_input(saved, saved_words, m, k)?;
        let dy = grad_y.read(bnn_linear_t::elements(m, n)?)?;
        let dx = wanted(grad_x, bnn_linear_t::elements(m, k)?)?;
        let dw = wanted(grad_w, bnn_linear_t::elements(n, k)?)?;
        let dscale = wanted(grad_scale, n)?;
        let dbias = wanted(grad_bias, n)?;
        // No product is larger than the matrices that are given, whose sizes are known to fit.
        working_memory([m * n, m.saturating_mul(k), n * k])?;
        pool::run(|| {
            if dx.is_some() || dw.is_some() {
                let dsums = linear.epilogue.to_sums(dy)?;
                if let Some(dx) = dx {
                    gradients::linear::input(linear.bits.view(), &saved, &dsums, dx)?;
                }
                if let Some(dw) = dw {
                    gradients::linear::weights(&saved, &dsums, dw)?;
                }
            }
            if let Some(dscale) = dscale {
                gradients::linear::scale(&linear.packed, &saved, dy, dscale)?;
            }
            if let Some(dbias) = dbias {
                gradients::bias(dy, dbias)?;
            }
            Ok(())
        })?
    }
}
