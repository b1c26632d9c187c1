//! How a data set is to be read, and how rows of numbers were.

use super::csv::{LabelColumn, Ranges, Values};
use super::folder::FolderConfig;

/// The settings for reading a data set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LoadConfig {
    /// The settings for image files, and the share of a set without test samples that is set aside.
    pub images: FolderConfig,
    /// The column of a table that is the label.
    pub label: LabelColumn,
    /// The scale of the numbers of a table.
    pub scale: Scale,
}

/// The kind of the numbers of a table, and the way in which they become bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Scale {
    /// Whole numbers from 0 to 255: bytes as they are.
    #[default]
    None,
    /// Real numbers, mapped by the range of each column in the training rows.
    Fit,
    /// Real numbers, mapped by these ranges.
    By(Ranges),
}

/// The way in which rows of numbers were read, and further rows must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    /// The column of the label, if the rows come from a table.
    pub label: Option<LabelColumn>,
    /// The kind of the numbers.
    pub values: Values,
}
