//! File names of IDX data: `train-images-idx3-ubyte` and variants of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::DataError;
use super::super::part::{PartKind, SetPart};
use super::super::source;

/// The files of one data set, each if it is there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct IdxFiles {
    /// The prefix of their names, as in `emnist-letters-`.
    pub(super) prefix: String,
    train_images: Option<PathBuf>,
    train_labels: Option<PathBuf>,
    test_images: Option<PathBuf>,
    test_labels: Option<PathBuf>,
}

impl IdxFiles {
    /// The file of that part and kind, or its usual name for a message.
    pub(super) fn get(
        &self,
        folder: &Path,
        part: SetPart,
        kind: PartKind,
    ) -> Result<&Path, DataError> {
        let (file, usual) = match (part, kind) {
            (SetPart::Train, PartKind::Images) => (&self.train_images, "train-images-idx3-ubyte"),
            (SetPart::Train, PartKind::Labels) => (&self.train_labels, "train-labels-idx1-ubyte"),
            (_, PartKind::Images) => (&self.test_images, "t10k-images-idx3-ubyte"),
            (_, PartKind::Labels) => (&self.test_labels, "t10k-labels-idx1-ubyte"),
        };
        file.as_deref().ok_or_else(|| DataError::Missing {
            path: folder.join(format!("{}{usual}", self.prefix)),
        })
    }

    fn place(&mut self, part: SetPart, kind: PartKind) -> &mut Option<PathBuf> {
        match (part, kind) {
            (SetPart::Train, PartKind::Images) => &mut self.train_images,
            (SetPart::Train, PartKind::Labels) => &mut self.train_labels,
            (_, PartKind::Images) => &mut self.test_images,
            (_, PartKind::Labels) => &mut self.test_labels,
        }
    }
}

/// The data sets in a folder, in the order of their prefixes.
pub(super) fn sets(folder: &Path) -> Result<Vec<IdxFiles>, DataError> {
    let mut sets: BTreeMap<String, IdxFiles> = BTreeMap::new();
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
fn parse(name: &str) -> Option<(&str, SetPart, PartKind)> {
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
        (PartKind::Images, "images")
    } else {
        (PartKind::Labels, "labels")
    };
    let at = lower.rfind(word)?;
    let ending = lower[at + word.len()..].trim_start_matches(separator);
    let ending = ending.replace(separator, "-");
    if !ENDINGS.contains(&ending.as_str()) {
        return None;
    }
    let before = lower[..at].strip_suffix(separator)?;
    let start = before.rfind(separator).map_or(0, |at| at + 1);
    let part = match SetPart::of(&before[start..])? {
        SetPart::Validation => return None,
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
                Some(("", SetPart::Train, PartKind::Images)),
            ),
            (
                "t10k-labels-idx1-ubyte",
                Some(("", SetPart::Test, PartKind::Labels)),
            ),
            (
                "train-images.idx3-ubyte",
                Some(("", SetPart::Train, PartKind::Images)),
            ),
            (
                "t10k-images.idx4-ubyte",
                Some(("", SetPart::Test, PartKind::Images)),
            ),
            (
                "Train_Labels.idx",
                Some(("", SetPart::Train, PartKind::Labels)),
            ),
            (
                "test-images-ubyte",
                Some(("", SetPart::Test, PartKind::Images)),
            ),
            (
                "emnist-letters-train-images-idx3-ubyte",
                Some(("emnist-letters-", SetPart::Train, PartKind::Images)),
            ),
            (
                "qmnist-test-images-idx3-ubyte",
                Some(("qmnist-", SetPart::Test, PartKind::Images)),
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
