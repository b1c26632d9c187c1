//! Signs as Larq Compute Engine packs them: 32 in a word, the first one lowest, and bit 1 is -1.

use crate::ImportError;
use crate::budget::Budget;

/// Signs of a word.
pub(super) const WORD: usize = 32;

/// Rows of `len` signs as -1 and +1, each row in whole words.
pub(super) fn unpack(
    words: &[i32],
    len: usize,
    budget: &mut Budget,
) -> Result<Vec<f32>, ImportError> {
    let per_row = len.div_ceil(WORD).max(1);
    let mut signs = budget.list(&[words.len() / per_row, len])?;
    for row in words.chunks_exact(per_row) {
        signs.extend((0..len).map(|i| match row[i / WORD] >> (i % WORD) & 1 {
            1 => -1.0,
            _ => 1.0,
        }));
    }
    Ok(signs)
}
