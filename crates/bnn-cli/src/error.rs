//! Why a command failed: one line for people, and an exit code.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The input is wrong: a file, a number, a combination of options.
    Input(String),
    /// The run itself failed.
    Failed(String),
    /// Ctrl-C.
    Interrupted(String),
}

impl CliError {
    /// Wrong input, explained by an error and all its causes in one line.
    pub(crate) fn input(error: impl Error) -> Self {
        Self::Input(with_causes(&error))
    }

    /// A failed run, explained by an error and all its causes in one line.
    pub(crate) fn failed(error: impl Error) -> Self {
        Self::Failed(with_causes(&error))
    }

    /// Puts what the error is about before the line, unless the line mentions it already.
    pub(crate) fn about(mut self, what: impl fmt::Display) -> Self {
        let (Self::Input(line) | Self::Failed(line) | Self::Interrupted(line)) = &mut self;
        let what = what.to_string();
        if !line.contains(&what) {
            *line = format!("{what}: {line}");
        }
        self
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Input(_) => 2,
            Self::Interrupted(_) => 130,
        })
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Input(line) | Self::Failed(line) | Self::Interrupted(line)) = self;
        f.write_str(line)
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some errors quote their causes themselves.
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line
}
