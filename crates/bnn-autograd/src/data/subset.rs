//! Parts of a data set: chosen samples, and a share of them set aside for testing.

use std::collections::HashMap;

use super::random::{Purpose, permutation, stream};
use super::{DataError, Dataset, Split};

impl Dataset {
    /// The samples at `indices`, in that order and repeated if named twice, as a set of its own.
    ///
    /// # Errors
    ///
    /// [`DataError::SampleIndex`] if an index is not less than [`samples`](Self::samples),
    /// [`DataError::Zero`] without indices.
    pub fn subset(&self, indices: &[usize]) -> Result<Self, DataError> {
        let mut pixels = Vec::with_capacity(indices.len().saturating_mul(self.features()));
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            pixels.extend_from_slice(self.image(index)?);
            labels.push(self.labels()[index]);
        }
        Self::new(self.name(), self.layout(), pixels, labels)?
            .with_class_names(self.class_names().to_vec())
    }

    /// Sets aside `test_share` of the samples for testing, rounded to whole samples and drawn from
    /// `seed`. Every class has its share to within one sample, so that rare classes are tested too.
    /// Samples are ordered by class in both parts.
    ///
    /// # Errors
    ///
    /// [`DataError::TestShare`] if that leaves nothing to train on or nothing to test by.
    ///
    /// ```
    /// use bnn_autograd::data::{self, DataError};
    ///
    /// let train = data::digits()?.train;
    /// let split = train.split(0.25, 7)?;
    /// assert_eq!((split.train.samples(), split.test.samples()), (1078, 359));
    /// assert!(matches!(train.split(1.0, 7), Err(DataError::TestShare { .. })));
    /// # Ok::<(), DataError>(())
    /// ```
    pub fn split(&self, test_share: f64, seed: u64) -> Result<Split, DataError> {
        let (train, test) = split_by_share(self.labels(), test_share, seed)?;
        Ok(Split {
            train: self.subset(&train)?,
            test: self.subset(&test)?,
        })
    }

    /// Sets aside `test` samples, spread evenly over the samples in the order of their classes.
    pub(super) fn split_in_order(&self, test: usize) -> Result<Split, DataError> {
        let order = by_class(self.labels(), 0..self.samples());
        let (train, test) = spread_evenly(&order, test);
        Ok(Split {
            train: self.subset(&train)?,
            test: self.subset(&test)?,
        })
    }
}

/// The indices of `count` samples, or of all if there are fewer, with as many of each label as its
/// share of the set to within one. The labels take turns, so that each part of the list from its
/// start on has as many of them as it can.
///
/// ```
/// use bnn_autograd::data;
/// use bnn_autograd::internal::data::spread;
///
/// let test = data::digits()?.test;
/// let fifty = spread(test.labels(), 50);
/// let labels: Vec<u16> = fifty.into_iter().map(|i| test.labels()[i]).collect();
/// assert_eq!(labels[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
/// # Ok::<(), data::DataError>(())
/// ```
#[must_use]
pub fn spread(labels: &[u16], count: usize) -> Vec<usize> {
    let order = by_class(labels, 0..labels.len());
    let chosen = spread_evenly(&order, count.min(order.len())).1;
    let mut taken = HashMap::<u16, usize>::new();
    let mut turns: Vec<(usize, u16, usize)> = chosen
        .into_iter()
        .map(|index| {
            let turn = taken.entry(labels[index]).or_default();
            *turn += 1;
            (*turn, labels[index], index)
        })
        .collect();
    turns.sort_unstable();
    turns.into_iter().map(|(_, _, index)| index).collect()
}

/// The indices of the samples to train on, and of those to test by: a share of each class, drawn
/// from the seed, as [`Dataset::split`] says.
///
/// # Errors
/// [`DataError::TestShare`] if that leaves nothing to train on or nothing to test by.
pub fn split_by_share(
    labels: &[u16],
    test_share: f64,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    let samples = labels.len();
    // A cast from float saturates, and takes NaN to 0.
    let test = (test_share * samples as f64).round() as usize;
    if test == 0 || test >= samples {
        let share = test_share;
        return Err(DataError::TestShare { share, samples });
    }
    let order = permutation(samples, stream(seed, 0, Purpose::Split));
    Ok(spread_evenly(&by_class(labels, order), test))
}

/// The indices in the order of their labels, those of one label as they came.
fn by_class(labels: &[u16], indices: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut order: Vec<usize> = indices.into_iter().collect();
    order.sort_by_key(|&index| labels[index]);
    order
}

/// Spreads `count` over the positions of `order`: position `p` of `n` is chosen iff
/// `floor((p + 1) * count / n) > floor(p * count / n)`. In an order by class, every class has its
/// share to within one. Returns what was not chosen, and what was.
fn spread_evenly(order: &[usize], count: usize) -> (Vec<usize>, Vec<usize>) {
    // The product of two counts of what is in memory may pass 64 bits.
    let up_to = |position: usize| position as u128 * count as u128 / order.len() as u128;
    let chosen = |position: usize| up_to(position + 1) > up_to(position);
    let (chosen, left): (Vec<_>, Vec<_>) = (0..order.len()).partition(|&position| chosen(position));
    let indices = |positions: Vec<usize>| positions.into_iter().map(|p| order[p]).collect();
    (indices(left), indices(chosen))
}

#[cfg(test)]
mod laws;
