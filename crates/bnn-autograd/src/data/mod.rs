//! Data sets: labelled images as bytes, read from the embedded digits, IDX folders,
//! folders of image files or CSV rows,
//! and dealt out in shuffled, optionally augmented batches.
//!
//! This module knows nothing of the tape: it hands out plain vectors. Every source is untrusted;
//! whatever is wrong with it is a [`DataError`], never a panic, and no header is believed
//! before the bytes behind it have arrived.
//!
//! ```
//! use bnn_autograd::data::{self, Augment, BatchConfig, Batches};
//!
//! let split = data::load("digits")?;
//! assert_eq!((split.train.samples(), split.test.samples()), (1437, 360));
//!
//! let augment = Augment { shift: 1, rotate: 5.0, ..Augment::default() };
//! let config = BatchConfig { size: 128, augment, seed: 7, ..BatchConfig::default() };
//! for batch in Batches::new(&split.train, config)? {
//!     let batch = batch?;
//!     assert_eq!(batch.pixels.len(), batch.labels.len() * split.train.features());
//! }
//! # Ok::<(), data::DataError>(())
//! ```

mod ahead;
mod augment;
mod batch;
mod batches;
pub mod csv;
mod dataset;
mod digits;
mod error;
pub mod folder;
pub mod idx;
pub mod picture;
mod random;
mod stats;
mod subset;

pub use augment::Augment;
pub use batch::shuffled;
pub use batches::{Batch, BatchConfig, Batches};
pub use dataset::{Dataset, Layout, Split};
pub use digits::digits;
pub use error::DataError;
pub use stats::ChannelStats;

use std::ffi::OsStr;
use std::path::Path;

use folder::FolderConfig;

/// Loads a data set by name: `digits` for the embedded one ([`digits()`]), anything else is the
/// path of a folder, of images by class if it has sub-folders ([`folder::read`], as its default says), or of
/// IDX files ([`idx::read`]).
///
/// # Errors
///
/// [`DataError::UnknownSource`] if `spec` is neither; otherwise what the reader found wrong.
pub fn load(spec: &str) -> Result<Split, DataError> {
    load_with(spec, FolderConfig::default())
}

/// As [`load`], with what is to be made of images if that is what the folder has.
///
/// # Errors
///
/// As [`load`].
pub fn load_with(spec: &str, images: FolderConfig) -> Result<Split, DataError> {
    match spec {
        "digits" => digits(),
        path if folder::is_one(path) => folder::read(path, images),
        path if Path::new(path).is_dir() => idx::read(path),
        _ => Err(DataError::UnknownSource {
            spec: spec.to_owned(),
        }),
    }
}

/// What the set in a folder calls itself.
fn name_of(folder: &Path) -> String {
    // `.` has no name of its own, and the root none at all.
    let real = folder.canonicalize();
    let name = real.as_deref().unwrap_or(folder).file_name();
    let name = name.unwrap_or(OsStr::new("data")).to_string_lossy();
    name.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_is_no_name_and_no_folder_is_named_in_the_error() {
        let error = load("no/such/place").expect_err("nothing is there");
        assert!(matches!(&error, DataError::UnknownSource { spec } if spec == "no/such/place"));
        assert!(error.to_string().contains("no/such/place"));
    }
}
