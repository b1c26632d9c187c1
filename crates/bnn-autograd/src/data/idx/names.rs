//! File names of IDX data: `train-images-idx3-ubyte` and variants of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::DataError;
use super::super::part::Part;
use super::super::source;

/// The files of one data set, each if it is there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Files {
    /// The prefix of their names, as in `emnist-letters-`.
    pub(super) prefix: String,
    train_images: Option<PathBuf>,
    train_labels: Option<PathBuf>,
    test_images: Option<PathBuf>,
    test_labels: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Images,
    Labels,
}

impl Files {
    /// The file of that part and kind, or its usual name for a message.
    pub(super) fn get(&self, folder: &Path, part: Part, kind: Kind) -> Result<&Path, DataError> {
        let (file, usual) = match (part, kind) {
            (Part::Train, Kind::Images) => (&self.train_images, "train-images-idx3-ubyte"),
            (Part::Train, Kind::Labels) => (&self.train_labels, "train-labels-idx1-ubyte"),
            (_, Kind::Images) => (&self.test_images, "t10k-images-idx3-ubyte"),
            (_, Kind::Labels) => (&self.test_labels, "t10k-labels-idx1-ubyte"),
        };
        file.as_deref().ok_or_else(|| DataError::Missing {
            path: folder.join(format!("{}{usual}", self.prefix)),
        })
    }

    fn place(&mut self, part: Part, kind: Kind) -> &mut Option<PathBuf> {
        match (part, kind) {
            (Part::Train, Kind::Images) => &mut self.train_images,
            (Part::Train, Kind::Labels) => &mut self.train_labels,
            (_, Kind::Images) => &mut self.test_images,
            (_, Kind::Labels) => &mut self.test_labels,
        }
    }
}

/// The data sets in a folder, in the order of their prefixes.
pub(super) fn sets(folder: &Path) -> Result<Vec<Files>, DataError> {
    let mut sets: BTreeMap<String, Files> = BTreeMap::new();
    let mut files = source::named_files(folder)?;
    // Plain files first, so that they win over compressed ones.
    files.sort_by_key(|(name, path)| !path.to_string_lossy().ends_with(name.as_str()));
    for (name, path) in files {
        let Some((prefix, part, kind)) = parse(&name) else {
            continue;
        };
        let set = sets.entry(prefix.to_owned()).or_default();
        set.prefix = prefix.to_owned();
        set.place(part, kind).get_or_insert(path);
    }
    Ok(sets.into_values().collect())
}

/// Takes a name apart: prefix, `train`, `t10k` or `test`, `images` or `labels`, and an ending such
/// as `-idx3-ubyte` or `.idx1-ubyte`, with any of `-`, `_` and `.` between them.
fn parse(name: &str) -> Option<(&str, Part, Kind)> {
    const ENDINGS: [&str; 9] = [
        "",
        "idx",
        "ubyte",
        "idx1",
        "idx3",
        "idx4",
        "idx1-ubyte",
        "idx3-ubyte",
        "idx4-ubyte",
    ];
    let separator = |c: char| matches!(c, '-' | '_' | '.');
    let lower = name.to_ascii_lowercase();
    let (kind, word) = if lower.contains("images") {
        (Kind::Images, "images")
    } else {
        (Kind::Labels, "labels")
    };
    let at = lower.rfind(word)?;
    let ending = lower[at + word.len()..].trim_start_matches(separator);
    let ending = ending.replace(separator, "-");
    if !ENDINGS.contains(&ending.as_str()) {
        return None;
    }
    let before = lower[..at].strip_suffix(separator)?;
    let start = before.rfind(separator).map_or(0, |at| at + 1);
    let part = match Part::of(&before[start..])? {
        Part::Validation => return None,
        part => part,
    };
    Some((&name[..start], part, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_are_known() {
        for (name, expected) in [
            (
                "train-images-idx3-ubyte",
                Some(("", Part::Train, Kind::Images)),
            ),
            (
                "t10k-labels-idx1-ubyte",
                Some(("", Part::Test, Kind::Labels)),
            ),
            (
                "train-images.idx3-ubyte",
                Some(("", Part::Train, Kind::Images)),
            ),
            (
                "t10k-images.idx4-ubyte",
                Some(("", Part::Test, Kind::Images)),
            ),
            ("Train_Labels.idx", Some(("", Part::Train, Kind::Labels))),
            ("test-images-ubyte", Some(("", Part::Test, Kind::Images))),
            (
                "emnist-letters-train-images-idx3-ubyte",
                Some(("emnist-letters-", Part::Train, Kind::Images)),
            ),
            (
                "qmnist-test-images-idx3-ubyte",
                Some(("qmnist-", Part::Test, Kind::Images)),
            ),
            ("train-images.csv", None),
            ("images-idx3-ubyte", None),
            ("qmnist-test-labels-idx2-int", None),
            ("valid-images-idx3-ubyte", None),
            ("", None),
            ("train", None),
        ] {
            assert_eq!(parse(name), expected, "{name}");
        }
    }
}
