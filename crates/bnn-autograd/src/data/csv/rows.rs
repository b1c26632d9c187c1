//! The rows of a table: lines, and the fields in them.

use std::io::{BufRead, BufReader, Read};

use super::super::DataError;

/// Most bytes of a line: room for half a million numbers, and a bound for input that is no table.
pub(super) const MAX_LINE: u64 = 1 << 22;

/// One row and the fields in it.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// Line of the file, from 1.
    pub(super) line: u64,
    text: Vec<u8>,
    /// Where each field lies in the text.
    fields: Vec<(usize, usize)>,
}

impl Row {
    /// Number of fields, at least 1 for a row that was read.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// All fields, without the spaces around them.
    pub(super) fn fields(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let field = |&(start, end): &(usize, usize)| self.text[start..end].trim_ascii();
        self.fields.iter().map(field)
    }

    /// One field; empty if the row has no such field.
    pub(super) fn field(&self, column: usize) -> &[u8] {
        self.fields().nth(column).unwrap_or_default()
    }

    /// Fields between delimiters that lie outside quotes; doubled quotes stand for one.
    fn split(&mut self, delimiter: u8) -> Result<(), DataError> {
        self.fields.clear();
        if !self.text.contains(&b'"') {
            let mut start = 0;
            for (at, _) in self
                .text
                .iter()
                .enumerate()
                .filter(|(_, b)| **b == delimiter)
            {
                self.fields.push((start, at));
                start = at + 1;
            }
            self.fields.push((start, self.text.len()));
            return Ok(());
        }
        let line = std::mem::take(&mut self.text);
        let (mut start, mut quoted) = (0, false);
        let mut bytes = line.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' if !quoted && self.text[start..].trim_ascii().is_empty() => quoted = true,
                b'"' if quoted && bytes.peek() == Some(&b'"') => {
                    bytes.next();
                    self.text.push(b'"');
                }
                b'"' if quoted => quoted = false,
                byte if byte == delimiter && !quoted => {
                    self.fields.push((start, self.text.len()));
                    start = self.text.len();
                }
                byte => self.text.push(byte),
            }
        }
        if quoted {
            return Err(DataError::CsvQuote { line: self.line });
        }
        self.fields.push((start, self.text.len()));
        Ok(())
    }
}

/// Reads the rows of a stream. Empty lines are skipped and counted. (The `csv` crate counts a
/// record from the end of the one before, which after an empty line or `\r\n` is not the line that
/// an editor shows.)
pub(super) struct Rows<R> {
    source: BufReader<R>,
    line: u64,
    /// Known after the first row.
    delimiter: Option<u8>,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source: BufReader::new(source),
            line: 0,
            delimiter: None,
        }
    }

    /// Reads the next row into `row`; `false` at the end of the stream.
    pub(super) fn next(&mut self, row: &mut Row) -> Result<bool, DataError> {
        const UTF_8: &[u8] = "\u{feff}".as_bytes();
        loop {
            row.text.clear();
            let mut line = self.source.by_ref().take(MAX_LINE);
            let read = line.read_until(b'\n', &mut row.text);
            if read.map_err(|source| DataError::CsvRead { source })? == 0 {
                return Ok(false);
            }
            self.line += 1;
            row.line = self.line;
            if row.text.len() as u64 == MAX_LINE && !row.text.ends_with(b"\n") {
                return Err(DataError::CsvLine {
                    line: self.line,
                    max: MAX_LINE,
                });
            }
            if self.line == 1 {
                if row.text.starts_with(&[0xFF, 0xFE]) || row.text.starts_with(&[0xFE, 0xFF]) {
                    return Err(DataError::CsvUtf16);
                }
                if row.text.starts_with(UTF_8) {
                    row.text.drain(..UTF_8.len());
                }
            }
            while row
                .text
                .last()
                .is_some_and(|byte| matches!(byte, b'\r' | b'\n'))
            {
                row.text.pop();
            }
            if !row.text.trim_ascii().is_empty() {
                let delimiter = *self.delimiter.get_or_insert_with(|| delimiter(&row.text));
                row.split(delimiter)?;
                return Ok(true);
            }
        }
    }
}

/// What separates the fields of the first row: a tab if there is one outside quotes, else a
/// semicolon if there is one, else a comma.
fn delimiter(row: &[u8]) -> u8 {
    let mut quoted = false;
    let mut found = b',';
    for &byte in row {
        match byte {
            b'"' => quoted = !quoted,
            b'\t' if !quoted => return b'\t',
            b';' if !quoted => found = b';',
            _ => {}
        }
    }
    found
}
