//! Samples as numeric CSV rows: the features, then, if there is one more column, the label.

use std::io::{BufRead, BufReader, Read};

use super::DataError;

/// Rows of numbers as they were in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Features, row-major `[rows, features]`.
    pub pixels: Vec<u8>,
    /// One label for each row, if the rows have one column more than features.
    pub labels: Option<Vec<u8>>,
}

/// Reads all rows: `features` whole numbers from 0 to `max` (the `2^depth - 1` of a model's input),
/// then, in all rows or in none, a label from 0 to 255. `3`, `3.0` and `3e0` are the same number;
/// spaces around it and empty lines do not count. There is no header line and there are no quotes.
///
/// # Errors
///
/// [`DataError::CsvColumns`], [`DataError::CsvRagged`] and [`DataError::CsvValue`] name the line, and
/// the column, of the first row that is not so. [`DataError::Zero`] without rows or features,
/// [`DataError::CsvRead`] if `reader` fails.
///
/// ```
/// use bnn_autograd::data::{DataError, csv};
///
/// let table = csv::read("0, 16, 7\n3, 0, 9\n".as_bytes(), 2, 16)?;
/// assert_eq!(table.pixels, [0, 16, 3, 0]);
/// assert_eq!(table.labels, Some(vec![7, 9]));
///
/// let error = csv::read("0,16\n3,x\n".as_bytes(), 2, 16).unwrap_err();
/// assert_eq!(error.to_string(), r#"line 2, column 2: "x" is not a whole number from 0 to 16"#);
/// # Ok::<(), DataError>(())
/// ```
pub fn read(reader: impl Read, features: usize, max: u8) -> Result<Table, DataError> {
    if features == 0 {
        return Err(DataError::Zero { what: "features" });
    }
    let mut rows = Rows::new(reader);
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    let mut columns = None;
    while let Some((line, row)) = rows.next_row()? {
        let found = row.split(|&byte| byte == b',').count();
        match columns {
            None if found != features && found - 1 != features => {
                return Err(DataError::CsvColumns {
                    line,
                    found,
                    features,
                });
            }
            Some(expected) if found != expected => {
                return Err(DataError::CsvRagged {
                    line,
                    found,
                    expected,
                });
            }
            _ => columns = Some(found),
        }
        for (index, field) in row.split(|&byte| byte == b',').enumerate() {
            let (values, max) = if index < features {
                (&mut pixels, max)
            } else {
                (&mut labels, u8::MAX)
            };
            let field = field.trim_ascii();
            values.push(whole_number(field, max).ok_or_else(|| DataError::CsvValue {
                line,
                column: index + 1,
                field: excerpt(field),
                max,
            })?);
        }
    }
    let columns = columns.ok_or(DataError::Zero { what: "rows" })?;
    Ok(Table {
        pixels,
        labels: (columns > features).then_some(labels),
    })
}

/// Most bytes of a line: room for half a million numbers, and a bound for what is no CSV at all.
const MAX_LINE: u64 = 1 << 22;

/// The lines that are not empty, with their true numbers. (The `csv` crate counts a record from the
/// end of the one before, which after an empty line or `\r\n` is not the line an editor shows.)
struct Rows<R> {
    source: BufReader<R>,
    row: Vec<u8>,
    line: u64,
}

impl<R: Read> Rows<R> {
    fn new(source: R) -> Self {
        Self {
            source: BufReader::new(source),
            row: Vec::new(),
            line: 0,
        }
    }

    fn next_row(&mut self) -> Result<Option<(u64, &[u8])>, DataError> {
        const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
        loop {
            self.row.clear();
            let mut line = self.source.by_ref().take(MAX_LINE);
            let read = line.read_until(b'\n', &mut self.row);
            if read.map_err(|source| DataError::CsvRead { source })? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if self.row.len() as u64 == MAX_LINE && !self.row.ends_with(b"\n") {
                return Err(DataError::CsvLine {
                    line: self.line,
                    max: MAX_LINE,
                });
            }
            if self.line == 1 && self.row.starts_with(BYTE_ORDER_MARK) {
                self.row.drain(..BYTE_ORDER_MARK.len());
            }
            if !self.row.trim_ascii().is_empty() {
                return Ok(Some((self.line, self.row.trim_ascii())));
            }
        }
    }
}

/// The field as a number from `0..=max`. NaN and infinities fail the range or the fraction.
fn whole_number(field: &[u8], max: u8) -> Option<u8> {
    let value: f64 = std::str::from_utf8(field).ok()?.parse().ok()?;
    let whole = value.fract() == 0.0 && (0.0..=f64::from(max)).contains(&value);
    whole.then_some(value as u8)
}

/// The start of a field, short enough for a message.
fn excerpt(field: &[u8]) -> String {
    const LONGEST: usize = 24;
    let text = String::from_utf8_lossy(&field[..field.len().min(4 * LONGEST)]);
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A failed unwrap is a failed test.

    use super::*;
    use proptest::prelude::*;

    fn refusal(text: &str) -> String {
        read(text.as_bytes(), 2, 16).unwrap_err().to_string()
    }

    #[test]
    fn a_stream_without_line_ends_is_refused_before_it_fills_the_memory() {
        let error = read(std::io::repeat(b'1'), 2, 9).unwrap_err();
        assert!(matches!(
            error,
            DataError::CsvLine {
                line: 1,
                max: MAX_LINE
            }
        ));
    }

    #[test]
    fn rows_without_a_label_have_none() {
        let table = read("1,2\r\n3,4".as_bytes(), 2, 16).unwrap();
        assert_eq!(
            table,
            Table {
                pixels: vec![1, 2, 3, 4],
                labels: None
            }
        );
    }

    #[test]
    fn whole_numbers_may_be_written_as_fractions() {
        let table = read(" 1.0 ,1.6e1,\t255\n".as_bytes(), 2, 16).unwrap();
        assert_eq!(
            table,
            Table {
                pixels: vec![1, 16],
                labels: Some(vec![255])
            }
        );
    }

    #[test]
    fn a_field_that_is_no_whole_number_in_range_is_named_by_line_and_column() {
        for field in [
            "x", "", "1.5", "17", "-1", "nan", "inf", "1e300", "0x1", "ﬁve",
        ] {
            let message = refusal(&format!("0,0\n0,{field}\n"));
            assert!(message.starts_with("line 2, column 2: "), "{message}");
            assert!(message.contains(&format!("{field:?}")), "{message}");
        }
        assert!(refusal("0,0,256\n").ends_with("from 0 to 255"));
        assert!(refusal("a,b\n0,0\n").starts_with("line 1, column 1"));
    }

    #[test]
    fn a_row_of_another_length_is_named_with_what_was_expected() {
        assert_eq!(
            refusal("1\n"),
            "line 1 has 1 columns, expected 2, or one more with the label"
        );
        assert!(refusal("1,2,3,4\n").starts_with("line 1 has 4 columns"));
        assert_eq!(
            refusal("1,2,3\n1,2\n"),
            "line 2 has 2 columns, expected 3 as in the first row"
        );
    }

    #[test]
    fn lines_are_numbered_as_an_editor_does() {
        assert_eq!(
            read("1,2\n\n3,4\n".as_bytes(), 2, 16).unwrap().pixels,
            [1, 2, 3, 4]
        );
        assert!(refusal("1,2\n\n\n3,x\n").starts_with("line 4, column 2"));
        assert!(refusal("1,2\r\n3,4\r\n \r\n3,x").starts_with("line 4, column 2"));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_number() {
        let table = read("\u{feff}1,2\n".as_bytes(), 2, 16).unwrap();
        assert_eq!(table.pixels, [1, 2]);
    }

    #[test]
    fn no_rows_and_no_features_are_refused() {
        assert!(refusal("\n\n").contains("rows is 0"));
        assert!(read("1\n".as_bytes(), 0, 16).is_err());
        assert!(read("1\n".as_bytes(), usize::MAX, 16).is_err());
    }

    #[test]
    fn a_huge_field_does_not_make_a_huge_message() {
        assert!(refusal(&"é".repeat(100_000)).len() < 200);
        let field = format!("0,{}\n", "é".repeat(100_000));
        assert!(refusal(&field).len() < 200);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(rows in prop::collection::vec((0_u8..=16, 0_u8..=16, any::<u8>()), 1..70)) {
            let text: String = rows.iter().map(|(a, b, label)| format!("{a},{b},{label}\n")).collect();
            let table = read(text.as_bytes(), 2, 16).unwrap();
            let pixels: Vec<u8> = rows.iter().flat_map(|&(a, b, _)| [a, b]).collect();
            prop_assert_eq!(table.pixels, pixels);
            prop_assert_eq!(table.labels.unwrap(), rows.iter().map(|row| row.2).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_rows_or_an_error(bytes: Vec<u8>, features in 1_usize..4) {
            if let Ok(table) = read(&bytes[..], features, 16) {
                prop_assert!(!table.pixels.is_empty());
                prop_assert_eq!(table.pixels.len() % features, 0);
                prop_assert!(table.pixels.iter().all(|&pixel| pixel <= 16));
            }
        }
    }
}
