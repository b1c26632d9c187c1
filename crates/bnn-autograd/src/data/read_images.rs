//! Reads the images of one file, whatever its format.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use super::content::Content;
use super::images::Images;
use super::picture::{self, Colour};
use super::source::{io_error, unpacked};
use super::{DataError, arrays, idx};

/// Reads the images of one file, which may be compressed with gzip: an IDX file, an `.npy` array,
/// or one image (PNG, JPEG, GIF, of which the first, WebP, BMP, PNM). Its contents decide which it
/// is.
///
/// For an image, `None` for `colour` is grey if every pixel is, else red, green and blue; 16 bits
/// are rounded to 8, transparency is dropped; a `size`, width and height, that is not the image's
/// own resizes it, without regard to its proportions. Arrays are taken as they are.
///
/// ```
/// use bnn_autograd::data::read_images;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("two.pgm");
/// std::fs::write(&path, b"P5 2 1 255 \x07\xff")?;
/// let images = read_images(&path, None, None)?;
/// assert_eq!((images.width, images.height, images.channels), (2, 1, 1));
/// assert_eq!(images.pixels, [7, 255]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// All name the file: [`DataError::Io`]; [`DataError::TooLarge`]; [`DataError::Image`] for an image
/// that is damaged, or a file of another kind; [`DataError::Size`] for a `size` with a side of 0 or
/// longer than [`picture::MAX_SIDE`]; [`DataError::Magic`], [`DataError::Truncated`],
/// [`DataError::Trailing`] and [`DataError::Array`] for what is wrong in an array.
pub fn read_images(
    path: impl AsRef<Path>,
    colour: Option<Colour>,
    size: Option<(usize, usize)>,
) -> Result<Images, DataError> {
    let path = path.as_ref();
    let mut start = Vec::new();
    let mut begin = || {
        let mut stream = unpacked(File::open(path)?)?;
        stream.by_ref().take(16).read_to_end(&mut start)?;
        Ok(stream)
    };
    let rest = begin().map_err(io_error(path))?;
    let content = Content::of(&start);
    let stream = Cursor::new(start).chain(rest);
    match content {
        Content::Idx => idx::images(stream, path),
        Content::Npy => arrays::images(stream, path),
        Content::Image | Content::Npz | Content::Text => {
            let picture = picture::read_from(stream, path, colour, size)?;
            Ok(Images {
                samples: 1,
                height: picture.height,
                width: picture.width,
                channels: picture.colour as usize,
                pixels: picture.pixels,
            })
        }
    }
}

#[cfg(test)]
mod laws {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::fs;
    use std::io::Write;

    use super::*;

    #[test]
    fn the_contents_of_a_file_decide_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let idx = b"\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x03abcdef";
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 3), }";
        let mut npy = b"\x93NUMPY\x01\0".to_vec();
        npy.extend_from_slice(&118_u16.to_le_bytes());
        npy.extend_from_slice(format!("{header:<117}\n").as_bytes());
        npy.extend_from_slice(b"abcdef");
        let image = b"P5 3 2 255 abcdef";
        let arrays = [2, 1, 3, 1];
        for (bytes, sizes) in [
            (&idx[..], arrays),
            (&npy[..], arrays),
            (&image[..], [1, 2, 3, 1]),
        ] {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(bytes).unwrap();
            for bytes in [bytes.to_vec(), gzip.finish().unwrap()] {
                let path = folder.path().join("file");
                fs::write(&path, bytes).unwrap();
                let images = read_images(&path, None, None).unwrap();
                let found = [images.samples, images.height, images.width, images.channels];
                assert_eq!(found, sizes);
                assert_eq!(images.pixels, b"abcdef");
            }
        }
        let path = folder.path().join("file");
        fs::write(&path, b"1,2,3\n").unwrap();
        let refused = read_images(&path, None, None);
        assert!(
            matches!(refused, Err(DataError::Image { .. })),
            "{refused:?}"
        );
    }
}
