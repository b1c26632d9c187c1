//! A labelled set of images whose sizes, pixels and labels have been checked once.

use std::sync::Arc;

use super::DataError;

/// The most classes: what labels of 16 bits can tell apart.
pub(super) const MAX_CLASSES: usize = 1 << 16;

/// The shape and ranges that all samples of a [`Dataset`] share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Pixels in a row of an image.
    pub width: usize,
    /// Rows of an image.
    pub height: usize,
    /// Values of a pixel: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Number of classes, at most 65 536; labels are less.
    pub classes: usize,
    /// The largest value that a pixel of this source can have, at least 1: 255 for bytes, 16 for
    /// the [digits](super::digits). A property of the source's type, never a statistic of its
    /// samples.
    pub white: u8,
}

/// Labelled images, row-major `[samples, height, width, channels]`, one byte per value: channels
/// last, as the convolutions take them. Immutable; clones share the pixels and labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    name: String,
    layout: Layout,
    class_names: Arc<[String]>,
    pixels: Arc<Vec<u8>>,
    labels: Arc<Vec<u16>>,
}

/// Training and test samples; both have the same [`Layout`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Training samples.
    pub train: Dataset,
    /// Test samples, which training never sees.
    pub test: Dataset,
}

impl Dataset {
    /// Checks and takes `pixels` `[samples, height, width, channels]` and their `labels`
    /// `[samples]`. The classes are called by their numbers until
    /// [`with_class_names`](Self::with_class_names).
    ///
    /// # Errors
    ///
    /// [`DataError::Zero`] without samples or with a zero in the layout, [`DataError::Classes`]
    /// above 65 536, [`DataError::PixelCount`], [`DataError::PixelRange`] and
    /// [`DataError::LabelRange`] if the contents do not fit the layout.
    ///
    /// ```
    /// use bnn_autograd::data::{DataError, Dataset, Layout};
    ///
    /// let layout = Layout { width: 2, height: 1, channels: 1, classes: 3, white: 1 };
    /// let set = Dataset::new("tiny", layout, vec![0, 1, 1, 0], vec![2, 0])?;
    /// assert_eq!((set.samples(), set.features()), (2, 2));
    ///
    /// let wrong = Dataset::new("tiny", layout, vec![0, 1, 1, 0], vec![2, 3]);
    /// assert!(matches!(wrong, Err(DataError::LabelRange { sample: 1, label: 3, classes: 3 })));
    /// # Ok::<(), DataError>(())
    /// ```
    pub fn new(
        name: impl Into<String>,
        layout: Layout,
        pixels: Vec<u8>,
        labels: Vec<u16>,
    ) -> Result<Self, DataError> {
        layout.check(labels.len())?;
        let samples = labels.len();
        let features = layout.features();
        let expected = features.and_then(|features| features.checked_mul(samples));
        let (Some(features), true) = (features, expected == Some(pixels.len())) else {
            return Err(DataError::PixelCount {
                pixels: pixels.len(),
                samples,
                width: layout.width,
                height: layout.height,
                channels: layout.channels,
            });
        };
        let max = layout.white;
        if let Some(at) = pixels.iter().position(|&pixel| pixel > max) {
            return Err(DataError::PixelRange {
                sample: at / features,
                value: pixels[at],
                max,
            });
        }
        let classes = layout.classes;
        if let Some(sample) = labels
            .iter()
            .position(|&label| usize::from(label) >= classes)
        {
            return Err(DataError::LabelRange {
                sample,
                label: labels[sample],
                classes,
            });
        }
        Ok(Self {
            name: name.into(),
            layout,
            class_names: (0..classes).map(|class| class.to_string()).collect(),
            pixels: Arc::new(pixels),
            labels: Arc::new(labels),
        })
    }

    /// Gives the classes of the set names, `[classes]`.
    ///
    /// # Errors
    ///
    /// [`DataError::ClassNames`] if there is not one for each class.
    pub fn with_class_names(self, names: Vec<String>) -> Result<Self, DataError> {
        let (found, classes) = (names.len(), self.layout.classes);
        if found != classes {
            return Err(DataError::ClassNames { found, classes });
        }
        Ok(Self {
            class_names: names.into(),
            ..self
        })
    }

    /// The data set's name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The layout that all samples have in common.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Number of samples, at least 1.
    pub fn samples(&self) -> usize {
        self.labels.len()
    }

    /// Values of one sample, `height * width * channels`.
    pub fn features(&self) -> usize {
        self.layout.height * self.layout.width * self.layout.channels
    }

    /// The names of the classes, `[classes]`: their numbers if the source has no names.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// All pixels, row-major `[samples, height, width, channels]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All labels, `[samples]`.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// The pixels of one sample, `[height, width, channels]`.
    ///
    /// # Errors
    ///
    /// [`DataError::SampleIndex`] if `index` is not less than [`samples`](Self::samples).
    pub fn image(&self, index: usize) -> Result<&[u8], DataError> {
        let samples = self.samples();
        if index >= samples {
            return Err(DataError::SampleIndex { index, samples });
        }
        let start = index * self.features();
        Ok(&self.pixels[start..start + self.features()])
    }
}

impl Split {
    /// CRC-32 of the layout, the class names, and all pixels and labels: the same for the same
    /// data, wherever it was read from.
    pub(crate) fn checksum(&self) -> u32 {
        let mut crc = flate2::Crc::new();
        for set in [&self.train, &self.test] {
            let Layout {
                width,
                height,
                channels,
                classes,
                white,
            } = set.layout;
            let sizes = [
                width,
                height,
                channels,
                classes,
                set.layout.depth().into(),
                set.samples(),
            ];
            for size in sizes {
                crc.update(&(size as u64).to_le_bytes());
            }
            for name in set.class_names.iter() {
                crc.update(&(name.len() as u64).to_le_bytes());
                crc.update(name.as_bytes());
            }
            crc.update(&[white]);
            crc.update(&set.pixels);
            for labels in set.labels.chunks(4096) {
                let bytes: Vec<u8> = labels
                    .iter()
                    .flat_map(|label| label.to_le_bytes())
                    .collect();
                crc.update(&bytes);
            }
        }
        crc.sum()
    }
}

impl Layout {
    /// Values of an image, if they can be counted.
    pub(super) fn features(self) -> Option<usize> {
        self.height
            .checked_mul(self.width)?
            .checked_mul(self.channels)
    }

    /// Bits per value of a pixel: the least number of bits that hold [`white`](Self::white).
    #[must_use]
    pub fn depth(self) -> u8 {
        (u8::BITS - self.white.leading_zeros()) as u8 // at most 8
    }

    fn check(self, samples: usize) -> Result<(), DataError> {
        let counts = [
            (samples, "samples"),
            (self.width, "pixels in a row"),
            (self.height, "rows of an image"),
            (self.channels, "channels"),
            (self.classes, "classes"),
            (self.white.into(), "levels of a pixel above black"),
        ];
        if let Some((_, what)) = counts.into_iter().find(|(count, _)| *count == 0) {
            return Err(DataError::Zero { what });
        }
        if self.classes > MAX_CLASSES {
            return Err(DataError::Classes {
                classes: self.classes,
                max: MAX_CLASSES,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod laws;
