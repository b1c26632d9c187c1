//! Statistics of a data set: samples per class, brightness of channels.

use super::Dataset;

/// The values of one channel over all pixels of all samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelStats {
    /// The mean of the values.
    pub mean: f64,
    /// The standard deviation of the values (of the whole set: divided by their number).
    pub std: f64,
}

impl Dataset {
    /// How many samples each class has, `[classes]`.
    ///
    /// ```
    /// let test = bnn_autograd::data::digits()?.test;
    /// assert_eq!(test.class_counts(), [35, 37, 35, 37, 36, 36, 37, 36, 34, 37]);
    /// # Ok::<(), bnn_autograd::data::DataError>(())
    /// ```
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.layout().classes];
        for &label in self.labels() {
            counts[usize::from(label)] += 1;
        }
        counts
    }

    /// Mean and standard deviation of each channel, `[channels]`, in the units of the pixels.
    /// The sums are exact integers, so the result does not depend on any order.
    pub fn channel_stats(&self) -> Vec<ChannelStats> {
        let channels = self.layout().channels;
        let mut sums = vec![(0_u64, 0_u64); channels];
        for pixel in self.pixels().chunks_exact(channels) {
            for ((sum, squares), &value) in sums.iter_mut().zip(pixel) {
                let value = u64::from(value);
                *sum += value;
                *squares += value * value; // less than 2^16 each: room for 2^48 pixels
            }
        }
        let count = (self.pixels().len() / channels) as u64;
        let stats = |(sum, squares)| {
            // count^2 times the variance; exact, where a difference of floats would cancel.
            let spread = u128::from(count) * u128::from(squares) - u128::from(sum).pow(2);
            ChannelStats {
                mean: sum as f64 / count as f64,
                std: (spread as f64).sqrt() / count as f64,
            }
        };
        sums.into_iter().map(stats).collect()
    }

    /// For each element of a sample, `[features]`, the least byte that is not below the mean of its
    /// channel: thresholds for an [`InputThresholds`](crate::nn::InputThresholds). The first of
    /// them are those of the channels.
    ///
    /// ```
    /// let train = bnn_autograd::data::digits()?.train;
    /// // Pixels from 0 to 16.
    /// assert_eq!(train.mean_thresholds(), [5; 64]);
    /// # Ok::<(), bnn_autograd::data::DataError>(())
    /// ```
    pub fn mean_thresholds(&self) -> Vec<u8> {
        let stats = self.channel_stats().into_iter();
        let of_channels: Vec<u8> = stats.map(|channel| channel.mean.ceil() as u8).collect();
        of_channels
            .iter()
            .copied()
            .cycle()
            .take(self.features())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::data::Layout;
    use proptest::prelude::*;

    fn set(channels: usize, pixels: Vec<u8>) -> Dataset {
        let layout = Layout {
            width: 1,
            height: 1,
            channels,
            classes: 1,
            white: u8::MAX,
        };
        let labels = vec![0; pixels.len() / channels];
        Dataset::new("t", layout, pixels, labels).unwrap()
    }

    #[test]
    fn a_channel_of_one_value_has_no_spread() {
        let stats = set(2, vec![255, 7, 255, 7, 255, 7]).channel_stats();
        let expected = [255.0, 7.0].map(|mean| ChannelStats { mean, std: 0.0 });
        assert_eq!(stats, expected);
    }

    #[test]
    fn thresholds_are_the_means_of_the_channels_rounded_up() {
        let thresholds = |channels, pixels| set(channels, pixels).mean_thresholds();
        assert_eq!(thresholds(2, vec![255, 7, 255, 7]), [255, 7]);
        assert_eq!(thresholds(3, vec![0, 1, 255, 0, 2, 254]), [0, 2, 255]);
    }

    proptest! {
        #[test]
        fn stats_are_those_of_the_definition(
            pixels in prop::collection::vec(any::<[u8; 3]>(), 1..50),
        ) {
            let stats = set(3, pixels.concat()).channel_stats();
            for (channel, stats) in stats.into_iter().enumerate() {
                let values = || pixels.iter().map(|pixel| f64::from(pixel[channel]));
                let count = pixels.len() as f64;
                let mean = values().sum::<f64>() / count;
                let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
                prop_assert!((stats.mean - mean).abs() < 1e-9);
                prop_assert!((stats.std - variance.sqrt()).abs() < 1e-6);
            }
        }
    }
}
