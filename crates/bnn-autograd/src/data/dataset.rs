//! A labelled set of grey images whose sizes, pixels and labels have been checked once.

use super::DataError;

/// What every sample of a [`Dataset`] has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Pixels in a row of an image.
    pub width: usize,
    /// Rows of an image.
    pub height: usize,
    /// Number of classes; labels are less.
    pub classes: usize,
    /// Bits per pixel, 1 to 8; pixels are less than `2^depth`.
    pub depth: u32,
}

/// Labelled grey images, row-major `[samples, height, width]`, one byte per pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    name: String,
    layout: Layout,
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

/// The samples to train on and those to judge by; both have the same [`Layout`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Samples to train on.
    pub train: Dataset,
    /// Samples never trained on.
    pub test: Dataset,
}

impl Dataset {
    /// Checks and takes `pixels` `[samples, height, width]` and their `labels` `[samples]`.
    ///
    /// # Errors
    ///
    /// [`DataError::Zero`] without samples or with a zero size, [`DataError::Depth`] outside 1..=8,
    /// [`DataError::PixelCount`], [`DataError::PixelRange`] and [`DataError::LabelRange`] if
    /// the contents do not fit the layout.
    ///
    /// ```
    /// use bnn_autograd::data::{DataError, Dataset, Layout};
    ///
    /// let layout = Layout { width: 2, height: 1, classes: 3, depth: 1 };
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
        labels: Vec<u8>,
    ) -> Result<Self, DataError> {
        layout.check(labels.len())?;
        let Layout { width, height, .. } = layout;
        let samples = labels.len();
        let expected = width
            .checked_mul(height)
            .and_then(|features| features.checked_mul(samples));
        if expected != Some(pixels.len()) {
            return Err(DataError::PixelCount {
                pixels: pixels.len(),
                samples,
                width,
                height,
            });
        }
        let max = layout.max_pixel();
        if let Some(at) = pixels.iter().position(|&pixel| pixel > max) {
            return Err(DataError::PixelRange {
                sample: at / (width * height),
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
            pixels,
            labels,
        })
    }

    /// What the set calls itself, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sizes, classes and depth in one piece.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Number of samples, at least 1.
    pub fn samples(&self) -> usize {
        self.labels.len()
    }

    /// Pixels of one sample, `width * height`.
    pub fn features(&self) -> usize {
        self.layout.width * self.layout.height
    }

    /// Pixels in a row of an image.
    pub fn width(&self) -> usize {
        self.layout.width
    }

    /// Rows of an image.
    pub fn height(&self) -> usize {
        self.layout.height
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.layout.classes
    }

    /// Bits per pixel: every pixel is less than `2^depth`. Fixed by the source, not by its samples.
    pub fn depth(&self) -> u32 {
        self.layout.depth
    }

    /// All pixels, row-major `[samples, height, width]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All labels, `[samples]`.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The pixels of one sample, `[height, width]`.
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
    /// CRC-32 of all pixels and labels: the same for the same data, wherever it was read from.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        let mut crc = flate2::Crc::new();
        for set in [&self.train, &self.test] {
            crc.update(&set.pixels);
            crc.update(&set.labels);
        }
        crc.sum()
    }
}

impl Layout {
    /// The largest pixel, `2^depth - 1`; for a depth of 1 to 8.
    fn max_pixel(self) -> u8 {
        u8::MAX >> (u8::BITS - self.depth)
    }

    fn check(self, samples: usize) -> Result<(), DataError> {
        let counts = [
            (samples, "samples"),
            (self.width, "pixels in a row"),
            (self.height, "rows of an image"),
            (self.classes, "classes"),
        ];
        if let Some((_, what)) = counts.into_iter().find(|(count, _)| *count == 0) {
            return Err(DataError::Zero { what });
        }
        if !(1..=u8::BITS).contains(&self.depth) {
            return Err(DataError::Depth { depth: self.depth });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        width: 3,
        height: 2,
        classes: 2,
        depth: 4,
    };

    fn refused(layout: Layout, pixels: usize, labels: &[u8]) -> String {
        Dataset::new("t", layout, vec![0; pixels], labels.to_vec())
            .expect_err("must be refused")
            .to_string()
    }

    #[test]
    fn nothing_may_be_zero() {
        assert!(refused(LAYOUT, 0, &[]).contains("samples"));
        assert!(refused(Layout { width: 0, ..LAYOUT }, 0, &[0]).contains("pixels in a row"));
        assert!(
            refused(
                Layout {
                    height: 0,
                    ..LAYOUT
                },
                0,
                &[0]
            )
            .contains("rows")
        );
        assert!(
            refused(
                Layout {
                    classes: 0,
                    ..LAYOUT
                },
                6,
                &[0]
            )
            .contains("classes")
        );
    }

    #[test]
    fn pixels_are_whole_images_one_for_each_label() {
        for pixels in [5, 7, 12] {
            assert!(refused(LAYOUT, pixels, &[0]).contains(&format!("{pixels} pixels")));
        }
        let overflowing = Layout {
            width: usize::MAX,
            height: 2,
            ..LAYOUT
        };
        assert!(refused(overflowing, 6, &[0]).contains("6 pixels"));
    }

    #[test]
    fn depth_is_a_number_of_bits_of_a_byte_and_bounds_every_pixel() {
        for depth in [0, 9, u32::MAX] {
            assert!(refused(Layout { depth, ..LAYOUT }, 6, &[0]).contains(&depth.to_string()));
        }
        for depth in 1..=8 {
            let layout = Layout { depth, ..LAYOUT };
            let max = ((1_u32 << depth) - 1) as u8;
            assert!(Dataset::new("t", layout, vec![max; 6], vec![1]).is_ok());
            let Some(over) = max.checked_add(1) else {
                continue;
            };
            let pixels = [[0; 6], [0, 0, 0, 0, 0, over]].concat();
            let error = Dataset::new("t", layout, pixels, vec![1, 1]);
            assert!(
                matches!(error, Err(DataError::PixelRange { sample: 1, value, .. }) if value == over)
            );
        }
    }

    #[test]
    fn an_image_is_its_row_of_pixels() {
        let set = Dataset::new("t", LAYOUT, (0..12).collect(), vec![0, 1]).expect("it fits");
        assert_eq!(set.image(1).expect("there are two"), &[6, 7, 8, 9, 10, 11]);
        assert!(matches!(
            set.image(2),
            Err(DataError::SampleIndex {
                index: 2,
                samples: 2
            })
        ));
    }
}
