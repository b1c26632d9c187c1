//! Data sets: labelled samples of bytes, [loaded](load()) from the embedded digits, IDX and CIFAR
//! files, arrays of NumPy's, folders of images, or tables, and dealt out in shuffled, optionally
//! augmented batches.
//!
//! This module knows nothing of the tape: it hands out plain vectors. Every source is untrusted.
//! Whatever is wrong with it is a [`DataError`], never a panic, and memory grows with the bytes
//! that arrive, never with what a header promises.
//!
//! ```
//! use bnn_autograd::data::{self, Augment, BatchConfig, Batches, LoadConfig};
//!
//! let split = data::load("digits", &LoadConfig::default())?.split;
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
pub(crate) mod arrays;
mod augment;
mod batch;
mod batches;
mod cifar;
mod config;
pub(crate) mod content;
pub(crate) mod csv;
mod dataset;
mod digits;
mod error;
pub mod folder;
pub(crate) mod idx;
mod images;
mod load;
mod part;
pub mod picture;
mod random;
mod read_images;
pub(crate) mod source;
mod stats;
pub(crate) mod subset;
mod table;

pub use augment::Augment;
use batch::shuffled;
pub use batches::{Batch, BatchConfig, Batches};
pub use config::{Columns, LoadConfig, Scale};
pub use csv::{LabelColumn, NotRanges, Ranges, Values};
pub use dataset::{Dataset, Layout, Split};
pub use digits::digits;
pub use error::DataError;
pub use images::Images;
pub use load::{Loaded, load};
pub use read_images::read_images;
pub use stats::ChannelStats;

/// The data set that lies at a path.
#[cfg(test)]
fn split_at(path: &std::path::Path) -> Result<Split, DataError> {
    let spec = path.to_string_lossy();
    Ok(load(&spec, &LoadConfig::default())?.split)
}
