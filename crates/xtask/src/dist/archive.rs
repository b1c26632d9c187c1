//! Archives that depend on nothing but what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use tar::{Builder, Header};

use crate::program::Fallible;

/// A file of an archive.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) bytes: Vec<u8>,
    mode: u32,
}

impl Entry {
    pub(super) fn text(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            mode: 0o644,
        }
    }

    pub(super) fn program(bytes: Vec<u8>) -> Self {
        Self { bytes, mode: 0o755 }
    }
}

/// Writes a `.tar.gz` whose files are all in `folder`, owned by root, of the time `seconds`.
pub(super) fn write(
    path: &Path,
    folder: &str,
    entries: &BTreeMap<String, Entry>,
    seconds: u64,
) -> Fallible<()> {
    let gzip = GzBuilder::new().write(File::create(path)?, Compression::best());
    let mut archive = Builder::new(gzip);
    for (name, Entry { bytes, mode }) in entries {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        header.set_mtime(seconds);
        archive.append_data(&mut header, format!("{folder}/{name}"), bytes.as_slice())?;
    }
    archive.into_inner()?.finish()?.sync_all()?;
    Ok(())
}

/// The files of a `.tar.gz`.
pub(super) fn names(path: &Path) -> Fallible<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in tar::Archive::new(GzDecoder::new(File::open(path)?)).entries()? {
        names.insert(entry?.path()?.to_string_lossy().into_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod laws {
    use super::*;
    use std::fs;

    #[test]
    fn the_same_files_give_the_same_archive_and_come_back() -> Fallible<()> {
        let entries = BTreeMap::from([
            ("bnn".to_owned(), Entry::program(vec![1, 2, 3])),
            ("man/bnn.1".to_owned(), Entry::text("text")),
        ]);
        let folder = tempfile::tempdir()?;
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        for path in &paths {
            write(path, "bnn-1", &entries, 86_400)?;
        }
        assert_eq!(fs::read(&paths[0])?, fs::read(&paths[1])?);

        let mut archive = tar::Archive::new(GzDecoder::new(File::open(&paths[0])?));
        let mut seen = Vec::new();
        for entry in archive.entries()? {
            let entry = entry?;
            let header = entry.header();
            seen.push((
                entry.path()?.display().to_string(),
                header.mode()?,
                header.mtime()?,
                entry.size(),
            ));
        }
        assert_eq!(
            seen,
            [
                ("bnn-1/bnn".into(), 0o755, 86_400, 3),
                ("bnn-1/man/bnn.1".into(), 0o644, 86_400, 4)
            ]
        );
        Ok(())
    }
}
