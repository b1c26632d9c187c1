//! Products of packed matrices.

use crate::shape::{at_most, nonzero, packed, strided};
use crate::status::bnn_status_t;
use crate::threads::pool;

/// The largest `k` whose sums, `-k ..= k`, fit an `int32_t`.
pub(crate) const MAX_K: usize = i32::MAX as usize;

export! {
    /// Multiplies packed matrices: `c[i * c_stride + j] = sum over l < k of a[i, l] * b[j, l]`, for
    /// `i < m`, `j < n`, with elements in {-1, +1}. Both sides are rows of `k` bits, so that `b` is
    /// the weight matrix as layers keep it, a row per output. With `m = 1` it is the matrix-vector
    /// product. The sums are the same on every CPU and with any number of threads.
    ///
    /// A large product lays `b` out for the CPU's kernel, part by part, in up to 8 MiB of the
    /// library's memory, or reads it in place if there is none. To multiply with the same `b` many
    /// times, make a layer of it, or a model.
    ///
    /// - `a`: read, `m * bnn_row_words(k)` words, tail bits 0.
    /// - `b`: read, `n * bnn_row_words(k)` words, tail bits 0.
    /// - `c`: written, `(m - 1) * c_stride + n` numbers; `c_stride >= n` is counted in numbers. The
    ///   gaps between the rows are not written.
    ///
    /// `k` is at most 2147483647, so that a sum fits.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, RANGE, TAIL_BITS, OVERLAP, ISA_UNKNOWN,
    /// ISA_ABSENT.
    pub fn bnn_gemm_i32(
        a: *const u64,
        b: *const u64,
        m: usize,
        n: usize,
        k: usize,
        c: *mut i32,
        c_stride: usize,
    ) -> bnn_status_t {
        nonzero("m", m)?;
        nonzero("n", n)?;
        nonzero("k", k)?;
        at_most("k", MAX_K, k)?;
        let len = strided("c_stride", m, n, c_stride)?;
        let a = packed(a, m, k)?;
        let b = packed(b, n, k)?;
        let c = c.write(len)?;
        let words = m.saturating_mul(b.words().len());
        pool::run_products(words, || bnn_core::gemm_i32(a, b, c, c_stride))
    }
}
