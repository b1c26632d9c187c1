//! Dealing out a data set: the order of an epoch, batches, and augmentation of training images.

use super::random::{Purpose, below, permutation, stream};
use super::{DataError, Dataset};

/// How training images are varied. Every image of every epoch is drawn anew; the draw depends on the
/// seed, the epoch and the sample's index alone, not on threads or the order of batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Augment {
    /// Move the image by up to so many pixels, independently and uniformly in x and y; what comes in is 0.
    pub shift: usize,
    /// Mirror left and right with probability 1/2.
    pub flip: bool,
}

/// A permutation of `0..n` drawn from `(seed, epoch)` (Fisher-Yates), so that a run can resume
/// at any epoch without the state of a generator.
///
/// ```
/// use bnn_autograd::data::shuffled;
///
/// let order = shuffled(5, 42, 0);
/// assert_eq!(order, shuffled(5, 42, 0));
/// let mut all = order;
/// all.sort_unstable();
/// assert_eq!(all, [0, 1, 2, 3, 4]);
/// ```
pub fn shuffled(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    permutation(n, stream(seed, epoch, Purpose::Shuffle))
}

impl Dataset {
    /// The samples at `indices`, in that order and repeated if named twice:
    /// pixels `[indices, features]` as they are (`0.0` to `2^depth - 1`), labels `[indices]`.
    ///
    /// # Errors
    ///
    /// [`DataError::SampleIndex`] if an index is not less than [`samples`](Self::samples).
    pub fn batch(&self, indices: &[usize]) -> Result<(Vec<f32>, Vec<u8>), DataError> {
        self.gather(indices, |_, image, pixels| {
            pixels.extend(image.iter().copied().map(f32::from));
        })
    }

    /// As [`batch`](Self::batch), with the images varied as `augment` says.
    ///
    /// # Errors
    ///
    /// As [`batch`](Self::batch), and [`DataError::Shift`] if `augment.shift` is not less than both
    /// width and height, which could leave nothing of an image.
    pub fn augmented_batch(
        &self,
        indices: &[usize],
        augment: Augment,
        seed: u64,
        epoch: u64,
    ) -> Result<(Vec<f32>, Vec<u8>), DataError> {
        let (width, height, shift) = (self.width(), self.height(), augment.shift);
        if shift >= width.min(height) && shift > 0 {
            return Err(DataError::Shift {
                shift,
                width,
                height,
            });
        }
        self.gather(indices, |index, image, pixels| {
            let view = View::draw(augment, seed, epoch, index);
            pixels.extend(view.pixels(image, width, height));
        })
    }

    fn gather(
        &self,
        indices: &[usize],
        mut append: impl FnMut(usize, &[u8], &mut Vec<f32>),
    ) -> Result<(Vec<f32>, Vec<u8>), DataError> {
        let mut pixels = Vec::with_capacity(indices.len().saturating_mul(self.features()));
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            append(index, self.image(index)?, &mut pixels);
            labels.push(self.labels()[index]);
        }
        Ok((pixels, labels))
    }
}

/// One draw of [`Augment`]: where the image is seen from.
struct View {
    right: isize,
    down: isize,
    mirrored: bool,
}

impl View {
    fn draw(augment: Augment, seed: u64, epoch: u64, index: usize) -> Self {
        let mut rng = stream(seed, epoch, Purpose::Augment(index));
        // The shift is less than a side of an image that is in memory, so its double cannot overflow.
        let reach = augment.shift as isize;
        let mut offset = || below(&mut rng, 2 * augment.shift + 1) as isize - reach;
        let (right, down) = (offset(), offset());
        let mirrored = augment.flip && below(&mut rng, 2) == 1;
        Self {
            right,
            down,
            mirrored,
        }
    }

    /// The image moved right and down, after it was mirrored.
    fn pixels(self, image: &[u8], width: usize, height: usize) -> impl Iterator<Item = f32> {
        (0..height).flat_map(move |y| {
            let row = moved(y, self.down, height).map(|from| &image[from * width..][..width]);
            let (right, mirrored) = (self.right, self.mirrored);
            (0..width).map(move |x| match (row, moved(x, right, width)) {
                (Some(row), Some(from)) if mirrored => f32::from(row[width - 1 - from]),
                (Some(row), Some(from)) => f32::from(row[from]),
                _ => 0.0,
            })
        })
    }
}

/// Where the pixel now at `at` was before a move by `by`, if it was inside `0..size`.
fn moved(at: usize, by: isize, size: usize) -> Option<usize> {
    at.checked_add_signed(-by).filter(|&from| from < size)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A failed unwrap is a failed test.

    use super::*;
    use crate::data::Layout;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// `samples` images whose pixels are all different from 0 and from one another within an image.
    fn numbered(samples: usize, width: usize, height: usize) -> Dataset {
        let layout = Layout {
            width,
            height,
            channels: 1,
            classes: 256,
            depth: 8,
        };
        let image = (1..=width * height).map(|pixel| pixel as u8);
        let pixels = std::iter::repeat_n(image, samples).flatten().collect();
        let labels = (0..samples).map(|label| label as u8).collect();
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
    fn a_shift_that_could_empty_an_image_is_refused() {
        let set = numbered(1, 3, 2);
        for shift in [2, 3, usize::MAX] {
            let augment = Augment { shift, flip: false };
            assert!(matches!(
                set.augmented_batch(&[0], augment, 0, 0),
                Err(DataError::Shift { .. })
            ));
        }
    }

    #[test]
    fn every_shift_and_both_mirrorings_are_drawn() {
        let set = numbered(1, 5, 5);
        let augment = Augment {
            shift: 1,
            flip: true,
        };
        let seen: HashSet<Vec<u8>> = (0..400)
            .map(|epoch| set.augmented_batch(&[0], augment, 1, epoch).unwrap().0)
            .map(|pixels| pixels.into_iter().map(|pixel| pixel as u8).collect())
            .collect();
        assert_eq!(seen.len(), 3 * 3 * 2);
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

        #[test]
        fn augmenting_by_nothing_changes_nothing(w in 1_usize..14, h in 1_usize..14, seed: u64) {
            let set = numbered(2, w, h);
            let plain = set.batch(&[1, 0]).unwrap();
            prop_assert_eq!(set.augmented_batch(&[1, 0], Augment::default(), seed, 5).unwrap(), plain);
        }

        #[test]
        fn a_sample_is_augmented_the_same_in_any_batch(seed: u64, epoch: u64, at in 0_usize..7) {
            let set = numbered(7, 5, 4);
            let augment = Augment { shift: 2, flip: true };
            let (all, _) = set.augmented_batch(&[0, 1, 2, 3, 4, 5, 6], augment, seed, epoch).unwrap();
            let (one, _) = set.augmented_batch(&[at], augment, seed, epoch).unwrap();
            prop_assert_eq!(&one[..], &all[at * 20..][..20]);
        }

        #[test]
        fn a_view_moves_and_mirrors_each_pixel(
            right in -3_isize..=3, down in -3_isize..=3, mirrored: bool,
            w in 4_usize..9, h in 4_usize..9,
        ) {
            let set = numbered(1, w, h);
            let view = View { right, down, mirrored };
            let seen: Vec<f32> = view.pixels(set.pixels(), w, h).collect();
            let mut expected = vec![0.0; w * h];
            for y in 0..h {
                for x in 0..w {
                    let flipped = if mirrored { w - 1 - x } else { x };
                    let (to_x, to_y) = (flipped as isize + right, y as isize + down);
                    if (0..w as isize).contains(&to_x) && (0..h as isize).contains(&to_y) {
                        expected[to_y as usize * w + to_x as usize] = f32::from(set.pixels()[y * w + x]);
                    }
                }
            }
            prop_assert_eq!(seen, expected);
        }
    }
}
