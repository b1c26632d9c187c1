//! Standard output and standard error. All output of the command goes through this module, which
//! escapes untrusted text (file names, class names, meta text). A closed pipe is not an error, and
//! nothing here panics.

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

/// Writes a text of this program's own, of several lines, to standard output as it is.
pub(crate) fn script(text: &str) -> Result<(), CliError> {
    print(text.trim_end())
}

/// Writes a table to standard output; [`crate::table`] has escaped its cells.
pub(crate) fn table(table: Table) -> Result<(), CliError> {
    print(table)
}

/// Writes one line of JSON to standard output. `serde_json` escapes the control characters below
/// U+0020 only; the others occur in strings alone and are escaped here.
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

/// Writes one line to standard error, escaped. A failure is ignored: nobody could be told.
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
