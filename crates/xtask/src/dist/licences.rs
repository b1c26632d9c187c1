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

/// The licences of all crates that others wrote, each text once.
pub(super) fn of(tree: &Tree) -> Fallible<String> {
    let folders = folders()?;
    let mut crates = Vec::new();
    let others = tree
        .crates
        .iter()
        .filter(|(_, found)| found.checksum.is_some());
    for (key, found) in others {
        let (name, version) = key;
        let folder = folders
            .get(key)
            .ok_or_else(|| format!("{name} {version}: no source"))?;
        crates.push((
            format!("{name} {version}: {}", found.licence),
            texts(folder)?,
        ));
    }
    listed(&crates)
}

/// Where the sources of all crates are.
fn folders() -> Fallible<BTreeMap<Key, PathBuf>> {
    let metadata = output(cargo("metadata").args(["--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let folder = |package: &Value| {
        let text = |key: &str| package[key].as_str().map(str::to_owned);
        let manifest = PathBuf::from(text("manifest_path")?);
        Some((
            (text("name")?, text("version")?),
            manifest.parent()?.to_owned(),
        ))
    };
    Ok(packages.filter_map(folder).collect())
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
        String::from("This program is built from the crates below, under their licences.\n\n");
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
        match places.is_empty() {
            true => writeln!(list, "{name}")?,
            false => writeln!(list, "{name} ({})", places.join(", "))?,
        }
    }
    Ok(list + &texts)
}

#[cfg(test)]
mod laws {
    use super::*;

    #[test]
    fn each_text_is_there_once_and_each_crate_says_which_are_its() -> Fallible<()> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let crates = [
            ("a 1: MIT".to_owned(), texts(&["permission"])),
            (
                "b 1: MIT OR Zlib".to_owned(),
                texts(&["permission", "warranty"]),
            ),
            ("c 1: MIT".to_owned(), texts(&[])),
        ];
        let listed = listed(&crates)?;
        assert_eq!(listed.matches("permission").count(), 1);
        assert!(
            listed.contains("a 1: MIT (text 1)\nb 1: MIT OR Zlib (text 1, text 2)\nc 1: MIT\n"),
            "{listed}"
        );
        assert!(
            listed.ends_with("==== text 2 ====\n\nwarranty\n"),
            "{listed}"
        );
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
