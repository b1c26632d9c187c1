//! Images of a file, before labels are attached.

use std::path::Path;

use super::{DataError, Dataset, Layout};

/// Images of one size, a byte for each value, row-major `[samples, height, width, channels]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// Number of images.
    pub samples: usize,
    /// Rows of an image.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
    /// All values.
    pub pixels: Vec<u8>,
}

impl Images {
    /// Width, height and channels.
    fn size(&self) -> (usize, usize, usize) {
        (self.width, self.height, self.channels)
    }

    /// Whether there are images, and as many as labels; `path` and `labels_path` are where they
    /// come from.
    pub(super) fn check_count(
        &self,
        path: &Path,
        labels: usize,
        labels_path: &Path,
    ) -> Result<(), DataError> {
        if self.samples == 0 {
            return Err(DataError::NoSamples {
                path: path.to_owned(),
            });
        }
        if self.samples != labels {
            return Err(DataError::Counts {
                images: (path.to_owned(), self.samples),
                labels: (labels_path.to_owned(), labels),
            });
        }
        Ok(())
    }

    /// Whether test images have the size of the training images.
    pub(super) fn check_size(&self, path: &Path, train: &Self) -> Result<(), DataError> {
        if self.size() != train.size() {
            return Err(DataError::ImageSize {
                path: path.to_owned(),
                train: train.size(),
                test: self.size(),
            });
        }
        Ok(())
    }

    /// The images with their labels.
    pub(super) fn dataset(
        self,
        name: &str,
        labels: Vec<u16>,
        classes: usize,
    ) -> Result<Dataset, DataError> {
        let layout = Layout {
            width: self.width,
            height: self.height,
            channels: self.channels,
            classes,
            white: u8::MAX,
        };
        Dataset::new(name, layout, self.pixels, labels)
    }
}

/// Whether every test label is a class of the training labels, of which there are `classes`.
pub(super) fn check_test_labels(
    labels: &[u16],
    path: &Path,
    classes: usize,
) -> Result<(), DataError> {
    match labels
        .iter()
        .position(|&label| usize::from(label) >= classes)
    {
        None => Ok(()),
        Some(sample) => Err(DataError::TestLabel {
            path: path.to_owned(),
            sample,
            label: labels[sample],
            classes,
        }),
    }
}
