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
pub(super) fn split_by_share(
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
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::data::Layout;
    use proptest::prelude::*;

    /// Sample `i` has the pixels `i` and `i / 256`, so that every sample is told apart.
    fn numbered(labels: Vec<u16>) -> Dataset {
        let layout = Layout {
            width: 1,
            height: 1,
            channels: 2,
            classes: 3,
            white: u8::MAX,
        };
        let pixels = (0..labels.len()).flat_map(|i| [i as u8, (i >> 8) as u8]);
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let set = Dataset::new("numbered", layout, pixels.collect(), labels).unwrap();
        set.with_class_names(names).unwrap()
    }

    fn numbers(set: &Dataset) -> Vec<usize> {
        let pairs = set.pixels().chunks(2);
        pairs
            .map(|p| usize::from(p[0]) | usize::from(p[1]) << 8)
            .collect()
    }

    fn count(labels: &[u16], class: u16) -> usize {
        labels.iter().filter(|&&label| label == class).count()
    }

    #[test]
    fn a_subset_is_its_samples_and_keeps_the_names() {
        let set = numbered(vec![0, 1, 2, 1]);
        let part = set.subset(&[3, 0, 3]).unwrap();
        assert_eq!(numbers(&part), [3, 0, 3]);
        assert_eq!(part.labels(), [1, 0, 1]);
        assert_eq!(part.class_names(), set.class_names());
        assert!(matches!(set.subset(&[]), Err(DataError::Zero { .. })));
        assert!(matches!(
            set.subset(&[4]),
            Err(DataError::SampleIndex {
                index: 4,
                samples: 4
            })
        ));
    }

    #[test]
    fn a_share_that_leaves_a_part_empty_is_refused() {
        let set = numbered(vec![0; 10]);
        for share in [0.0, 0.04, 0.96, 1.0, -1.0, 2.0, f64::NAN, f64::INFINITY] {
            let error = set.split(share, 1);
            assert!(
                matches!(error, Err(DataError::TestShare { samples: 10, .. })),
                "{share}"
            );
        }
    }

    #[test]
    fn another_seed_sets_other_samples_aside() {
        let set = numbered(vec![0; 100]);
        let test = |seed| numbers(&set.split(0.2, seed).unwrap().test);
        assert_eq!(test(1), test(1));
        assert_ne!(test(1), test(2));
    }

    proptest! {
        #[test]
        fn a_spread_has_each_class_by_its_share_and_every_start_of_it_too(
            labels in prop::collection::vec(0_u16..3, 1..200), count in 0_usize..220,
        ) {
            let set = numbered(labels);
            let indices = spread(set.labels(), count);
            let count = count.min(set.samples());
            prop_assert_eq!(indices.len(), count);
            let mut once = indices.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), count);
            let labels: Vec<u16> = indices.iter().map(|&index| set.labels()[index]).collect();
            for class in 0..3 {
                let expected = self::count(set.labels(), class) * count;
                let found = self::count(&labels, class) * set.samples();
                prop_assert!(found.abs_diff(expected) <= set.samples());
            }
            // No class comes again before each class that is left has had its turn.
            for start in 0..=labels.len() {
                let (before, after) = labels.split_at(start);
                let most = (0..3).map(|class| self::count(before, class)).max().unwrap_or(0);
                for class in 0..3 {
                    let waits = self::count(before, class) + 1 < most;
                    prop_assert!(!(waits && after.contains(&class)));
                }
            }
        }

        #[test]
        fn every_sample_is_in_one_part_and_every_class_has_its_share(
            labels in prop::collection::vec(0_u16..3, 2..300), share in 0.0..1.0, seed: u64,
        ) {
            let set = numbered(labels);
            let samples = set.samples();
            let Ok(split) = set.split(share, seed) else {
                let test = (share * samples as f64).round() as usize;
                prop_assert!(test == 0 || test == samples);
                return Ok(());
            };
            let test = split.test.samples();
            prop_assert_eq!(test, (share * samples as f64).round() as usize);
            let mut all = [numbers(&split.train), numbers(&split.test)].concat();
            all.sort_unstable();
            prop_assert!(all.into_iter().eq(0..samples));
            for class in 0..3 {
                let expected = count(set.labels(), class) * test;
                // |found - expected share| <= 1, with both sides multiplied by the samples.
                let found = count(split.test.labels(), class) * samples;
                prop_assert!(found.abs_diff(expected) <= samples);
            }
            for part in [&split.train, &split.test] {
                for (number, label) in numbers(part).into_iter().zip(part.labels()) {
                    prop_assert_eq!(set.labels()[number], *label);
                }
            }
        }
    }
}
