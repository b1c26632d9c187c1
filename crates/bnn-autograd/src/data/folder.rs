//! Folders of image files, a sub-folder for each class.

mod listing;
mod stack;

use std::path::Path;

use super::dataset::MAX_CLASSES;
use super::picture::{self, Colour};
use super::{DataError, Dataset, Split};
use listing::{Class, classes};
use stack::Stack;

/// The most pixels that the images of one part may have together, in bytes: 4 GiB, however small
/// the files that promise them.
pub const MAX_BYTES: u64 = 1 << 32;

/// How a folder of images becomes a data set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FolderConfig {
    /// Width and height to which all images are resized; without, they must all have the same.
    pub size: Option<(usize, usize)>,
    /// What a pixel is; without, grey if every pixel of every training image is, else colour.
    pub colour: Option<Colour>,
    /// Share of the images set aside for testing, if the folder does not say which.
    pub test_share: f64,
    /// Seed by which they are drawn.
    pub test_seed: u64,
}

impl Default for FolderConfig {
    /// Images as they are, a fifth of them for testing.
    fn default() -> Self {
        Self {
            size: None,
            colour: None,
            test_share: 0.2,
            test_seed: 0,
        }
    }
}

/// Whether the folder looks like one of images by class: it has a sub-folder, and no IDX file.
pub fn is_one(folder: impl AsRef<Path>) -> bool {
    let folder = folder.as_ref();
    let idx = ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"];
    let has_idx = idx.into_iter().any(|name| folder.join(name).exists());
    !has_idx && listing::folders(folder).is_ok_and(|folders| !folders.is_empty())
}

/// Reads `folder/train/<class>/*` and `folder/test/<class>/*`, or, if those two are not there,
/// `folder/<class>/*`, of which [`Dataset::split`] sets a share aside.
///
/// The classes are the sub-folders in the order of their names' bytes (so `10` comes before `2`), and
/// keep their names; within a class the order is that of the file names. A class may be absent from
/// `test`, and not from `train`.
///
/// Images are files named `.png`, `.jpg`, `.jpeg`, `.bmp`, `.pnm`, `.pbm`, `.pgm`, `.ppm` or `.pam`, in
/// upper or lower case, directly in the folder of their class. Everything else there is passed over,
/// as is what has a name that starts with a dot. Links are followed; because nothing is searched deeper, those
/// that go round in circles end.
///
/// # Errors
///
/// [`DataError::NoClasses`] and [`DataError::NoImages`] name the folder in which there are none,
/// [`DataError::UnknownClass`] one in `test` that is not in `train`, [`DataError::ClassFolders`] the one
/// that has more than 256, [`DataError::ImageDimensions`] the image that differs in size, if no size is given.
/// [`DataError::TooLarge`] if all images together pass [`MAX_BYTES`], [`DataError::TestShare`] as
/// [`Dataset::split`], and what [`picture::read`] finds wrong with a file.
pub fn read(folder: impl AsRef<Path>, config: FolderConfig) -> Result<Split, DataError> {
    let folder = folder.as_ref();
    config.size.map(picture::check_size).transpose()?;
    let name = super::name_of(folder);
    let (train, test) = (folder.join("train"), folder.join("test"));
    if !(train.is_dir() && test.is_dir()) {
        let classes = train_classes(folder)?;
        let all = Stack::new(folder, config).read(&classes)?;
        return dataset(all, &name, &classes)?.split(config.test_share, config.test_seed);
    }
    let known = train_classes(&train)?;
    let test_classes = test_classes(&test, &known)?;
    let images = Stack::new(&train, config).read(&known)?;
    let test_images = Stack::like(&images, &test, config).read(&test_classes)?;
    Ok(Split {
        train: dataset(images, &name, &known)?,
        test: dataset(test_images, &name, &known)?,
    })
}

fn dataset(images: Stack<'_>, name: &str, classes: &[Class]) -> Result<Dataset, DataError> {
    let layout = images.layout(classes.len());
    let names = classes.iter().map(|class| class.name.clone()).collect();
    Dataset::new(name, layout, images.pixels, images.labels)?.with_class_names(names)
}

/// The classes of a folder to train on; none of them is empty.
fn train_classes(folder: &Path) -> Result<Vec<Class>, DataError> {
    let classes = classes(folder)?;
    let path = folder.to_owned();
    match classes.iter().find(|class| class.files.is_empty()) {
        _ if classes.is_empty() => Err(DataError::NoClasses { path }),
        _ if classes.len() > MAX_CLASSES => Err(DataError::ClassFolders {
            path,
            found: classes.len(),
            max: MAX_CLASSES,
        }),
        Some(empty) => Err(DataError::NoImages {
            path: empty.folder.clone(),
        }),
        None => Ok(classes),
    }
}

/// The classes of the folder to test by: those of `known`, in that order, with the files found here.
fn test_classes(folder: &Path, known: &[Class]) -> Result<Vec<Class>, DataError> {
    let mut found = classes(folder)?;
    let unknown = |class: &&Class| known.iter().all(|other| other.key() != class.key());
    if let Some(class) = found.iter().find(unknown) {
        return Err(DataError::UnknownClass {
            path: class.folder.clone(),
        });
    }
    if found.iter().all(|class| class.files.is_empty()) {
        return Err(DataError::NoImages {
            path: folder.to_owned(),
        });
    }
    let of_known =
        known.iter().map(
            |class| match found.iter().position(|other| other.key() == class.key()) {
                Some(at) => found.swap_remove(at),
                None => class.without_files(),
            },
        );
    Ok(of_known.collect())
}

#[cfg(test)]
mod tests;
