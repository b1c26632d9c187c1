//! The functions of an instruction set between numbers and bits, row by row.
//!
//! The slices given to a function fit each other; if they do not, which is a bug in the caller, the
//! function leaves the rest as it was. Tail bits are written as zeros.

/// Packs one row: bit 1 where the sign law gives `+1`. `bits` has `row_words(x.len())` words.
pub(crate) type PackRow<T> = fn(x: &[T], bits: &mut [u64]);

/// Writes one row of `+1` and `-1`. `bits` has `row_words(x.len())` words.
pub(crate) type UnpackRow<T> = fn(bits: &[u64], x: &mut [T]);

/// The functions of one instruction set.
pub(crate) struct Packing {
    pub(crate) f32: PackRow<f32>,
    pub(crate) f64: PackRow<f64>,
    pub(crate) i8: PackRow<i8>,
    /// Packs one row of bytes: bit 1 where `x >= threshold`.
    pub(crate) at_least: fn(x: &[u8], threshold: u8, bits: &mut [u64]),
    /// Bit `b` of every byte goes to plane `b`; `planes` holds whole planes of `row_words(x.len())`
    /// words, at most 8.
    pub(crate) split: fn(x: &[u8], planes: &mut [u64]),
    pub(crate) unpack_f32: UnpackRow<f32>,
    pub(crate) unpack_f64: UnpackRow<f64>,
    pub(crate) unpack_i8: UnpackRow<i8>,
    /// Transposes a matrix whose rows have `from_words` words to one whose rows have `to_words`;
    /// `from` has more than `64 * (to_words - 1)` rows, `to` more than `64 * (from_words - 1)`.
    #[cfg_attr(
        not(feature = "alloc"),
        expect(dead_code, reason = "a transposed matrix owns its words")
    )]
    pub(crate) transpose: fn(from: &[u64], from_words: usize, to: &mut [u64], to_words: usize),
}
