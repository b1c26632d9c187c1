//! Sources of bytes: files and streams, decompressed if they are gzip.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::DataError;

/// The bytes of a stream, decompressed if its first two say that it is gzip. A name does not
/// matter.
///
/// # Errors
///
/// What the stream gives when it is read for the first time.
pub fn unpacked<'a>(stream: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    const GZIP: [u8; 2] = [0x1F, 0x8B];
    // A buffer is filled by one read, which may bring a single byte.
    let mut start = Vec::new();
    let mut stream = stream;
    stream.by_ref().take(2).read_to_end(&mut start)?;
    let gzip = start == GZIP;
    let whole = BufReader::new(io::Cursor::new(start).chain(stream));
    Ok(if gzip {
        Box::new(MultiGzDecoder::new(whole))
    } else {
        Box::new(whole)
    })
}

/// Opens a file, which is decompressed while it is read if it is gzip.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>, DataError> {
    let open = || unpacked(File::open(path)?);
    open().map_err(io_error(path))
}

/// Reads at most `limit` bytes of a file, decompressed if it is gzip.
pub(super) fn read_all(path: &Path, limit: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let read = open(path)?.take(limit + 1).read_to_end(&mut bytes);
    let promised = read.map_err(io_error(path))? as u64;
    if promised > limit {
        let path = path.to_owned();
        return Err(DataError::TooLarge {
            path,
            promised,
            limit,
        });
    }
    Ok(bytes)
}

pub(super) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> DataError {
    let path = path.to_owned();
    |source| DataError::Io { path, source }
}

/// The entries of a folder that are not hidden, in the order of the names' bytes.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error(folder))? {
        let entry = entry.map_err(io_error(folder))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    Ok(paths)
}

/// The files of a folder that have a name in Unicode, and these names without `.gz`. Of two files
/// that differ in `.gz` alone the plain one comes first.
pub(super) fn named_files(folder: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        let Some(name) = path.file_name().and_then(OsStr::to_str) else {
            continue;
        };
        if path.is_file() {
            files.push((without_gz(name).to_owned(), path.clone()));
        }
    }
    Ok(files)
}

/// A file name without `.gz`.
pub(super) fn without_gz(name: &str) -> &str {
    match name
        .len()
        .checked_sub(3)
        .map(|at| name.split_at_checked(at))
    {
        Some(Some((stem, gz))) if gz.eq_ignore_ascii_case(".gz") => stem,
        _ => name,
    }
}

/// The name of the data set in a folder.
pub(super) fn name_of(folder: &Path) -> String {
    // `.` has no name of its own, and the root none at all.
    let real = folder.canonicalize();
    let name = real.as_deref().unwrap_or(folder).file_name();
    let name = name.unwrap_or(OsStr::new("data")).to_string_lossy();
    name.into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io::Write;

    use super::*;

    #[test]
    fn gzip_is_told_by_its_content() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"some text").unwrap();
        let packed = encoder.finish().unwrap();
        for bytes in [&b"some text"[..], &packed, b"", b"\x1f", b"\x1f\x8a"] {
            let mut read = Vec::new();
            unpacked(bytes).unwrap().read_to_end(&mut read).unwrap();
            let expected = if bytes == packed { b"some text" } else { bytes };
            assert_eq!(read, expected);
        }
        assert!(
            unpacked(&packed[..9])
                .unwrap()
                .read_to_end(&mut Vec::new())
                .is_err()
        );
    }

    #[test]
    fn names_lose_their_gz() {
        for (name, stem) in [
            ("a.csv.gz", "a.csv"),
            ("a.GZ", "a"),
            ("gz", "gz"),
            ("é.gz", "é"),
            ("éé", "éé"),
        ] {
            assert_eq!(without_gz(name), stem);
        }
    }
}
