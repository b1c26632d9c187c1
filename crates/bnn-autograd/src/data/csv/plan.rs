//! What the columns of a table are: whether its first row is a header, and which column is the
//! label.

use super::super::DataError;
use super::LabelColumn;
use super::rows::Row;

/// The columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::data) struct Plan {
    /// What the first row calls the columns, if it is a header.
    pub(in crate::data) header: Option<Vec<String>>,
    /// Columns of every row.
    pub(in crate::data) columns: usize,
    /// The column with the label, if there is one.
    pub(in crate::data) label: Option<usize>,
}

/// What a column of labels is often called.
const LABEL_WORDS: [&str; 6] = ["label", "labels", "class", "classes", "target", "y"];

impl Plan {
    /// Looks at the first two rows. With `features` there are that many columns, or one more with
    /// the label; without, all columns but one are features.
    pub(super) fn new(
        first: &Row,
        second: Option<&Row>,
        features: Option<usize>,
        label: &LabelColumn,
    ) -> Result<Self, DataError> {
        let columns = first.len();
        let header = is_header(first, second).then(|| {
            let names = first.fields().map(|name| String::from_utf8_lossy(name));
            names.map(String::from).collect::<Vec<String>>()
        });
        let has_label = match features {
            Some(features) if columns == features => false,
            Some(features) if columns - 1 == features => true,
            None if columns >= 2 => true,
            _ => {
                return Err(DataError::CsvColumns {
                    line: first.line,
                    found: columns,
                    features: features.unwrap_or(1),
                });
            }
        };
        let label = has_label
            .then(|| label_column(label, columns, header.as_deref()))
            .transpose()?;
        Ok(Self {
            header,
            columns,
            label,
        })
    }

    /// What the header calls a column.
    pub(in crate::data) fn name(&self, column: usize) -> Option<&str> {
        self.header.as_ref()?.get(column).map(String::as_str)
    }
}

fn label_column(
    label: &LabelColumn,
    columns: usize,
    header: Option<&[String]>,
) -> Result<usize, DataError> {
    let named = |name: &str| {
        let header = header?;
        let exactly = header.iter().position(|other| other == name);
        let same = |other: &String| other.eq_ignore_ascii_case(name);
        exactly.or_else(|| header.iter().position(same))
    };
    let absent = |name: &str| DataError::CsvNoColumn {
        name: name.to_owned(),
        header: header
            .unwrap_or_default()
            .iter()
            .take(20)
            .cloned()
            .collect(),
    };
    match label {
        LabelColumn::Auto => {
            let known = LABEL_WORDS.iter().find_map(|word| named(word));
            Ok(known.unwrap_or(columns - 1))
        }
        LabelColumn::First => Ok(0),
        LabelColumn::Last => Ok(columns - 1),
        LabelColumn::Named(name) => named(name).ok_or_else(|| absent(name)),
        LabelColumn::Noted { index, name } => {
            let by_name = name.as_deref().and_then(named);
            let by_index = Some(*index).filter(|&index| index < columns);
            by_name
                .or(by_index)
                .ok_or_else(|| absent(name.as_deref().unwrap_or("of labels")))
        }
    }
}

/// Whether the first row names the columns. It does where two or more of its fields are no numbers,
/// for a row of data has at most one, its label; or where one is none and the field below it is a
/// number, or it is a usual name of a column of labels.
fn is_header(first: &Row, second: Option<&Row>) -> bool {
    let words = |row: &Row| {
        let fields = row.fields().enumerate();
        let words = fields.filter(|(_, field)| is_word(field));
        words.map(|(column, _)| column).take(2).collect::<Vec<_>>()
    };
    match words(first)[..] {
        [] => false,
        [column] => {
            let name = first.field(column);
            let known = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
            let above_number = second.is_some_and(|row| {
                column < row.len() && !is_word(row.field(column)) && !row.field(column).is_empty()
            });
            above_number || LABEL_WORDS.iter().any(|word| known(word))
        }
        _ => true,
    }
}

/// Whether a field is neither a number nor missing.
fn is_word(field: &[u8]) -> bool {
    let number = std::str::from_utf8(field).is_ok_and(|text| text.parse::<f64>().is_ok());
    !number && !is_missing(field)
}

/// Whether a field says that there is no value.
pub(super) fn is_missing(field: &[u8]) -> bool {
    const WAYS: [&str; 6] = ["na", "n/a", "nan", "null", "none", "?"];
    let same = |way: &str| field.eq_ignore_ascii_case(way.as_bytes());
    field.is_empty() || WAYS.iter().any(|way| same(way))
}
