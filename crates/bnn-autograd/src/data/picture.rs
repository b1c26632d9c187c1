//! One image file as pixels: grey or red, green and blue, of its own size or resized.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::imageops::{FilterType, resize};
use image::{DynamicImage, ImageBuffer, ImageFormat, ImageReader, Limits, Pixel};

use super::DataError;
use super::source::io_error;

/// The largest file that is read, and the most bytes that one image may take when it is decoded:
/// 256 MiB, however small the file that promises it.
pub const MAX_BYTES: u64 = 1 << 28;

/// The longest side of an image, in pixels.
pub const MAX_SIDE: u32 = 1 << 14;

/// The colours of a pixel; as a number, how many values it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// One value, the luminance.
    Grey = 1,
    /// Red, green and blue.
    Rgb = 3,
}

/// An image in memory, a byte per value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Pixels in a row.
    pub(crate) width: usize,
    /// Rows.
    pub(crate) height: usize,
    /// The colours of a pixel.
    pub(crate) colour: Colour,
    /// Row-major `[height, width, channels]`.
    pub(crate) pixels: Vec<u8>,
}

/// Reads a PNG, JPEG, GIF (its first image), WebP, BMP or PNM file. Its contents decide which it
/// is, and its name if they do not.
///
/// `None` for `colour` is grey if every pixel is, else red, green and blue. 16 bits are rounded to
/// 8, transparency is dropped. A `size`, width and height, that is not the image's own resizes it
/// (linear interpolation, averaging where it shrinks), without regard to its proportions.
///
/// # Errors
///
/// All name the file: [`DataError::Io`]; [`DataError::TooLarge`] for one of more than
/// [`MAX_BYTES`]; [`DataError::Image`] for one that is damaged, of another kind, or promises a side
/// longer than [`MAX_SIDE`] or an image larger than [`MAX_BYTES`]. A damaged JPEG may also be
/// another image than it was. [`DataError::Size`] for a `size` with a side of 0 or longer than
/// [`MAX_SIDE`].
pub(super) fn read(
    path: impl AsRef<Path>,
    colour: Option<Colour>,
    size: Option<(usize, usize)>,
) -> Result<Picture, DataError> {
    let path = path.as_ref();
    size.map(check_size).transpose()?;
    let file = File::open(path).map_err(io_error(path))?;
    read_from(file, path, colour, size)
}

/// Reads an image as [`read`] does, from a stream. Errors call it `path`, which also tells the
/// format if the contents do not.
///
/// # Errors
///
/// Those of [`read`].
pub(crate) fn read_from(
    stream: impl Read,
    path: &Path,
    colour: Option<Colour>,
    size: Option<(usize, usize)>,
) -> Result<Picture, DataError> {
    let size = size.map(check_size).transpose()?;
    let bytes = read_all(stream, path)?;
    let image = decode(bytes, path).map_err(|source| DataError::Image {
        path: path.to_owned(),
        source: source.into(),
    })?;
    Ok(match colour.unwrap_or_else(|| own_colour(&image)) {
        Colour::Grey => picture(image.to_luma8(), Colour::Grey, size),
        Colour::Rgb => picture(image.to_rgb8(), Colour::Rgb, size),
    })
}

pub(super) fn check_size((width, height): (usize, usize)) -> Result<(u32, u32), DataError> {
    let side = |side: usize| {
        u32::try_from(side)
            .ok()
            .filter(|s| (1..=MAX_SIDE).contains(s))
    };
    side(width).zip(side(height)).ok_or(DataError::Size {
        width,
        height,
        max: MAX_SIDE,
    })
}

/// Whether bytes that start so are an image in one of the formats that are read. Two letters are
/// not enough: a table may start with a column called `BMI` or `P1`.
pub(super) fn is_one(start: &[u8]) -> bool {
    let is_text = match start {
        [b'B', b'M', rest @ ..] => !rest.contains(&0),
        [b'P', b'1'..=b'7', rest @ ..] => !rest.first().is_some_and(u8::is_ascii_whitespace),
        _ => false,
    };
    !is_text && image::guess_format(start).is_ok_and(|format| format.reading_enabled())
}

fn read_all(stream: impl Read, path: &Path) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let read = stream.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(io_error(path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(DataError::TooLarge {
            path: path.to_owned(),
            promised: bytes.len() as u64,
            limit: MAX_BYTES,
        });
    }
    Ok(bytes)
}

fn decode(bytes: Vec<u8>, path: &Path) -> image::ImageResult<DynamicImage> {
    let mut reader = ImageReader::new(Cursor::new(bytes));
    if let Ok(format) = ImageFormat::from_path(path) {
        reader.set_format(format);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    reader.with_guessed_format()?.decode()
}

fn own_colour(image: &DynamicImage) -> Colour {
    let grey = |pixel: &image::Rgb<u8>| pixel[0] == pixel[1] && pixel[1] == pixel[2];
    if !image.color().has_color() || image.to_rgb8().pixels().all(grey) {
        Colour::Grey
    } else {
        Colour::Rgb
    }
}

fn picture<P>(
    mut image: ImageBuffer<P, Vec<u8>>,
    colour: Colour,
    size: Option<(u32, u32)>,
) -> Picture
where
    P: Pixel<Subpixel = u8> + 'static,
{
    if let Some((width, height)) = size.filter(|&size| size != image.dimensions()) {
        image = resize(&image, width, height, FilterType::Triangle);
    }
    Picture {
        width: image.width() as usize,
        height: image.height() as usize,
        colour,
        pixels: image.into_raw(),
    }
}

#[cfg(test)]
mod laws;
