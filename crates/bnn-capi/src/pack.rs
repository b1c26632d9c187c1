//! Numbers to bits and back.

use bnn_core::{BitMatrixViewMut, Kernel, matrix_words};

use crate::shape::{at_least, nonzero, packed, strided};
use crate::status::bnn_status_t;

export! {
    /// Words (`uint64_t`) that one packed row of `k` elements takes: `ceil(k / 64)`. Cannot fail.
    pub fn bnn_row_words(k: usize) -> usize {
        Ok(bnn_core::row_words(k))
    }
}

export! {
    /// Packs the signs of `x` into `bits`: element `x[r * x_stride + j]` becomes bit `j % 64` of
    /// word `bits[r * bnn_row_words(k) + j / 64]`, for `r < rows`, `j < k`; tail bits become 0.
    ///
    /// - `x`: read, `(rows - 1) * x_stride + k` floats; `x_stride >= k` is counted in floats.
    /// - `bits`: written, `rows * bnn_row_words(k)` words; `bits_words`, its size in words, may be
    ///   larger, and words after those are not written.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, OVERLAP, ISA_UNKNOWN, ISA_ABSENT.
    pub fn bnn_pack_f32(
        x: *const f32,
        rows: usize,
        k: usize,
        x_stride: usize,
        bits: *mut u64,
        bits_words: usize,
    ) -> bnn_status_t {
        nonzero("rows", rows)?;
        nonzero("k", k)?;
        let words = matrix_words(rows, k)?;
        at_least("bits_words", words, bits_words)?;
        let x = x.read(strided("x_stride", rows, k, x_stride)?)?;
        // Asked before the output is cleared: an error writes nothing.
        Kernel::active()?;
        let mut bits = BitMatrixViewMut::cleared(bits.write(words)?, rows, k)?;
        Ok(bnn_core::pack(x, x_stride, &mut bits)?)
    }
}

export! {
    /// Unpacks `bits` into `x`: `x[r * x_stride + j]` becomes `+1.0f` or `-1.0f`, for `r < rows`,
    /// `j < k`. The gaps between the rows of `x` are not written.
    ///
    /// - `bits`: read, `rows * bnn_row_words(k)` words, tail bits 0; `bits_words`, its size in
    ///   words, may be larger.
    /// - `x`: written, `(rows - 1) * x_stride + k` floats; `x_stride >= k` is counted in floats.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TOO_SHORT, TAIL_BITS, OVERLAP, ISA_UNKNOWN,
    /// ISA_ABSENT.
    pub fn bnn_unpack_f32(
        bits: *const u64,
        bits_words: usize,
        rows: usize,
        k: usize,
        x: *mut f32,
        x_stride: usize,
    ) -> bnn_status_t {
        nonzero("rows", rows)?;
        nonzero("k", k)?;
        at_least("bits_words", matrix_words(rows, k)?, bits_words)?;
        let len = strided("x_stride", rows, k, x_stride)?;
        let bits = packed(bits, rows, k)?;
        Ok(bnn_core::unpack(bits, x.write(len)?, x_stride)?)
    }
}
