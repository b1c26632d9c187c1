//! What the command writes to its two streams. Text of other people (file names, class names, meta text)
//! cannot reach a terminal but through here, where it is escaped. A reader that has gone away is no
//! error, and nothing here panics.

use std::fmt::{self, Display, Write as _};
use std::io::{self, ErrorKind, Write};

use comfy_table::Table;
use serde_json::Value;

use crate::error::CliError;
use crate::text::{is_unprintable, printable};

/// Writes one line to standard output, escaped.
pub(crate) fn line(text: impl Display) -> Result<(), CliError> {
    print(format_args!("{}", printable(&text.to_string())))
}

/// Writes a table to standard output; [`crate::table`] has escaped its cells.
pub(crate) fn table(table: Table) -> Result<(), CliError> {
    print(table)
}

/// Writes one line of JSON to standard output. JSON escapes the control characters of ASCII only; the
/// others, which can be in strings alone, are escaped here.
pub(crate) fn json(value: Value) -> Result<(), CliError> {
    let text = value.to_string();
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_unprintable(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(letter);
        }
    }
    print(line)
}

/// Writes one line to standard error, escaped; where that fails there is nobody left to tell.
pub(crate) fn note(text: impl Display) {
    let text = text.to_string();
    let _ = writeln!(io::stderr().lock(), "{}", printable(&text));
}

fn print(text: impl fmt::Display) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // `bnn info model.bnn | head -1`: the reader has what it wanted.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(CliError::failed(error).about("cannot write to standard output")),
        Ok(()) => Ok(()),
    }
}
