//! What happens to a tile's sums: each ending writes them from the tile, so that a layer's `i32`
//! matrix never exists unless it is what was asked for.

use crate::kernel::{self, NR};
use crate::pack::gather;
use crate::shape::WORD;

/// An ending of a product.
pub(crate) trait Epilogue: Sync {
    /// What the output is made of.
    type Elem: Copy + Send;
    /// Output columns in one element. The driver hands columns over in order and never splits an
    /// element between two threads.
    #[cfg(feature = "std")]
    const COLUMNS: usize;

    /// Writes the outputs of the `used` columns `col ..` of one sample to `row`, from its column `at` on.
    /// `at` differs from `col` where a thread holds only a part of the row.
    fn write(
        &self,
        sums: &kernel::Sums,
        used: usize,
        col: usize,
        row: &mut [Self::Elem],
        at: usize,
    );
}

/// The sums themselves.
pub(crate) struct Sums;

impl Epilogue for Sums {
    type Elem = i32;
    #[cfg(feature = "std")]
    const COLUMNS: usize = 1;

    fn write(&self, sums: &kernel::Sums, used: usize, _col: usize, row: &mut [i32], at: usize) {
        let row = row.get_mut(at..).unwrap_or_default();
        match row.first_chunk_mut() {
            // Of a known length: no call of a copy routine.
            Some(row) if used == NR => *row = *sums,
            _ => row
                .iter_mut()
                .zip(sums)
                .take(used)
                .for_each(|(out, sum)| *out = *sum),
        }
    }
}

/// `scale * sum + bias`, rounded twice.
pub(crate) struct Affine<'a> {
    pub(crate) scale: &'a [f32],
    pub(crate) bias: &'a [f32],
}

impl Epilogue for Affine<'_> {
    type Elem = f32;
    #[cfg(feature = "std")]
    const COLUMNS: usize = 1;

    fn write(&self, sums: &kernel::Sums, used: usize, col: usize, row: &mut [f32], at: usize) {
        let scale = self.scale.get(col..col + used).unwrap_or_default();
        let bias = self.bias.get(col..col + used).unwrap_or_default();
        let row = row.get_mut(at..at + used).unwrap_or_default();
        for (((out, sum), scale), bias) in row.iter_mut().zip(sums).zip(scale).zip(bias) {
            *out = scale * *sum as f32 + bias;
        }
    }
}

/// One bit: whether the sum reaches the threshold.
pub(crate) struct Threshold<'a, T>(pub(crate) &'a [T]);

impl<T: Copy + Into<i32> + Sync> Epilogue for Threshold<'_, T> {
    type Elem = u64;
    #[cfg(feature = "std")]
    const COLUMNS: usize = WORD;

    fn write(&self, sums: &kernel::Sums, used: usize, col: usize, row: &mut [u64], at: usize) {
        let mut reached = [0_u8; NR.next_multiple_of(8)];
        let thresholds = self.0.get(col..col + used).unwrap_or_default();
        for ((reached, &sum), &threshold) in reached.iter_mut().zip(sums).zip(thresholds) {
            *reached = u8::from(sum >= threshold.into());
        }
        let bits = gather(&reached);
        let (shift, mut places) = (at % WORD, row.iter_mut().skip(at / WORD));
        // Columns come in order: the first ones of a word replace it, the others join them.
        if let Some(word) = places.next() {
            *word = if shift == 0 {
                bits
            } else {
                *word | bits << shift
            };
        }
        if shift + used > WORD
            && let Some(word) = places.next()
        {
            *word = bits >> (WORD - shift);
        }
    }
}
