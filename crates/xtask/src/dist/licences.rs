//! The licences of the crates that a program is built from, whose texts must go with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::files;
use super::tree::{Key, Tree};
use crate::program::{Fallible, output};
use crate::repository::cargo;

/// The file that they are in.
pub(super) const FILE: &str = "LICENSE-THIRD-PARTY";

/// How the names of files with licences begin, in capital letters.
const NAMES: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];

/// Texts of what is linked besides crates.
const STANDARD_LIBRARY: &str = include_str!("../../../../packaging/licences/rust-std.txt");
const MUSL: &str = include_str!("../../../../packaging/licences/musl.txt");

/// The texts of licences whose names crates state: of many, the text is not in the package.
const STANDARD: [(&str, &str); 2] = [
    ("MIT", include_str!("../../../../LICENSE-MIT")),
    ("Apache-2.0", include_str!("../../../../LICENSE-APACHE")),
];

/// The licences of all that others wrote of a program for `target`, or for this machine: crates,
/// and what the compiler links. Each text is there once.
pub(super) fn of(tree: &Tree, target: Option<&str>) -> Fallible<String> {
    let sources = sources()?;
    let mut crates = vec![(
        "the Rust standard library: MIT OR Apache-2.0".to_owned(),
        BTreeSet::from([STANDARD_LIBRARY.trim().to_owned()]),
    )];
    if target.is_some_and(|target| target.ends_with("-musl")) {
        crates.push(("musl: MIT".into(), BTreeSet::from([MUSL.trim().to_owned()])));
    }
    let others = tree
        .crates
        .iter()
        .filter(|(_, found)| found.checksum.is_some());
    for (key, found) in others {
        let (name, version) = key;
        let source = sources
            .get(key)
            .ok_or_else(|| format!("{name} {version}: no source"))?;
        let mut texts = texts(&source.folder)?;
        if texts.is_empty() {
            let holders = match source.authors.is_empty() {
                true => format!("the authors of {name}"),
                false => source.authors.join(", "),
            };
            texts = standard(name, &holders, &found.licence)?;
        }
        crates.push((format!("{name} {version}: {}", found.licence), texts));
    }
    listed(&crates)
}

/// The standard texts of the licences among which a crate leaves the choice, under its name.
///
/// # Errors
/// If there is none of the licences in [`STANDARD`] among them.
fn standard(name: &str, holders: &str, licence: &str) -> Fallible<BTreeSet<String>> {
    let choices: Vec<&str> = licence.split(" OR ").collect();
    let chosen = STANDARD.iter().filter(|(id, _)| choices.contains(id));
    let texts: BTreeSet<String> = chosen
        .map(|(id, text)| {
            // The standard text, but for the line with this repository's holders.
            let lines = text.trim().lines().map(|line| match line {
                line if line.starts_with("Copyright (c)") => format!("Copyright (c) {holders}"),
                line => line.to_owned(),
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            format!("{name}, by {holders}, whose package has no text: that of {id}\n\n{text}")
        })
        .collect();
    match texts.is_empty() {
        true => Err(format!("{name}: no text of its licence, {licence}, is there").into()),
        false => Ok(texts),
    }
}

/// What is known of a crate besides what `cargo tree` says.
#[derive(Debug)]
struct Source {
    folder: PathBuf,
    authors: Vec<String>,
}

/// The sources of all crates.
fn sources() -> Fallible<BTreeMap<Key, Source>> {
    let metadata = output(cargo("metadata").args(["--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let source = |package: &Value| {
        let text = |key: &str| package[key].as_str().map(str::to_owned);
        let manifest = PathBuf::from(text("manifest_path")?);
        let authors = package["authors"].as_array().into_iter().flatten();
        let authors = authors.filter_map(Value::as_str).map(str::to_owned);
        let source = Source {
            folder: manifest.parent()?.to_owned(),
            authors: authors.collect(),
        };
        Some(((text("name")?, text("version")?), source))
    };
    Ok(packages.filter_map(source).collect())
}

/// The texts of a crate's licences.
fn texts(folder: &Path) -> Fallible<BTreeSet<String>> {
    let mut texts = BTreeSet::new();
    for (name, path) in files(folder)? {
        let name = name.to_uppercase();
        if path.is_file() && NAMES.iter().any(|begin| name.starts_with(begin)) {
            let text = fs::read(path)?;
            texts.insert(
                String::from_utf8_lossy(&text)
                    .replace('\r', "")
                    .trim()
                    .to_owned(),
            );
        }
    }
    Ok(texts)
}

/// The crates with the numbers of their texts, then the texts.
fn listed(crates: &[(String, BTreeSet<String>)]) -> Fallible<String> {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut list =
        String::from("This program is built from what is listed here, under these licences.\n\n");
    let mut texts = String::new();
    for (name, of_crate) in crates {
        let mut places = Vec::new();
        for text in of_crate {
            let next = numbers.len() + 1;
            let number = *numbers.entry(text).or_insert(next);
            if number == next {
                writeln!(texts, "\n==== text {number} ====\n\n{text}")?;
            }
            places.push(format!("text {number}"));
        }
        writeln!(list, "{name} ({})", places.join(", "))?;
    }
    Ok(list + &texts)
}

#[cfg(test)]
mod laws {
    use super::*;
    use crate::dist::tree;

    #[test]
    fn each_text_is_there_once_and_each_crate_says_which_are_its() -> Fallible<()> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let crates = [
            ("a 1: MIT".to_owned(), texts(&["permission"])),
            (
                "b 1: MIT OR Zlib".to_owned(),
                texts(&["permission", "warranty"]),
            ),
        ];
        let listed = listed(&crates)?;
        assert_eq!(listed.matches("permission").count(), 1);
        assert!(
            listed.contains("a 1: MIT (text 1)\nb 1: MIT OR Zlib (text 1, text 2)\n"),
            "{listed}"
        );
        assert!(
            listed.ends_with("==== text 2 ====\n\nwarranty\n"),
            "{listed}"
        );
        Ok(())
    }

    #[test]
    fn a_crate_without_text_gets_the_standard_ones_or_is_refused() -> Fallible<()> {
        let texts = standard("a", "Ada", "MIT OR Apache-2.0 OR Zlib")?;
        assert_eq!(texts.len(), 2);
        for text in &texts {
            assert!(text.starts_with("a, by Ada"), "{text}");
            assert!(!text.contains("bnn"), "{text}");
        }
        assert!(
            texts
                .iter()
                .any(|text| text.contains("Copyright (c) Ada\n"))
        );
        for other in ["Zlib", "MIT AND Zlib", ""] {
            assert!(standard("a", "Ada", other).is_err(), "{other}");
        }
        Ok(())
    }

    #[test]
    fn every_crate_of_what_is_shipped_has_a_text() -> Fallible<()> {
        let listed = of(
            &tree::of("bnn-cli", &[], Some("x86_64-unknown-linux-musl"))?,
            None,
        )?;
        let (list, _) = listed.split_once("\n==== text 1 ").ok_or("no text")?;
        let crates = list.lines().skip(2);
        assert!(crates.clone().count() > 20);
        for line in crates {
            assert!(line.ends_with(')'), "{line}");
        }
        Ok(())
    }

    #[test]
    fn licences_are_found_by_their_usual_names() -> Fallible<()> {
        let folder = tempfile::tempdir()?;
        for (name, text) in [
            ("LICENSE-MIT", "one\r\n"),
            ("license.md", "two"),
            ("README.md", "no"),
        ] {
            fs::write(folder.path().join(name), text)?;
        }
        assert_eq!(
            texts(folder.path())?,
            BTreeSet::from(["one".to_owned(), "two".to_owned()])
        );
        Ok(())
    }
}
