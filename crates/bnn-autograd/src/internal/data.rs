//! Readers of single files, for commands that take samples from a stream.

use std::io::Read;
use std::path::Path;

use crate::data::picture::{Colour, read_from};
use crate::data::{DataError, Split};

pub use crate::data::arrays::images as npy_images;
pub use crate::data::content::Content;
pub use crate::data::csv::{Labels, MAX_VALUES, Table, read_table};
pub use crate::data::idx::images as idx_images;
pub use crate::data::source::unpacked;
pub use crate::data::subset::{split_by_share, spread};

/// CRC-32 of the layout, the class names, and all pixels and labels: the same for the same data,
/// wherever it was read from.
#[must_use]
pub fn checksum(split: &Split) -> u32 {
    split.checksum()
}

/// The pixels of an image file, `[height, width, channels]`; `path` is what errors call it, and
/// says the format if the contents do not.
///
/// # Errors
/// Those of [`read_images`](crate::data::read_images).
pub fn image_pixels(
    stream: impl Read,
    path: &Path,
    colour: Option<Colour>,
    size: Option<(usize, usize)>,
) -> Result<Vec<u8>, DataError> {
    Ok(read_from(stream, path, colour, size)?.pixels)
}
