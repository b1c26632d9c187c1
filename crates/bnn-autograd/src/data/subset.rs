//! Parts of a data set: chosen samples, and a share of them set aside for testing.

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
        let samples = self.samples();
        // A cast from float saturates, and takes NaN to 0.
        let test = (test_share * samples as f64).round() as usize;
        if test == 0 || test >= samples {
            let share = test_share;
            return Err(DataError::TestShare { share, samples });
        }
        let mut order = permutation(samples, stream(seed, 0, Purpose::Split));
        order.sort_by_key(|&index| self.labels()[index]);
        self.split_evenly(&order, test)
    }

    /// Spreads `test` test samples evenly over `order`: position `p` of `n` is one iff
    /// `floor((p + 1) * test / n) > floor(p * test / n)`. In an order by class every class so has its
    /// share to within one.
    pub(super) fn split_evenly(&self, order: &[usize], test: usize) -> Result<Split, DataError> {
        // The product of two counts of what is in memory may pass 64 bits.
        let up_to = |position: usize| position as u128 * test as u128 / order.len() as u128;
        let is_test = |position: &usize| up_to(position + 1) > up_to(*position);
        let (test, train): (Vec<usize>, Vec<usize>) = (0..order.len()).partition(is_test);
        let part = |positions: &[usize]| {
            let indices: Vec<usize> = positions.iter().map(|&position| order[position]).collect();
            self.subset(&indices)
        };
        Ok(Split {
            train: part(&train)?,
            test: part(&test)?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::data::Layout;
    use proptest::prelude::*;

    /// Sample `i` has the pixels `i` and `i / 256`, so that every sample is told apart.
    fn numbered(labels: Vec<u8>) -> Dataset {
        let layout = Layout {
            width: 1,
            height: 1,
            channels: 2,
            classes: 3,
            depth: 8,
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

    fn count(labels: &[u8], class: u8) -> usize {
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
        fn every_sample_is_in_one_part_and_every_class_has_its_share(
            labels in prop::collection::vec(0_u8..3, 2..300), share in 0.0..1.0, seed: u64,
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
