//! Checked arithmetic on shapes: every size that memory or a kernel depends on is computed here.

use crate::error::Error;

/// Bits in a word.
pub(crate) const WORD: usize = 64;

/// Words that one row of `k` bits takes: `ceil(k / 64)`.
#[must_use]
pub const fn row_words(k: usize) -> usize {
    k.div_ceil(WORD)
}

/// A number that is known not to be zero, in a form that tells the compiler: if it divides, or cuts
/// a slice into rows, no check for zero remains and no panic.
pub(crate) const fn positive(n: usize) -> usize {
    match n {
        0 => 1,
        n => n,
    }
}

/// [`row_words`] of a row that is not empty; see [`positive`].
pub(crate) const fn row_len(k: usize) -> usize {
    positive(row_words(k))
}

/// Words that `rows` rows of `cols` bits take.
///
/// # Errors
/// [`Error::Zero`] for a zero dimension, [`Error::Overflow`] if `rows * row_words(cols)` words
/// cannot be addressed.
pub fn matrix_words(rows: usize, cols: usize) -> Result<usize, Error> {
    nonzero("rows", rows)?;
    nonzero("columns", cols)?;
    let words = mul("rows * words per row", rows, row_words(cols))?;
    // A slice never holds more than isize::MAX bytes.
    if words > isize::MAX as usize / size_of::<u64>() {
        return Err(Error::Overflow {
            what: "rows * words per row",
        });
    }
    Ok(words)
}

/// The mask of the bits in use in the last word of a row of `cols` bits.
pub(crate) const fn last_word_mask(cols: usize) -> u64 {
    match cols % WORD {
        0 => u64::MAX,
        used => (1 << used) - 1,
    }
}

pub(crate) fn nonzero(what: &'static str, n: usize) -> Result<usize, Error> {
    if n == 0 {
        return Err(Error::Zero { what });
    }
    Ok(n)
}

pub(crate) fn mul(what: &'static str, a: usize, b: usize) -> Result<usize, Error> {
    a.checked_mul(b).ok_or(Error::Overflow { what })
}

pub(crate) fn equal(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if expected != found {
        return Err(Error::Mismatch {
            what,
            expected,
            found,
        });
    }
    Ok(())
}

pub(crate) fn at_least(what: &'static str, needed: usize, found: usize) -> Result<(), Error> {
    if found < needed {
        return Err(Error::TooShort {
            what,
            needed,
            found,
        });
    }
    Ok(())
}

/// Checks that a slice of `len` elements holds `rows` rows of `cols` elements, `stride` apart.
pub(crate) fn strided(
    what: &'static str,
    len: usize,
    rows: usize,
    cols: usize,
    stride: usize,
) -> Result<(), Error> {
    at_least("row stride", cols, stride)?;
    let needed = mul(what, rows.saturating_sub(1), stride)?
        .checked_add(cols)
        .ok_or(Error::Overflow { what })?;
    at_least(what, needed, len)
}

/// Checks that the sum of a dot product of `k` elements fits an `i32`; `steps` is the largest
/// magnitude of an input (1 for bits, 255 for bytes).
pub(crate) fn sum_fits(k: usize, steps: usize) -> Result<(), Error> {
    let max = i32::MAX as usize / steps.max(1);
    if k > max {
        return Err(Error::OutOfRange {
            what: "elements per dot product (k)",
            max,
            found: k,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_overflow_are_errors() {
        assert_eq!(matrix_words(3, 65), Ok(6));
        assert_eq!(matrix_words(0, 1), Err(Error::Zero { what: "rows" }));
        assert_eq!(matrix_words(1, 0), Err(Error::Zero { what: "columns" }));
        assert!(matrix_words(usize::MAX, 65).is_err());
        assert!(matrix_words(usize::MAX / 8, 64).is_err());
        assert!(strided("x", usize::MAX, usize::MAX, 2, usize::MAX).is_err());
        assert!(strided("x", 10, 3, 4, 3).is_err());
        assert_eq!(strided("x", 10, 3, 2, 4), Ok(()));
        assert!(sum_fits(i32::MAX as usize, 1).is_ok());
        assert!(sum_fits(i32::MAX as usize, 255).is_err());
    }

    #[test]
    fn the_last_word_mask_covers_the_row() {
        assert_eq!(last_word_mask(1), 1);
        assert_eq!(last_word_mask(63), u64::MAX >> 1);
        assert_eq!(last_word_mask(64), u64::MAX);
        assert_eq!(last_word_mask(65), 1);
    }
}
