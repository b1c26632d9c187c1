//! The version, which several files state.

use std::fs;
use std::path::Path;

use crate::program::Fallible;
use crate::repository::{Workspace, repository};

/// Files beside the crates that state the version, and what is written before and after it.
const STATED: [(&str, &str, &str); 5] = [
    ("CITATION.cff", "\nversion: ", "\n"),
    ("web/package.json", "\"version\": \"", "\""),
    ("web/package-lock.json", "\"version\": \"", "\""),
    ("firmware/Cargo.lock", OF_CORE, "\""),
    ("firmware/template/Cargo.lock", OF_CORE, "\""),
];

/// Before the version in a lock of cargo outside the workspace.
const OF_CORE: &str = "name = \"bnn-core\"\nversion = \"";

/// Fails where a file states another version than the crates have, and returns the version.
pub(crate) fn check() -> Fallible<String> {
    let workspace = Workspace::read()?;
    let version = workspace.version()?;
    let text = read("Cargo.toml")?;
    if let Some(line) = text.lines().find(|line| asks_for_another(line, version)) {
        return Err(format!("Cargo.toml: expected version {version} in `{line}`").into());
    }
    for (file, before, after) in STATED {
        let text = match fs::exists(repository().join(file))? {
            true => read(file)?,
            false => continue,
        };
        let stated = between(&text, before, after);
        if stated != Some(version) {
            let stated = stated.unwrap_or("none");
            return Err(format!("{file}: expected version {version}, found {stated}").into());
        }
    }
    Ok(version.to_owned())
}

/// The version that the manifest of another checkout states.
pub(crate) fn of_workspace(checkout: &Path) -> Fallible<String> {
    let text = fs::read_to_string(checkout.join("Cargo.toml"))?;
    let version = between(&text, "\nversion = \"", "\"");
    Ok(version
        .ok_or("no version in the workspace's manifest")?
        .to_owned())
}

/// Fails unless the changelog's newest section is of this version, with the date that CITATION.cff
/// states. The line that it returns says so.
pub(crate) fn check_dated() -> Fallible<String> {
    let version = check()?;
    let date = released(&read("CHANGELOG.md")?, &version)?.to_owned();
    let cited = read("CITATION.cff")?;
    match between(&cited, "\ndate-released: ", "\n") {
        Some(cited) if cited == date => Ok(format!("{version}, dated {date}")),
        cited => Err(format!(
            "CITATION.cff: expected date-released {date}, found {}",
            cited.unwrap_or("none")
        )
        .into()),
    }
}

/// The date of the changelog's newest section, which must be of `version`.
fn released<'a>(changelog: &'a str, version: &str) -> Fallible<&'a str> {
    let newest = changelog.lines().find(|line| line.starts_with("## "));
    let newest = newest.unwrap_or("no section");
    let date = newest
        .strip_prefix(&format!("## [{version}] - "))
        .filter(|date| {
            let digits = date.bytes().filter(u8::is_ascii_digit).count();
            date.len() == 10 && digits == 8
        });
    let expected =
        format!("CHANGELOG.md: expected `## [{version}] - YYYY-MM-DD`, found `{newest}`");
    date.ok_or_else(|| expected.into())
}

/// Whether a line of the workspace's manifest asks for a crate of this repository in another
/// version.
fn asks_for_another(line: &str, version: &str) -> bool {
    line.contains("path = ")
        && between(line, "version = \"", "\"").is_some_and(|asked| asked != version)
}

fn read(file: &str) -> Fallible<String> {
    Ok(fs::read_to_string(repository().join(file)).map_err(|error| format!("{file}: {error}"))?)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

#[cfg(test)]
mod laws {
    use super::*;

    #[test]
    fn every_file_states_the_version_of_the_crates() {
        assert!(
            check()
                .map_err(|error| error.to_string())
                .is_ok_and(|v| !v.is_empty())
        );
    }

    #[test]
    fn requirements_of_another_version_are_found() {
        let line = |version| {
            format!("bnn-core = {{ path = \"crates/bnn-core\", version = \"{version}\" }}")
        };
        assert!(!asks_for_another(&line("1.2.3"), "1.2.3"));
        assert!(asks_for_another(&line("1.2.2"), "1.2.3"));
        assert!(!asks_for_another("rayon = { version = \"1.12\" }", "1.2.3"));
    }

    #[test]
    fn a_release_has_a_dated_section() {
        let date = |text, version| released(text, version).map_err(|error| error.to_string());
        let text = "# Changelog\n\n## [1.2.0] - 2026-11-30\n\n## [1.1.0] - 2026-01-01\n";
        assert_eq!(date(text, "1.2.0"), Ok("2026-11-30"));
        assert!(date(text, "1.1.0").is_err());
        assert!(date("## [1.2.0] - soon\n", "1.2.0").is_err());
        assert!(date("## [Unreleased]\n\n## [1.2.0] - 2026-11-30\n", "1.2.0").is_err());
    }
}
