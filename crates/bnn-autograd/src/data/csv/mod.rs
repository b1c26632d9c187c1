//! Tables of numbers as text (CSV): a row for each sample, with its label in one of the columns.
//!
//! Fields are separated by commas, semicolons or tabs, whichever the first row has, and may be
//! quoted. A first row that names the columns is recognised, and a byte order mark and `\r\n` are
//! no part of the fields.

mod labels;
mod plan;
mod ranges;
mod rows;

use std::io::Read;
use std::str::FromStr;

pub use labels::Labels;
pub use ranges::{NotRanges, Ranges};

use super::DataError;
use plan::{Plan, is_missing};
use rows::{Row, Rows};

/// The most values of one table that are read: 2^30 whole numbers, of a byte each, or 2^28 real
/// ones.
pub const MAX_VALUES: usize = 1 << 30;

/// The column of a table that is the label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LabelColumn {
    /// The column that the header calls `label`, `labels`, `class`, `classes`, `target` or `y`;
    /// else the last one.
    #[default]
    Auto,
    /// The first column.
    First,
    /// The last column.
    Last,
    /// The column of this name in the header.
    Named(String),
    /// The column that another table had: by its name if there is a header with that name, else by
    /// its index.
    Noted {
        /// Index of the column, from 0.
        index: usize,
        /// The column's name in the header.
        name: Option<String>,
    },
}

/// `first`, `last`, or the name of a column.
impl FromStr for LabelColumn {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "first" => Self::First,
            "last" => Self::Last,
            name => Self::Named(name.to_owned()),
        })
    }
}

/// The kind of a table's numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Whole numbers from 0 to `max`. `3`, `3.0` and `3e0` are the same number.
    Whole {
        /// The largest number.
        max: u8,
    },
    /// Real numbers, which these ranges map to bytes.
    Real(Ranges),
}

/// Rows of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Features, row-major `[rows, features]`.
    pub pixels: Vec<u8>,
    /// One label for each row, if the rows have one column more than features.
    pub labels: Option<Labels>,
}

/// Reads all rows: `features` numbers and, in all rows or in none, a label.
///
/// # Errors
///
/// [`DataError::CsvColumns`], [`DataError::CsvRagged`], [`DataError::CsvValue`],
/// [`DataError::CsvMissing`], [`DataError::CsvLabel`] and [`DataError::CsvQuote`] name the line,
/// and the column, of the first row that is wrong. [`DataError::CsvNoColumn`] if no column has the
/// label's name, [`DataError::CsvTooLong`] for more than [`MAX_VALUES`], [`DataError::Zero`]
/// without rows or features, [`DataError::CsvRanges`] for ranges of another number of columns,
/// [`DataError::CsvRead`] if `reader` fails.
///
/// ```
/// use bnn_autograd::data::DataError;
/// use bnn_autograd::data::{LabelColumn, Values};
/// use bnn_autograd::internal::data::read_table;
///
/// let whole = Values::Whole { max: 16 };
/// let table = read_table("0, 16, cat\n3, 0, dog\n".as_bytes(), 2, &LabelColumn::Last, &whole)?;
/// assert_eq!(table.pixels, [0, 16, 3, 0]);
/// let names = ["cat".to_owned(), "dog".to_owned()];
/// assert_eq!(table.labels.unwrap().classes(&names)?, [0, 1]);
///
/// let error = read_table("0,16\n3,x\n".as_bytes(), 2, &LabelColumn::Last, &whole).unwrap_err();
/// assert_eq!(error.to_string(), r#"line 2, column 2: "x" is not a whole number from 0 to 16"#);
/// # Ok::<(), DataError>(())
/// ```
pub fn read_table(
    reader: impl Read,
    features: usize,
    label: &LabelColumn,
    values: &Values,
) -> Result<Table, DataError> {
    if features == 0 {
        return Err(DataError::Zero { what: "features" });
    }
    match values {
        Values::Whole { max } => {
            let (pixels, raw) = parse(reader, Some(features), label, &whole(*max))?;
            Ok(raw.table(pixels))
        }
        Values::Real(ranges) => {
            ranges.check(features)?;
            let scaled = Cell {
                read: |column, field: &[u8]| real(field).map(|x| ranges.byte(column, x)),
                expected: "a number".to_owned(),
                limit: MAX_VALUES,
            };
            let (pixels, raw) = parse(reader, Some(features), label, &scaled)?;
            Ok(raw.table(pixels))
        }
    }
}

/// A table as it was read, but for its values.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) plan: Plan,
    pub(super) labels: Labels,
}

impl Raw {
    pub(super) fn features(&self) -> usize {
        self.plan.columns - usize::from(self.plan.label.is_some())
    }

    fn table(self, pixels: Vec<u8>) -> Table {
        let labels = self.plan.label.map(|_| self.labels);
        Table { pixels, labels }
    }
}

/// The way in which a field becomes a value.
pub(super) struct Cell<F> {
    /// The value of a field of the feature with that index.
    pub(super) read: F,
    /// The fields that are taken, for a message.
    pub(super) expected: String,
    /// The most values.
    pub(super) limit: usize,
}

/// Whole numbers from 0 to `max`.
pub(super) fn whole(max: u8) -> Cell<impl Fn(usize, &[u8]) -> Option<u8>> {
    Cell {
        read: move |_, field: &[u8]| whole_number(field, max),
        expected: format!("a whole number from 0 to {max}"),
        limit: MAX_VALUES,
    }
}

/// Any finite numbers.
pub(super) fn reals() -> Cell<impl Fn(usize, &[u8]) -> Option<f32>> {
    Cell {
        read: |_, field: &[u8]| real(field),
        expected: "a number".to_owned(),
        limit: MAX_VALUES / 4,
    }
}

/// Reads all rows; without `features`, all columns but the label's are features.
pub(super) fn parse<T>(
    reader: impl Read,
    features: Option<usize>,
    label: &LabelColumn,
    cell: &Cell<impl Fn(usize, &[u8]) -> Option<T>>,
) -> Result<(Vec<T>, Raw), DataError> {
    let mut rows = Rows::new(reader);
    let (mut first, mut second) = (Row::default(), Row::default());
    if !rows.next(&mut first)? {
        return Err(DataError::Zero { what: "rows" });
    }
    let more = rows.next(&mut second)?;
    let plan = Plan::new(&first, more.then_some(&second), features, label)?;
    let mut raw = Raw {
        plan,
        labels: Labels::default(),
    };
    let mut values = Vec::new();
    if raw.plan.header.is_none() {
        raw.push(&first, cell, &mut values)?;
    }
    let mut row = second;
    let mut more = more;
    while more {
        raw.push(&row, cell, &mut values)?;
        more = rows.next(&mut row)?;
    }
    if values.is_empty() {
        return Err(DataError::Zero { what: "rows" });
    }
    Ok((values, raw))
}

impl Raw {
    fn push<T>(
        &mut self,
        row: &Row,
        cell: &Cell<impl Fn(usize, &[u8]) -> Option<T>>,
        values: &mut Vec<T>,
    ) -> Result<(), DataError> {
        let (line, expected) = (row.line, self.plan.columns);
        if row.len() != expected {
            return Err(DataError::CsvRagged {
                line,
                found: row.len(),
                expected,
            });
        }
        if values.len() + expected > cell.limit {
            return Err(DataError::CsvTooLong {
                line,
                max: cell.limit,
            });
        }
        let mut feature = 0;
        for (index, field) in row.fields().enumerate() {
            let column = index + 1;
            if Some(index) == self.plan.label {
                self.push_label(line, column, field)?;
                continue;
            }
            let value = (cell.read)(feature, field);
            values.push(value.ok_or_else(|| match is_missing(field) {
                true => DataError::CsvMissing {
                    line,
                    column,
                    field: excerpt(field),
                },
                false => DataError::CsvValue {
                    line,
                    column,
                    field: excerpt(field),
                    expected: cell.expected.clone(),
                },
            })?);
            feature += 1;
        }
        Ok(())
    }

    fn push_label(&mut self, line: u64, column: usize, field: &[u8]) -> Result<(), DataError> {
        if field.is_empty() {
            let field = String::new();
            return Err(DataError::CsvMissing {
                line,
                column,
                field,
            });
        }
        let number = std::str::from_utf8(field)
            .ok()
            .and_then(|text| text.parse::<f64>().ok());
        if number.is_some_and(|x| x.fract() != 0.0 || x < 0.0) {
            let field = excerpt(field);
            return Err(DataError::CsvLabel {
                line,
                column,
                field,
            });
        }
        self.labels
            .push(field)
            .ok_or(DataError::CsvClasses { line })
    }
}

/// The field as a number from `0..=max`. NaN and infinities fail the range or the fraction.
fn whole_number(field: &[u8], max: u8) -> Option<u8> {
    let digits = field.len() <= 3 && !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    let value = if digits {
        f64::from(
            field
                .iter()
                .fold(0, |value, digit| 10 * value + u16::from(digit - b'0')),
        )
    } else {
        std::str::from_utf8(field).ok()?.parse().ok()?
    };
    let whole = value.fract() == 0.0 && (0.0..=f64::from(max)).contains(&value);
    whole.then_some(value as u8)
}

/// The field as a finite number.
fn real(field: &[u8]) -> Option<f32> {
    let value: f32 = std::str::from_utf8(field).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// The start of a field, short enough for a message.
fn excerpt(field: &[u8]) -> String {
    const LONGEST: usize = 24;
    let text = String::from_utf8_lossy(&field[..field.len().min(4 * LONGEST)]);
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod laws;
