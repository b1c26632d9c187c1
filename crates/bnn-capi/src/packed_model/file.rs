//! Reads and copies model files.

use core::ffi::CStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use bnn_core::internal::aligned_zeros;
use bnn_core::model::{Aligned, AlignedBytes, Model, ModelError};

use crate::error::Error;
use crate::status::bnn_status_t::BNN_ERROR_FILE;

/// Bytes by which a file is known to be a model, and as long as it says.
const HEADER: usize = 32;

/// The bytes of the model file `path`. A file that does not begin like one is not read further.
pub(super) fn read(path: &CStr) -> Result<AlignedBytes, Error> {
    let path = native(path)?;
    let failed = |error| refused(format!("{} cannot be read: {error}", path.display()));
    // Opening anything else, such as a pipe, could wait for ever.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(refused(format!("{} is not a regular file", path.display())));
    }
    let mut file = File::open(path).map_err(failed)?;
    let len = file.metadata().map_err(failed)?.len();
    let len = usize::try_from(len).map_err(|_| bnn_core::Error::Overflow { what: "file" })?;

    let mut header = [0; HEADER];
    let (header, _) = header.split_at_mut(HEADER.min(len));
    file.read_exact(header).map_err(failed)?;
    check_header(header, len)?;
    let mut bytes = aligned_zeros(len)?;
    let (first, rest) = bytes.split_at_mut(header.len());
    first.copy_from_slice(header);
    file.read_exact(rest).map_err(failed)?;
    Ok(bytes)
}

/// A copy of the model file `bytes`.
pub(super) fn copied(bytes: &[u8]) -> Result<AlignedBytes, Error> {
    check_header(bytes, bytes.len())?;
    let mut copy = aligned_zeros(bytes.len())?;
    copy.copy_from_slice(bytes);
    Ok(copy)
}

/// Refuses a file of `len` bytes whose first ones are not those of a model that long, before there
/// is memory for all of it.
fn check_header(first: &[u8], len: usize) -> Result<(), Error> {
    let mut header = Aligned([0; HEADER]);
    let first = first.get(..HEADER).unwrap_or(first);
    let (place, _) = header.0.split_at_mut(first.len());
    place.copy_from_slice(first);
    match Model::open(place) {
        Err(ModelError::Size { expected, .. }) if expected == len => Ok(()),
        Err(ModelError::Size { expected, .. }) => {
            let found = len;
            Err(ModelError::Size { expected, found }.into())
        }
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()), // no model is that short
    }
}

fn refused(message: String) -> Error {
    Error::Refused {
        status: BNN_ERROR_FILE,
        message,
    }
}

/// The path as the system has it.
#[cfg(unix)]
fn native(path: &CStr) -> Result<&Path, Error> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    Ok(Path::new(OsStr::from_bytes(path.to_bytes())))
}

#[cfg(not(unix))]
fn native(path: &CStr) -> Result<&Path, Error> {
    let text = path.to_str();
    let text = text.map_err(|_| refused("a path that is not UTF-8".to_owned()))?;
    Ok(Path::new(text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::ffi::CString;

    use super::*;
    use crate::status::bnn_status_t::{self, *};

    fn status_of(content: Option<&[u8]>) -> Result<Vec<u8>, bnn_status_t> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.bnn");
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let path = CString::new(path.to_str().unwrap()).unwrap();
        read(&path)
            .map(|file| file.to_vec())
            .map_err(|error| error.status())
    }

    #[test]
    fn what_is_no_model_is_refused_before_it_is_read_whole() {
        let mut model = fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../firmware/models/digits.bnn"
        ))
        .unwrap();
        assert_eq!(status_of(Some(&model)), Ok(model.clone()));
        assert_eq!(status_of(None), Err(BNN_ERROR_FILE));
        assert_eq!(status_of(Some(b"")), Err(BNN_ERROR_MODEL_FORMAT));
        assert_eq!(status_of(Some(&[7; 100])), Err(BNN_ERROR_MODEL_FORMAT));
        model.push(0);
        assert_eq!(status_of(Some(&model)), Err(BNN_ERROR_MODEL_DAMAGED));
        model.truncate(31);
        assert_eq!(status_of(Some(&model)), Err(BNN_ERROR_MODEL_DAMAGED));
        let root = read(c"/").map_err(|error| error.status());
        assert_eq!(root.err(), Some(BNN_ERROR_FILE));
    }
}
