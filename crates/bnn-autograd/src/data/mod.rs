//! Data sets: labelled samples of bytes, [loaded](load()) from the embedded digits, IDX and CIFAR files, arrays of
//! NumPy's, folders of images, or tables, and dealt out in shuffled, optionally augmented batches.
//!
//! This module knows nothing of the tape: it hands out plain vectors. Every source is untrusted. Whatever is
//! wrong with it is a [`DataError`], never a panic, and memory grows with the bytes that arrive, never with
//! what a header promises.
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
mod arrays;
mod augment;
mod batch;
mod batches;
mod cifar;
pub mod csv;
mod dataset;
mod digits;
mod error;
pub mod folder;
mod idx;
mod images;
mod load;
mod part;
pub mod picture;
mod random;
mod source;
mod stats;
mod subset;
mod table;

pub use arrays::images as npy_images;
pub use augment::Augment;
pub use batch::shuffled;
pub use batches::{Batch, BatchConfig, Batches};
pub use dataset::{Dataset, Layout, Split};
pub use digits::digits;
pub use error::DataError;
pub use idx::images as idx_images;
pub use images::Images;
pub use load::{Columns, Content, LoadConfig, Loaded, Scale, load, load_with};
pub use source::unpacked;
pub use stats::ChannelStats;
pub use subset::spread;
