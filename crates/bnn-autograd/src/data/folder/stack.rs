//! Images of one size and colour in one vector, one after the other.

use std::path::Path;

use super::super::picture::{self, Colour, Picture};
use super::super::{DataError, Layout};
use super::{Class, FolderConfig, MAX_BYTES};

/// The images read so far, and what the next one must be.
#[derive(Debug)]
pub(super) struct Stack<'a> {
    folder: &'a Path,
    config: FolderConfig,
    /// Width and height, once known.
    size: Option<(usize, usize)>,
    /// The colours of the pixels.
    colour: Colour,
    pub(super) pixels: Vec<u8>,
    pub(super) labels: Vec<u16>,
}

impl<'a> Stack<'a> {
    pub(super) fn new(folder: &'a Path, config: FolderConfig) -> Self {
        Self {
            folder,
            config,
            size: config.size,
            // Until a coloured image comes.
            colour: config.colour.unwrap_or(Colour::Grey),
            pixels: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// For images that must be as `other`'s are.
    pub(super) fn like(other: &Stack<'_>, folder: &'a Path, config: FolderConfig) -> Self {
        let colour = Some(other.colour);
        Self {
            size: other.size,
            ..Self::new(folder, FolderConfig { colour, ..config })
        }
    }

    /// Reads all images of all classes; the labels are the classes' positions, at most 65 536.
    pub(super) fn read(mut self, classes: &[Class]) -> Result<Self, DataError> {
        let images = classes.iter().map(|class| class.files.len()).sum();
        for (class, label) in classes.iter().zip(0..=u16::MAX) {
            for path in &class.files {
                let picture = picture::read(path, self.config.colour, self.config.size)?;
                self.push(picture, path, images)?;
                self.labels.push(label);
            }
        }
        Ok(self)
    }

    /// Nothing but the number of classes is missing for the layout.
    pub(super) fn layout(&self, classes: usize) -> Layout {
        let (width, height) = self.size.unwrap_or_default();
        Layout {
            width,
            height,
            channels: self.colour as usize,
            classes,
            white: u8::MAX,
        }
    }

    /// Takes the picture of the file, one of `images`.
    fn push(&mut self, picture: Picture, path: &Path, images: usize) -> Result<(), DataError> {
        let found = (picture.width, picture.height);
        let expected = *self.size.get_or_insert(found);
        if found != expected {
            let path = path.to_owned();
            return Err(DataError::ImageDimensions {
                path,
                found,
                expected,
            });
        }
        if self.labels.is_empty() {
            self.pixels = self.room_for(images)?;
        }
        if self.colour == Colour::Grey && picture.colour == Colour::Rgb {
            self.colour = Colour::Rgb;
            let mut pixels = self.room_for(images)?;
            append_in_colour(&self.pixels, &mut pixels);
            self.pixels = pixels;
        }
        if self.colour == picture.colour {
            self.pixels.extend_from_slice(&picture.pixels);
        } else {
            append_in_colour(&picture.pixels, &mut self.pixels);
        }
        Ok(())
    }

    /// An empty vector with room for `images` images, if that is not too much.
    pub(super) fn room_for(&self, images: usize) -> Result<Vec<u8>, DataError> {
        let features = self.layout(1).features();
        let bytes = features.and_then(|features| features.checked_mul(images));
        let mut pixels = Vec::new();
        let fits = bytes.is_some_and(|bytes| {
            bytes as u64 <= MAX_BYTES && pixels.try_reserve_exact(bytes).is_ok()
        });
        if !fits {
            return Err(DataError::TooLarge {
                path: self.folder.to_owned(),
                promised: bytes.map_or(u64::MAX, |bytes| bytes as u64),
                limit: MAX_BYTES,
            });
        }
        Ok(pixels)
    }
}

/// Grey as equal red, green and blue.
fn append_in_colour(grey: &[u8], pixels: &mut Vec<u8>) {
    pixels.extend(grey.iter().flat_map(|&value| [value; 3]));
}
