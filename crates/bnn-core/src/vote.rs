//! The majority of rows of bits, counted in bit slices.

use crate::bits::BitMatrixView;
use crate::error::Error;

/// Words that are counted together, a vector's worth.
const LANES: usize = 8;

/// Bit slices of a count: of at most `2^32 - 1` rows.
const SLICES: usize = 32;

/// Writes, for each column of `votes`, the bit that most rows have; where as many rows have the one
/// as the other, the bit of `ties`. `ties` and `out` are one row of words each.
///
/// Bit `i` of 64 counts at once lies in slice `i`; adding a vote is a ripple carry through the
/// slices (D. E. Knuth, "The Art of Computer Programming" 4A, section 7.1.3).
///
/// # Errors
/// [`Error::OutOfRange`] if there are `2^32` rows, [`Error::Mismatch`] if `ties` or `out` has not
/// the words of a row.
pub fn majority(votes: BitMatrixView<'_>, ties: &[u64], out: &mut [u64]) -> Result<(), Error> {
    let rows = votes.rows();
    if u32::try_from(rows).is_err() {
        return Err(Error::OutOfRange {
            what: "the number of votes",
            max: u32::MAX as usize,
            found: rows,
        });
    }
    let expected = votes.row(0).len();
    for (what, found) in [
        ("words that decide ties", ties.len()),
        ("words of the majority", out.len()),
    ] {
        if found != expected {
            return Err(Error::Mismatch {
                what,
                expected,
                found,
            });
        }
    }
    let used = (usize::BITS - rows.leading_zeros()) as usize;
    for (block, (out, ties)) in out.chunks_mut(LANES).zip(ties.chunks(LANES)).enumerate() {
        let range = block * LANES..block * LANES + out.len();
        let mut slices = [[0_u64; LANES]; SLICES];
        let slices = slices.get_mut(..used).unwrap_or_default();
        for row in 0..rows {
            add(
                slices,
                votes.row(row).get(range.clone()).unwrap_or_default(),
            );
        }
        let [more, equal] = compare(slices, rows / 2);
        for (((out, more), equal), tie) in out.iter_mut().zip(more).zip(equal).zip(ties) {
            *out = match rows.is_multiple_of(2) {
                true => more | (equal & tie),
                false => more,
            };
        }
    }
    Ok(())
}

/// Counts a vote of each column.
fn add(slices: &mut [[u64; LANES]], votes: &[u64]) {
    let mut carry = [0; LANES];
    for (carry, vote) in carry.iter_mut().zip(votes) {
        *carry = *vote;
    }
    for slice in slices {
        for (slice, carry) in slice.iter_mut().zip(&mut carry) {
            let over = *slice & *carry;
            *slice ^= *carry;
            *carry = over;
        }
    }
}

/// The columns whose count is greater than `half`, and those whose count is `half`.
fn compare(slices: &[[u64; LANES]], half: usize) -> [[u64; LANES]; 2] {
    let (mut more, mut equal) = ([0; LANES], [u64::MAX; LANES]);
    for (bit, slice) in slices.iter().enumerate().rev() {
        let half = match half >> bit & 1 {
            1 => u64::MAX,
            _ => 0,
        };
        for ((more, equal), slice) in more.iter_mut().zip(&mut equal).zip(slice) {
            *more |= *equal & slice & !half;
            *equal &= !(slice ^ half);
        }
    }
    [more, equal]
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use core::cmp::Ordering;

    use super::*;
    use crate::bits::BitMatrix;
    use crate::noise::noise;

    fn votes(rows: usize, cols: usize) -> Result<BitMatrix, Error> {
        let numbers = noise((rows * 1000 + cols) as u64, rows * cols);
        BitMatrix::pack(&numbers, rows, cols)
    }

    #[test]
    fn each_column_gets_the_bit_that_most_rows_have() -> Result<(), Error> {
        for rows in (1..=9).chain([15, 16, 17, 64]) {
            for cols in [1, 63, 64, 65, 511, 512, 513, 1100] {
                let votes = votes(rows, cols)?;
                let votes = votes.view();
                let ties = BitMatrix::pack(&noise(cols as u64, cols), 1, cols)?;
                let mut out = vec![0; ties.words().len()];
                majority(votes, ties.words(), &mut out)?;
                let out = BitMatrix::from_words(out, 1, cols)?;
                for column in 0..cols {
                    let has = |row: &usize| votes.get(*row, column) == Some(true);
                    let plus = (0..rows).filter(has).count();
                    let expected = match (2 * plus).cmp(&rows) {
                        Ordering::Equal => ties.view().get(0, column),
                        other => Some(other.is_gt()),
                    };
                    let found = out.view().get(0, column);
                    assert_eq!(found, expected, "{rows} x {cols}, {column}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn rows_of_other_lengths_are_refused() -> Result<(), Error> {
        let votes = votes(3, 70)?;
        let mut out = [7; 2];
        assert!(majority(votes.view(), &[0; 3], &mut out).is_err());
        assert!(majority(votes.view(), &[0; 2], &mut out[..1]).is_err());
        assert_eq!(out, [7; 2]);
        Ok(())
    }
}
