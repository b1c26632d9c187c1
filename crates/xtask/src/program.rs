//! Other programs: what they print, and what they say where they fail.

use std::error::Error;
use std::process::Command;

pub(crate) type Fallible<T> = Result<T, Box<dyn Error>>;

/// The lines of a failed program that are shown.
const LAST_LINES: usize = 40;

/// Runs a program, and returns what it printed to its standard output.
///
/// # Errors
/// If it cannot be started, or fails: with the end of what it said.
pub(crate) fn output(command: &mut Command) -> Fallible<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}; is it installed?"))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    Err(format!("{command:?}: {}\n{last}", output.status).into())
}

#[cfg(test)]
mod laws {
    use super::*;

    #[test]
    fn what_a_program_printed_is_returned_or_what_it_complained_of() {
        let printed = output(Command::new("sh").args(["-c", "echo 1"]));
        assert_eq!(printed.map_err(|error| error.to_string()), Ok("1\n".into()));
        let failed = output(Command::new("sh").args(["-c", "echo reason >&2; exit 3"]));
        let failed = failed
            .map_err(|error| error.to_string())
            .unwrap_or_else(|error| error);
        assert!(
            failed.contains("reason") && failed.contains("3"),
            "{failed}"
        );
        let absent = output(&mut Command::new("no-such-program"));
        assert!(absent.is_err_and(|error| error.to_string().contains("no-such-program")));
    }
}
