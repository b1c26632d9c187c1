//! The order of an epoch, and any samples as a batch of floats.

use super::augment::{Augment, View};
use super::random::{Purpose, permutation, stream};
use super::{DataError, Dataset};

/// A permutation of `0..n` drawn from `(seed, epoch)` (Fisher-Yates), so that a run can resume
/// at any epoch without the state of a generator.
pub(super) fn shuffled(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    permutation(n, stream(seed, epoch, Purpose::Shuffle))
}

impl Dataset {
    /// The samples at `indices`, in that order and repeated if named twice:
    /// pixels `[indices, features]` as they are (`0.0` to `white`), labels `[indices]`.
    ///
    /// # Errors
    ///
    /// [`DataError::SampleIndex`] if an index is not less than [`samples`](Self::samples).
    pub fn batch(&self, indices: &[usize]) -> Result<(Vec<f32>, Vec<u16>), DataError> {
        self.gather(indices, |_, image, pixels| {
            pixels.extend(image.iter().copied().map(f32::from));
        })
    }

    /// The samples that [`batch`](Self::batch) gives, with their images varied as `augment` says;
    /// the pixels are still whole numbers from `0.0` to `white`.
    ///
    /// # Errors
    ///
    /// Those of [`batch`](Self::batch) and of [`Augment::check`].
    pub(super) fn augmented_batch(
        &self,
        indices: &[usize],
        augment: Augment,
        seed: u64,
        epoch: u64,
    ) -> Result<(Vec<f32>, Vec<u16>), DataError> {
        augment.check(self.layout())?;
        if augment == Augment::default() {
            return self.batch(indices);
        }
        self.gather(indices, |index, image, pixels| {
            let view = View::draw(
                augment,
                self.layout(),
                stream(seed, epoch, Purpose::Augment(index)),
            );
            view.append(image, pixels);
        })
    }

    fn gather(
        &self,
        indices: &[usize],
        mut append: impl FnMut(usize, &[u8], &mut Vec<f32>),
    ) -> Result<(Vec<f32>, Vec<u16>), DataError> {
        let mut pixels = Vec::with_capacity(indices.len().saturating_mul(self.features()));
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            append(index, self.image(index)?, &mut pixels);
            labels.push(self.labels()[index]);
        }
        Ok((pixels, labels))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A failed unwrap is a failed test.

    use super::*;
    use crate::data::Layout;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// `samples` images; the pixels of an image differ from 0 and from one another.
    fn numbered(samples: usize, width: usize, height: usize) -> Dataset {
        let layout = Layout {
            width,
            height,
            channels: 1,
            classes: 256,
            white: u8::MAX,
        };
        let image = (1..=width * height).map(|pixel| pixel as u8);
        let pixels = std::iter::repeat_n(image, samples).flatten().collect();
        let labels = (0..samples).map(|label| label as u16).collect();
        Dataset::new("numbered", layout, pixels, labels).unwrap()
    }

    #[test]
    fn a_batch_is_its_samples_in_order() {
        let set = numbered(3, 2, 1);
        let (pixels, labels) = set.batch(&[2, 0, 2]).unwrap();
        assert_eq!(pixels, [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
        assert_eq!(labels, [2, 0, 2]);
        assert!(matches!(
            set.batch(&[0, 3]),
            Err(DataError::SampleIndex {
                index: 3,
                samples: 3
            })
        ));
    }

    #[test]
    fn epochs_are_shuffled_differently() {
        let orders: HashSet<_> = (0..20).map(|epoch| shuffled(100, 3, epoch)).collect();
        assert_eq!(orders.len(), 20);
    }

    #[test]
    fn every_permutation_is_as_likely() {
        let mut counts = std::collections::HashMap::new();
        (0..6000).for_each(|seed| *counts.entry(shuffled(3, seed, 0)).or_insert(0_usize) += 1);
        assert_eq!(counts.len(), 6);
        // Mean 1000, standard deviation under 29: 150 is more than five of them.
        assert!(
            counts.values().all(|count| count.abs_diff(1000) < 150),
            "{counts:?}"
        );
    }

    proptest! {
        #[test]
        fn shuffling_permutes(n in 0_usize..200, seed: u64, epoch: u64) {
            let mut order = shuffled(n, seed, epoch);
            order.sort_unstable();
            prop_assert!(order.into_iter().eq(0..n));
        }
    }
}
