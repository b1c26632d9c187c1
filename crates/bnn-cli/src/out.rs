//! What the command says on its two streams. A reader that has gone away is no error of ours, and
//! nothing here panics.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use crate::error::CliError;

/// Writes a line to standard output.
pub(crate) fn line(text: impl Display) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // `bnn info model.bnn | head -1`: the reader has what it wanted.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(CliError::failed(error).about("cannot write to standard output")),
        Ok(()) => Ok(()),
    }
}

/// Writes a line to standard error; where that fails there is nobody left to tell.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
