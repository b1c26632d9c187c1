//! Real numbers as bytes: the range of each column.

use std::fmt;
use std::str::FromStr;

use super::super::DataError;

/// The least and the greatest number of each column. A number becomes the byte `round(255 (x -
/// least) / (greatest - least))`; numbers outside become 0 or 255, and all numbers of a column with
/// a single value become 0.
///
/// Their text, for a model's meta data, is `least:greatest` for each column, with commas between
/// them.
///
/// ```
/// use bnn_autograd::data::Ranges;
///
/// let ranges: Ranges = "0:1,-2.5:2.5".parse().unwrap();
/// assert_eq!(ranges.to_string(), "0:1,-2.5:2.5");
/// assert!("0:1,2".parse::<Ranges>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Ranges(Vec<(f32, f32)>);

/// A text that is no list of ranges.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected least:greatest for each column, with commas between them, as in 0:1,-2.5:2.5")]
pub struct NotRanges;

impl Ranges {
    /// The ranges of the columns of `rows`, of `columns` numbers each. `columns` is at least 1.
    pub(in crate::data) fn of<'a>(rows: impl Iterator<Item = &'a [f32]>, columns: usize) -> Self {
        let mut ranges = vec![(f32::INFINITY, f32::NEG_INFINITY); columns];
        for row in rows {
            for ((least, greatest), &x) in ranges.iter_mut().zip(row) {
                *least = least.min(x);
                *greatest = greatest.max(x);
            }
        }
        Self(ranges)
    }

    /// Whether there are ranges for `features` columns.
    pub(in crate::data) fn check(&self, features: usize) -> Result<(), DataError> {
        let ranges = self.0.len();
        if ranges == features {
            return Ok(());
        }
        Err(DataError::CsvRanges { ranges, features })
    }

    /// The byte for a number of a column; 0 for a column that there is not.
    pub(in crate::data) fn byte(&self, column: usize, x: f32) -> u8 {
        let Some(&(least, greatest)) = self.0.get(column) else {
            return 0;
        };
        let (least, greatest) = (f64::from(least), f64::from(greatest));
        if greatest <= least {
            return 0;
        }
        let share = (f64::from(x) - least) / (greatest - least);
        (255.0 * share).round().clamp(0.0, 255.0) as u8
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (least, greatest)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{least}:{greatest}")?;
        }
        Ok(())
    }
}

impl FromStr for Ranges {
    type Err = NotRanges;

    fn from_str(text: &str) -> Result<Self, NotRanges> {
        let number = |text: &str| text.parse().ok().filter(|x: &f32| x.is_finite());
        let range = |text: &str| {
            let (least, greatest) = text.split_once(':')?;
            number(least).zip(number(greatest))
        };
        let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
        ranges.map(Self).ok_or(NotRanges)
    }
}
