//! Sizes as C gives them, checked before any memory is looked at and named as in the header.

use bnn_core::{BitMatrixView, Error as Core, matrix_words};

use crate::boundary::Input;
use crate::error::Error;

/// Refuses a dimension of 0.
pub(crate) fn nonzero(what: &'static str, size: usize) -> Result<(), Error> {
    if size == 0 {
        return Err(Core::Zero { what }.into());
    }
    Ok(())
}

/// Refuses a size below `needed`.
pub(crate) fn at_least(what: &'static str, needed: usize, found: usize) -> Result<(), Error> {
    if found < needed {
        return Err(Core::TooShort {
            what,
            needed,
            found,
        }
        .into());
    }
    Ok(())
}

/// Refuses a size above `max`.
pub(crate) fn at_most(what: &'static str, max: usize, found: usize) -> Result<(), Error> {
    if found > max {
        return Err(Core::OutOfRange { what, max, found }.into());
    }
    Ok(())
}

/// Elements from the first of `rows` rows of `cols`, `stride` apart, to the last:
/// `(rows - 1) * stride + cols`.
pub(crate) fn strided(
    what: &'static str,
    rows: usize,
    cols: usize,
    stride: usize,
) -> Result<usize, Error> {
    at_least(what, cols, stride)?;
    let before_last = rows.saturating_sub(1).checked_mul(stride);
    let all = before_last.and_then(|before| before.checked_add(cols));
    Ok(all.ok_or(Core::Overflow { what })?)
}

/// The packed matrix `[rows, cols]` that `input` points to, its tail bits checked.
pub(crate) fn packed<'call>(
    input: Input<'call, u64>,
    rows: usize,
    cols: usize,
) -> Result<BitMatrixView<'call>, Error> {
    let argument = input.name();
    let within = |error| Error::Argument { argument, error };
    let words = input.read(matrix_words(rows, cols).map_err(within)?)?;
    BitMatrixView::new(words, rows, cols).map_err(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strided_matrix_ends_with_its_last_row() {
        assert_eq!(strided("s", 1, 5, 5), Ok(5));
        assert_eq!(strided("s", 3, 5, 7), Ok(19));
        assert_eq!(strided("s", 1, 5, usize::MAX), Ok(5));
        let overflow = Err(Error::Core(Core::Overflow { what: "s" }));
        assert_eq!(strided("s", 3, 5, usize::MAX), overflow);
        assert_eq!(strided("s", 2, 5, usize::MAX - 4), overflow);
        assert!(strided("s", 3, 5, 4).is_err());
    }
}
