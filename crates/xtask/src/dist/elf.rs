//! What a program for Linux needs of the machine that it runs on.

use std::path::Path;
use std::process::Command;

use super::Release;
use crate::program::{Fallible, output};

/// The C library that a program may ask for: `major.minor` of glibc.
const NEWEST_GLIBC: (u32, u32) = (2, 28);

/// Prints the needs of a program, and refuses the release if it asks for symbols of a newer glibc
/// than [`NEWEST_GLIBC`].
pub(super) fn check(program: &Path, release: &Release) -> Fallible<()> {
    let headers = output(Command::new("objdump").arg("-p").arg(program))?;
    match described(&headers) {
        Ok(needs) => println!("bnn {needs}"),
        Err(needs) => release.refuse(&format!("bnn {needs}"))?,
    }
    Ok(())
}

/// The needs that `objdump -p` lists; an error if they are too many.
fn described(headers: &str) -> Result<String, String> {
    let words =
        |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let mut libraries = Vec::new();
    let mut newest = (0, 0);
    for line in headers.lines().map(words) {
        match &line[..] {
            [key, library] if key == "NEEDED" => libraries.push(library.clone()),
            [.., symbols] => newest = newest.max(glibc(symbols).unwrap_or_default()),
            [] => {}
        }
    }
    let is_dynamic = headers
        .lines()
        .any(|line| line.trim_start().starts_with("INTERP"));
    if libraries.is_empty() && !is_dynamic {
        return Ok("is static and needs no library".into());
    }
    let (major, minor) = newest;
    let needs = format!("needs {} and glibc {major}.{minor}", libraries.join(", "));
    if newest > NEWEST_GLIBC {
        let (major, minor) = NEWEST_GLIBC;
        return Err(format!("{needs}, expected at most glibc {major}.{minor}"));
    }
    Ok(needs)
}

/// The version in `GLIBC_major.minor[.patch]`.
fn glibc(symbols: &str) -> Option<(u32, u32)> {
    let mut numbers = symbols.strip_prefix("GLIBC_")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod laws {
    use super::*;

    fn dynamic(version: &str) -> String {
        format!(
            "  INTERP off    0x318\n\nDynamic Section:\n  NEEDED               libc.so.6\n\n\
             Version References:\n  required from libc.so.6:\n    0x09691a75 0x00 03 GLIBC_2.2.5\n    \
             0x06969188 0x00 02 GLIBC_{version}\n"
        )
    }

    #[test]
    fn the_newest_symbol_decides() {
        let needs = described;
        assert_eq!(
            needs(&dynamic("2.28")),
            Ok("needs libc.so.6 and glibc 2.28".into())
        );
        assert!(needs(&dynamic("2.34")).is_err_and(|error| error.contains("2.34")));
        assert!(needs(&dynamic("2.3.4")).is_ok());
        assert!(needs("  LOAD off 0x0\n").is_ok_and(|needs| needs.contains("static")));
    }
}
