//! Folders of image files, a sub-folder for each class.

mod listing;
mod stack;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::dataset::MAX_CLASSES;
use super::part::{SetPart, SetParts};
use super::picture::{self, Colour};
use super::{DataError, Dataset, Split};
use listing::{Class, classes};
use stack::Stack;

/// The most pixels that the images of one part may have together, in bytes: 4 GiB, however small
/// the files that promise them.
pub const MAX_BYTES: u64 = 1 << 32;

/// The settings for making a data set of a folder of images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FolderConfig {
    /// Width and height to which all images are resized; without, they must all have the same.
    pub size: Option<(usize, usize)>,
    /// The colours of a pixel; `None`: grey if every pixel of every training image is grey, else
    /// colour.
    pub colour: Option<Colour>,
    /// Share of the images set aside for testing if the folder has no test part.
    pub test_share: f64,
    /// Seed of the random draw of test images.
    pub test_seed: u64,
}

impl Default for FolderConfig {
    /// Keeps the size of the images and sets a fifth of them aside for testing.
    fn default() -> Self {
        Self {
            size: None,
            colour: None,
            test_share: 0.2,
            test_seed: 0,
        }
    }
}

/// Whether the folder has a sub-folder.
pub(super) fn is_one(folder: &Path) -> bool {
    listing::folders(folder).is_ok_and(|folders| !folders.is_empty())
}

/// Reads `folder/train/<class>/*` and `folder/test/<class>/*`, or, if those two are not there,
/// `folder/<class>/*`, of which [`Dataset::split`] sets a share aside; and what was passed over, a
/// line for a person each.
///
/// The parts may be called `train` or `training`, and `test`, `testing`, `val`, `valid` or
/// `validation`, in any case. The classes are the sub-folders in the order of their names' bytes
/// (so `10` comes before `2`), and keep their names; within a class the order is that of the file
/// names. A class may be absent from the test part, and not from the training part.
///
/// Images are files named `.png`, `.jpg`, `.jpeg`, `.gif`, `.webp`, `.bmp`, `.pnm`, `.pbm`, `.pgm`,
/// `.ppm` or `.pam`, in any case, directly in the folder of their class. Other files there are
/// counted and passed over; whatever has a name that starts with a dot is passed over without a
/// word. Links are followed; because nothing is searched deeper, those that go round in circles
/// end.
///
/// # Errors
///
/// [`DataError::NoClasses`] and [`DataError::NoImages`] name the folder in which there are none,
/// [`DataError::UnknownClass`] one in the test part that is not in the training part,
/// [`DataError::ClassFolders`] the one that has more than 65 536, [`DataError::ImageDimensions`]
/// the image that differs in size, if no size is given. [`DataError::TooLarge`] if all images
/// together pass [`MAX_BYTES`], [`DataError::TestShare`] as [`Dataset::split`], and what
/// [`read_images`](super::read_images) finds wrong with a file.
pub(super) fn read(folder: &Path, config: FolderConfig) -> Result<(Split, Vec<String>), DataError> {
    config.size.map(picture::check_size).transpose()?;
    let name = super::source::name_of(folder);
    let Some((train, test, unused)) = parts(folder)? else {
        let classes = train_classes(folder)?;
        let all = Stack::new(folder, config).read(&classes)?;
        let all = dataset(all, &name, &classes)?;
        let notes = passed_over(&[&classes]).into_iter().collect();
        return Ok((all.split(config.test_share, config.test_seed)?, notes));
    };
    let known = train_classes(&train)?;
    let test_classes = test_classes(&test, &known)?;
    let images = Stack::new(&train, config).read(&known)?;
    let test_images = Stack::like(&images, &test, config).read(&test_classes)?;
    let unused = unused.map(|folder| format!("the images in {} are not used", folder.display()));
    let notes = passed_over(&[&known, &test_classes])
        .into_iter()
        .chain(unused);
    let split = Split {
        train: dataset(images, &name, &known)?,
        test: dataset(test_images, &name, &known)?,
    };
    Ok((split, notes.collect()))
}

/// The folders of the training part, the test part and a third part, if the folder has the first
/// two.
fn parts(folder: &Path) -> Result<Option<(PathBuf, PathBuf, Option<PathBuf>)>, DataError> {
    let folders = listing::folders(folder)?.into_iter();
    let parts = folders.filter_map(|folder| {
        let part = SetPart::of(folder.file_name()?.to_str()?)?;
        Some((part, folder))
    });
    let (train, test, unused) = SetParts::of(parts).chosen();
    Ok(train.zip(test).map(|(train, test)| (train, test, unused)))
}

/// How many of how many files were skipped, with counts of their extensions.
fn passed_over(parts: &[&[Class]]) -> Option<String> {
    let classes = || parts.iter().copied().flatten();
    let mut endings = BTreeMap::<&str, usize>::new();
    for ending in classes().flat_map(|class| &class.passed_over) {
        *endings.entry(ending).or_default() += 1;
    }
    let passed: usize = endings.values().sum();
    let images: usize = classes().map(|class| class.files.len()).sum();
    let mut endings: Vec<_> = endings.into_iter().collect();
    endings.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let shown: Vec<String> = endings
        .iter()
        .take(5)
        .map(|(ending, count)| format!("{ending} {count}"))
        .collect();
    let more = if endings.len() > 5 { ", .." } else { "" };
    (passed > 0).then(|| {
        format!(
            "{passed} of {} files passed over ({}{more})",
            passed + images,
            shown.join(", ")
        )
    })
}

fn dataset(images: Stack<'_>, name: &str, classes: &[Class]) -> Result<Dataset, DataError> {
    let layout = images.layout(classes.len());
    let names = classes.iter().map(|class| class.name.clone()).collect();
    Dataset::new(name, layout, images.pixels, images.labels)?.with_class_names(names)
}

/// The classes of a training folder; none of them is empty.
fn train_classes(folder: &Path) -> Result<Vec<Class>, DataError> {
    let classes = classes(folder)?;
    let path = folder.to_owned();
    match classes.iter().find(|class| class.files.is_empty()) {
        _ if classes.is_empty() => Err(DataError::NoClasses { path }),
        _ if classes.len() > MAX_CLASSES => Err(too_many_classes(path, classes.len())),
        Some(empty) => Err(DataError::NoImages {
            path: empty.folder.clone(),
        }),
        None => Ok(classes),
    }
}

fn too_many_classes(path: PathBuf, found: usize) -> DataError {
    DataError::ClassFolders {
        path,
        found,
        max: MAX_CLASSES,
    }
}

/// The classes of the folder to test by: those of `known`, in that order, with the files found
/// here.
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
mod laws;
