//! The crates that a program is built from, and which needs which.
//!
//! Asked of `cargo tree`, which alone knows the features that this very program is built with;
//! `cargo metadata` unites those of all programs of the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::program::{Fallible, output};
use crate::repository::{cargo, repository};

/// A crate of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Crate {
    /// The expression of SPDX.
    pub(super) licence: String,
    pub(super) repository: String,
    /// The SHA-256 of its package; none of crates of this repository.
    pub(super) checksum: Option<String>,
    /// The keys of the crates that it needs.
    pub(super) needs: BTreeSet<Key>,
}

/// Name and version.
pub(super) type Key = (String, String);

/// A program's crates.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Key,
    pub(super) crates: BTreeMap<Key, Crate>,
}

/// The crates that `package` is built from for `target`, or for this machine, where `features` are
/// more words for cargo.
pub(super) fn of(package: &str, features: &[&str], target: Option<&str>) -> Fallible<Tree> {
    let mut tree = cargo("tree");
    tree.args([
        "--package",
        package,
        "--edges",
        "normal",
        "--prefix",
        "depth",
    ]);
    tree.args(features);
    tree.args(["--format", "\t{p}\t{l}\t{r}\t"]);
    if let Some(target) = target {
        tree.args(["--target", target]);
    }
    let lock = fs::read_to_string(repository().join("Cargo.lock"))?;
    parsed(&output(&mut tree)?, &checksums(&lock))
}

/// What `cargo tree` printed: a line for each crate, by its depth, after the line of the crate that
/// needs it. What a crate needs may be left out where it was listed before.
fn parsed(text: &str, checksums: &BTreeMap<Key, String>) -> Fallible<Tree> {
    let mut crates: BTreeMap<Key, Crate> = BTreeMap::new();
    let mut above: Vec<Key> = Vec::new();
    for line in text.lines() {
        let strange = || format!("cargo tree: `{line}` is no crate");
        let [depth, package, licence, at, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(strange().into());
        };
        let mut words = package.split(' ');
        let (name, version) = words.next().zip(words.next()).ok_or_else(strange)?;
        let version = version.strip_prefix('v').ok_or_else(strange)?;
        let key = (name.to_owned(), version.to_owned());
        above.truncate(depth.parse().map_err(|_| strange())?);
        if let Some(needing) = above.last() {
            crates
                .entry(needing.clone())
                .or_default()
                .needs
                .insert(key.clone());
        }
        let entry = crates.entry(key.clone()).or_default();
        // An older way to write that either licence may be chosen.
        entry.licence = licence.replace('/', " OR ");
        at.clone_into(&mut entry.repository);
        entry.checksum = checksums.get(&key).cloned();
        above.push(key);
    }
    let root = above.into_iter().next().ok_or("cargo tree: no crate")?;
    Ok(Tree { root, crates })
}

/// The checksums of Cargo.lock.
fn checksums(lock: &str) -> BTreeMap<Key, String> {
    let value = |package: &str, key: &str| {
        let lines = package.lines();
        let mut values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
        Some(values.next()?.trim_end_matches('"').to_owned())
    };
    let packages = lock.split("[[package]]").skip(1);
    packages
        .filter_map(|package| {
            let key = (value(package, "name")?, value(package, "version")?);
            Some((key, value(package, "checksum")?))
        })
        .collect()
}

#[cfg(test)]
pub(super) mod laws {
    use super::*;

    /// A program of three crates, two of which are of this repository.
    pub(in crate::dist) fn example() -> Fallible<Tree> {
        let text = "0\tbnn v1.0.0 (/here)\tMIT\t\t\n1\tcore v1.0.0 (/here)\tMIT\t\t\n\
                    2\tlibm v0.2.1\tMIT/Apache-2.0\thttps://libm\t\n1\tlibm v0.2.1\tMIT/Apache-2.0\thttps://libm\t\n\
                    1\tcore v1.0.0 (/here)\tMIT\t\t (*)\n";
        let lock = "version = 4\n\n[[package]]\nname = \"libm\"\nversion = \"0.2.1\"\nchecksum = \"12ab\"\n\n\
                    [[package]]\nname = \"core\"\nversion = \"1.0.0\"\n";
        parsed(text, &checksums(lock))
    }

    #[test]
    fn crates_their_needs_and_their_checksums_are_read() -> Fallible<()> {
        let key = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let Tree { root, crates } = example()?;
        let (bnn, core, libm) = (
            key("bnn", "1.0.0"),
            key("core", "1.0.0"),
            key("libm", "0.2.1"),
        );
        assert_eq!(root, bnn);
        assert_eq!(crates.len(), 3);
        assert_eq!(
            crates[&bnn].needs,
            BTreeSet::from([core.clone(), libm.clone()])
        );
        assert_eq!(crates[&core].needs, BTreeSet::from([libm.clone()]));
        let expected = Crate {
            licence: "MIT OR Apache-2.0".into(),
            repository: "https://libm".into(),
            checksum: Some("12ab".into()),
            needs: BTreeSet::new(),
        };
        assert_eq!(crates[&libm], expected);
        assert!(parsed("0 bnn", &BTreeMap::new()).is_err());
        Ok(())
    }

    #[test]
    fn every_crate_of_the_command_has_a_licence_and_all_but_ours_a_checksum() -> Fallible<()> {
        let tree = of("bnn-cli", &[], None)?;
        assert!(tree.crates.len() > 20);
        for ((name, version), found) in &tree.crates {
            assert!(!found.licence.is_empty(), "{name} {version}");
            assert_eq!(
                found.checksum.is_none(),
                name.starts_with("bnn-"),
                "{name} {version}"
            );
        }
        Ok(())
    }
}
